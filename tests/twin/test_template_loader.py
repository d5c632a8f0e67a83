"""Hand-written templates: what the loader creates, and what it refuses by name."""

from __future__ import annotations

import json
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws

from twin.interfaces import ACCOUNT_ID, REGION, TwinError
from twin.template import Account, Loader, PackagedCode, Stack


class NoFunctions:
    def invoke(self, name, payload):
        raise AssertionError(f"{name} was invoked")


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield boto3.Session(region_name=REGION)


@pytest.fixture
def loader(session):
    account = Account(session=session, functions=NoFunctions(), code=PackagedCode(), wait=lambda span: None)
    return Loader(account)


def stack(resources, name="flights", **sections):
    return Stack(name=name, template={"Resources": resources, **sections}, parameters={}, assets=())


def deploy(loader, resources, **sections):
    return loader.deploy(stack(resources, **sections))


QUEUE = {"Type": "AWS::SQS::Queue"}


def test_unnamed_resources_get_the_same_name_each_time(loader):
    bucket = deploy(loader, {"Data": {"Type": "AWS::S3::Bucket"}}, name="Flights").resources["Data"]
    assert bucket.startswith("flights-data-")
    assert bucket == bucket.lower()


def test_resources_come_after_what_they_refer_to(loader, session):
    deployed = deploy(
        loader,
        {
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {
                    "QueueName": "main",
                    "VisibilityTimeout": 120,
                    "RedrivePolicy": {
                        "deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]},
                        "maxReceiveCount": 3,
                    },
                },
            },
            "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "dead"}},
        },
    )
    assert list(deployed.resources) == ["Dead", "Queue"]
    found = session.client("sqs").get_queue_attributes(
        QueueUrl=deployed.resources["Queue"], AttributeNames=["All"]
    )["Attributes"]
    assert found["VisibilityTimeout"] == "120"
    assert json.loads(found["RedrivePolicy"])["deadLetterTargetArn"].endswith(":dead")


def test_conditions_decide_what_exists(loader):
    deployed = deploy(
        loader,
        {"Here": {**QUEUE, "Condition": "InUse1"}, "Elsewhere": {**QUEUE, "Condition": "NotInUse1"}},
        Conditions={
            "InUse1": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
            "NotInUse1": {"Fn::Not": [{"Condition": "InUse1"}]},
        },
        Outputs={
            "Here": {"Value": {"Ref": "Here"}, "Condition": "InUse1"},
            "Elsewhere": {"Value": {"Ref": "Elsewhere"}, "Condition": "NotInUse1"},
        },
    )
    assert list(deployed.resources) == ["Here"]
    assert list(deployed.outputs) == ["Here"]


def test_a_reference_to_what_its_condition_leaves_out_is_an_error(loader):
    resources = {
        "Gone": {**QUEUE, "Condition": "Never"},
        "Policy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Gone"}], "PolicyDocument": {}},
        },
    }
    with pytest.raises(TwinError, match=r"flights\.Policy\.Queues\[0\]: Gone .* condition is false"):
        deploy(loader, resources, Conditions={"Never": {"Fn::Equals": ["a", "b"]}})


def test_exports_reach_later_stacks_and_no_earlier_ones(loader):
    exporting = {"Q": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}, "Export": {"Name": "first:Q"}}}
    importing = {
        "Pointer": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Value": {"Fn::ImportValue": "first:Q"}},
        }
    }
    with pytest.raises(TwinError, match=r"early\.Pointer\.Value: no stack deployed so far exports first:Q"):
        deploy(loader, importing, name="early")
    deploy(loader, {"Queue": QUEUE}, name="first", Outputs=exporting)
    assert deploy(loader, importing, name="late").resources
    with pytest.raises(TwinError, match="export first:Q exists already"):
        deploy(loader, {"Queue": QUEUE}, name="again", Outputs=exporting)


