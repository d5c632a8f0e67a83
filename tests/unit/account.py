"""A small account on moto, with what the functions find in a real one: every resource is made by its API."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import tarfile

import boto3
import moto  # noqa: F401 - clients made before it is imported would really call AWS
from botocore.client import BaseClient
from botocore.validate import ParamValidator
from moto.sagemaker.models import sagemaker_backends

from selfheal.aws.alarms import Alarms
from selfheal.aws.champion import PACKAGE_VARIABLE
from selfheal.aws.ledger_table import LedgerTable
from selfheal.aws.objects import Objects
from unit.samples import baseline

REGION = "us-east-1"
NAME = "flights"
BUCKET = "flights-data"
TABLE = "flights-ledger"
GROUP = "flights"
ROLE = "arn:aws:iam::123456789012:role/serving"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
VARIANT = "AllTraffic"
CHAMPION_PARAMETER = "/selfheal/flights/champion/model"
MODE_PARAMETER = "/selfheal/flights/mode"
SWITCH_PARAMETER = "/selfheal/flights/kill-switch"

# What reads: everything else of SageMaker's changes something.
READS = ("Describe", "List", "Get", "Search", "Query", "BatchDescribe")


@functools.cache
def session():
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)


@functools.cache
def client(service, endpoint_url=None, config=None):
    """One client a service and process: making them is most of what such a test would wait for."""
    assert endpoint_url is None, "these tests know AWS's own address only"
    return session().client(service, config=config)


class Calls:
    """Every call that goes to AWS, as (service, operation, arguments).

    `answers` holds what moto lacks: an operation's answer, given once the service's own model has found
    nothing wrong with the arguments. An exception is raised instead of sending the call; a function is asked for the
    answer.
    """

    def __init__(self, monkeypatch):
        self.made = []
        self.answers = {}
        send = BaseClient._make_api_call

        def record(client, operation, arguments):
            model = client.meta.service_model
            self.made.append((model.service_id, operation, arguments))
            if operation not in self.answers:
                return send(client, operation, arguments)
            shape = model.operation_model(operation).input_shape
            assert ParamValidator().validate(arguments, shape).generate_report() == ""
            answer = self.answers[operation]
            if isinstance(answer, Exception):
                raise answer
            return answer(arguments) if callable(answer) else answer

        monkeypatch.setattr(BaseClient, "_make_api_call", record)

    def forget(self):
        self.made.clear()

    def of(self, operation):
        return [arguments for _, name, arguments in self.made if name == operation]

    def changes(self, service="SageMaker"):
        """Operations of a service that changed something."""
        return [name for at, name, _ in self.made if at == service and not name.startswith(READS)]


def archive(text="model"):
    """A tar.gz of one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("model.ubj")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


class Account:
    """Clients, and the resources of one workload."""

    def __init__(self, calls):
        self.calls = calls
        self.s3 = client("s3")
        self.ssm = client("ssm")
        self.sagemaker = client("sagemaker")
        self.dynamodb = client("dynamodb")
        self.cloudwatch = client("cloudwatch")
        self.workflows = client("stepfunctions")
        self.sns = client("sns")
        self.s3.create_bucket(Bucket=BUCKET)
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        self.set(CHAMPION_PARAMETER, "none")
        self.set(MODE_PARAMETER, "act")
        self.set(SWITCH_PARAMETER, "off")
        self.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
        self.objects = Objects(self.s3, BUCKET)
        self.table = LedgerTable(self.dynamodb, TABLE)
        self.alarms = Alarms(self.cloudwatch, NAME)

    def set(self, parameter, value):
        self.ssm.put_parameter(Name=parameter, Value=value, Type="String", Overwrite=True)

    def text(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()

    def keys(self, prefix=""):
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in found]

    def package(self, name="one", status="Approved", content=None, **metadata):
        """Register a package; metadata of None is left out. Returns its ARN."""
        artifact = archive(name)
        self.s3.put_object(Bucket=BUCKET, Key=f"packages/{name}/model.tar.gz", Body=artifact)
        key = f"packages/{name}/baseline.json"
        self.objects.write(key, json.dumps(baseline().to_json()) if content is None else content)
        carried = {
            "sha256": hashlib.sha256(artifact).hexdigest(),
            "baseline": f"s3://{BUCKET}/{key}",
            **{name.replace("_", "-"): value for name, value in metadata.items()},
        }
        return self.sagemaker.create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [
                    {
                        "Image": IMAGE,
                        "ModelDataUrl": f"s3://{BUCKET}/packages/{name}/model.tar.gz",
                        "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
                    }
                ],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            CustomerMetadataProperties={k: v for k, v in carried.items() if v is not None},
        )["ModelPackageArn"]

    def model(self, name, package):
        environment = {PACKAGE_VARIABLE: package} if package else {}
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": IMAGE, "Environment": environment},
        )
        return name

    def serve(self, config, model):
        """An endpoint that serves a model by a config of that name."""
        self.config(config, model)
        self.sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=config)

    def config(self, config, model):
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=[
                {
                    "VariantName": VARIANT,
                    "ModelName": model,
                    "InitialInstanceCount": 2,
                    "InstanceType": "ml.m5.large",
                    "InitialVariantWeight": 1.0,
                }
            ],
            DataCaptureConfig={
                "EnableCapture": True,
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": f"s3://{BUCKET}/capture",
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            },
        )

    def champion(self, **metadata):
        """A champion that serves: package, model, config, endpoint and pointer. Returns the package's ARN."""
        package = self.package("champion", **metadata)
        self.serve("flights-first", self.model("champion-model", package))
        self.set(CHAMPION_PARAMETER, "champion-model")
        return package

    def endpoint_is(self, status="InService", config=None, name=NAME, changed_at=None):
        """Put the endpoint into a state; moto's own finish everything at once and take no update."""
        endpoint = sagemaker_backends["123456789012"][REGION].endpoints[name]
        endpoint.endpoint_status = status
        endpoint.endpoint_config_name = config or endpoint.endpoint_config_name
        if changed_at is not None:
            endpoint.last_modified_time = changed_at.replace(tzinfo=None)

    def hold(self, incident, token=1):
        """Let an incident (as JSON) hold the lease; returns it with its fencing token."""
        self.dynamodb.put_item(
            TableName=TABLE,
            Item={
                "pk": {"S": "OPEN"},
                "sk": {"S": "incident"},
                "incident": {"S": incident["id"]},
                "execution": {"S": "execution-1"},
                "token": {"N": str(token)},
                "held_until": {"S": incident["opened_at"]},
            },
        )
        return {**incident, "fencing_token": token}

    def topic(self):
        """A topic whose messages land in a queue. Returns its ARN and a function that reads them."""
        queue = client("sqs").create_queue(QueueName="notices")["QueueUrl"]
        arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
        topic = self.sns.create_topic(Name="notices")["TopicArn"]
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])

        def read():
            found = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            return [json.loads(message["Body"]) for message in found]

        return topic, read

    def alarm(self, name, state="ALARM"):
        self.cloudwatch.put_metric_alarm(
            AlarmName=name,
            MetricName="any",
            Namespace="any",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
            Statistic="Sum",
        )
        self.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="because of a test")

    def state_machine(self):
        return self.workflows.create_state_machine(
            name="flights-incident",
            definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}),
            roleArn="arn:aws:iam::123456789012:role/workflow",
        )["stateMachineArn"]

    def executions(self, machine):
        found = self.workflows.list_executions(stateMachineArn=machine)["executions"]
        return [execution["name"] for execution in found]