def test_parameters_come_from_defaults_and_from_the_parameter_store(loader, session):
    session.client("ssm").put_parameter(Name="/flights/zones", Value="a,b", Type="String")
    deployed = deploy(
        loader,
        {"Queue": QUEUE},
        Parameters={
            "BootstrapVersion": {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
            },
            "Zones": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/flights/zones"},
            "Rows": {"Type": "Number", "Default": "3"},
            "Names": {"Type": "CommaDelimitedList", "Default": "x, y"},
        },
        Outputs={
            "Zone": {"Value": {"Fn::Select": [1, {"Ref": "Zones"}]}},
            "Name": {"Value": {"Fn::Select": [1, {"Ref": "Names"}]}},
            "Rows": {"Value": {"Ref": "Rows"}},
            "Id": {"Value": {"Ref": "AWS::StackId"}},
        },
        Rules={
            "CheckBootstrapVersion": {
                "Assertions": [
                    {"Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2"], {"Ref": "BootstrapVersion"}]}]}}
                ]
            }
        },
    )
    assert deployed.outputs == {"Zone": "b", "Name": "y", "Rows": "3", "Id": deployed.stack_id}


def test_a_rule_that_does_not_hold_stops_the_stack(loader):
    rules = {
        "R": {"Assertions": [{"Assert": {"Fn::Equals": ["a", "b"]}, "AssertDescription": "bootstrap again"}]}
    }
    with pytest.raises(TwinError, match="bootstrap again"):
        deploy(loader, {"Queue": QUEUE}, Rules=rules)


@pytest.mark.parametrize(
    ("resources", "sections", "message"),
    [
        ({"X": {"Type": "AWS::EC2::VPC"}}, {}, r"flights\.X: resource type AWS::EC2::VPC"),
        (
            {"X": {"Type": "AWS::SQS::Queue", "Properties": {"Colour": "red"}}},
            {},
            r"flights\.X \(AWS::SQS::Queue\): Colour",
        ),
        (
            {"X": {"Type": "AWS::S3::Bucket", "Properties": {"NotificationConfiguration": {}}}},
            {},
            "NotificationConfiguration",
        ),
        (
            {
                "X": {
                    "Type": "AWS::S3::Bucket",
                    "Properties": {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "Odd": 1}]}},
                }
            },
            {},
            r"LifecycleConfiguration\.Rules\.Odd",
        ),
        (
            {
                "X": {
                    "Type": "AWS::CloudWatch::Alarm",
                    "Properties": {
                        "ComparisonOperator": "GreaterThanThreshold",
                        "EvaluationPeriods": 1,
                        "Dimensions": [{"Name": "a", "Wert": "b"}],
                    },
                }
            },
            {},
            r"flights\.X .*Wert",
        ),
        (
            {"X": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String"}}},
            {},
            r"flights\.X .*Value",
        ),
        ({"X": {**QUEUE, "UpdatePolicy": {}}}, {}, r"flights\.X: .* UpdatePolicy"),
        ({"X": {**QUEUE, "DependsOn": "Y"}}, {}, r"flights\.X: DependsOn names Y"),
        ({"X": {**QUEUE, "DependsOn": ["Y"]}, "Y": {**QUEUE, "DependsOn": ["X"]}}, {}, "X → Y → X"),
        ({"X": QUEUE}, {"Transform": "AWS::Serverless"}, "section Transform"),
        ({"X": QUEUE}, {"Parameters": {"P": {"Type": "String"}}}, r"Parameters\.P has no value"),
        (
            {"X": QUEUE},
            {"Parameters": {"P": {"Type": "AWS::EC2::VPC::Id", "Default": "v"}}},
            "AWS::EC2::VPC::Id",
        ),
        (
            {"X": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ZipFile": "x"}}}},
            {},
            r"Code\.ZipFile",
        ),
        (
            {
                "X": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Code": {"S3Bucket": "assets", "S3Key": "k"},
                        "Role": f"arn:aws:iam::{ACCOUNT_ID}:role/r",
                        "Handler": "a.b",
                        "Runtime": "python3.13",
                    },
                }
            },
            {},
            r"s3://assets/k is no asset folder",
        ),
        (
            {"X": {"Type": "Custom::Thing", "Properties": {"ServiceToken": "arn:aws:sns:::t"}}},
            {},
            "no function",
        ),
        ({"X": {"Type": "AWS::CloudFormation::CustomResource", "Properties": {}}}, {}, "ServiceToken"),
        (
            {
                "X": {
                    "Type": "AWS::DynamoDB::GlobalTable",
                    "Properties": {"Replicas": [{"Region": "eu-west-1"}]},
                }
            },
            {},
            "us-east-1 alone",
        ),
        (
            {"X": {"Type": "AWS::Events::Rule", "Properties": {"EventBusName": "other"}}},
            {},
            "default event bus",
        ),
    ],
)
def test_what_the_twin_does_not_know_is_named(loader, resources, sections, message):
    with pytest.raises(TwinError, match=message):
        deploy(loader, resources, **sections)


def test_a_stack_is_deployed_once(loader):
    deploy(loader, {"X": QUEUE})
    with pytest.raises(TwinError, match="deployed already"):
        deploy(loader, {"X": QUEUE})


def test_the_metadata_of_the_cdk_is_nothing(loader):
    metadata = {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:x"}, "Metadata": {}}
    assert deploy(loader, {"CDKMetadata": metadata}).resources == {"CDKMetadata": "CDKMetadata"}


def test_a_global_table_takes_its_key_from_the_replica(loader, session):
    properties = {
        "TableName": "ledger",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
        "Replicas": [
            {
                "Region": {"Ref": "AWS::Region"},
                "DeletionProtectionEnabled": True,
                "SSESpecification": {"KMSMasterKeyId": "alias/flights"},
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            }
        ],
    }
    deploy(loader, {"Ledger": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties}})
    dynamodb = session.client("dynamodb")
    table = dynamodb.describe_table(TableName="ledger")["Table"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == "alias/flights"
    assert table["DeletionProtectionEnabled"] is True
    backups = dynamodb.describe_continuous_backups(TableName="ledger")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_substitutions_of_a_definition_are_made(loader, session):
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Comment": "${text}", "End": True}}}
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
            "DefinitionString": json.dumps(definition),
            "DefinitionSubstitutions": {"text": 'say "hi"'},
        },
    }
    deployed = deploy(loader, {"Machine": machine, "Role": role})
    found = session.client("stepfunctions").describe_state_machine(
        stateMachineArn=deployed.resources["Machine"]
    )
    assert json.loads(found["definition"])["States"]["A"]["Comment"] == 'say "hi"'


def test_an_endpoint_is_waited_for_in_virtual_time(session, monkeypatch):
    statuses = iter(["Creating", "Creating", "InService"])
    waits = []
    account = Account(session=session, functions=NoFunctions(), code=PackagedCode(), wait=waits.append)
    resources = _endpoint(monkeypatch, statuses)
    deployed = Loader(account).deploy(stack(resources))
    assert waits == [timedelta(minutes=1)] * 2
    assert deployed.resources["Endpoint"] == f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:endpoint/flights"


def test_an_endpoint_that_fails_fails_the_stack(loader, monkeypatch):
    with pytest.raises(TwinError, match=r"flights\.Endpoint .*is Failed"):
        deploy(loader, _endpoint(monkeypatch, iter(["Creating", "Failed"])))


def _endpoint(monkeypatch, statuses):
    from moto.sagemaker.models import FakeEndpoint

    original = FakeEndpoint.response_object.fget
    monkeypatch.setattr(
        FakeEndpoint,
        "response_object",
        property(lambda endpoint: {**original(endpoint), "EndpointStatus": next(statuses)}),
    )
    variant = {"VariantName": "live", "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}}
    return {
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {"ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT_ID}:role/r"},
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [{**variant, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": "flights",
                "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                "RetainAllVariantProperties": True,
            },
        },
    }
