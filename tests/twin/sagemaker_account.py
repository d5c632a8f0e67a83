"""A small account for the tests of jobs, pipelines and the registry: what the real parts plug into."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import cache

import boto3
from moto import mock_aws

from twin.clock import VirtualClock
from twin.interfaces import ACCOUNT_ID, REGION, Invocation
from twin.jobs import Jobs
from twin.patching import Patches
from twin.pipelines import Pipelines
from twin.registry import ModelRegistry

START = datetime(2013, 2, 12, tzinfo=timezone.utc)
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/learning"
BUCKET = "flights-data"


class RecordingBus:
    """An event bus that keeps what it is given, as JSON would carry it."""

    def __init__(self):
        self.events = []

    def emit(self, source, detail_type, detail, resources=()):
        self.events.append((source, detail_type, json.loads(json.dumps(detail)), list(resources)))

    def details(self, detail_type):
        return [detail for _, kind, detail, _ in self.events if kind == detail_type]


class Functions:
    """Lambda functions as plain callables; an exception is an errored invocation."""

    def __init__(self):
        self.handlers = {}
        self.invoked = []

    def invoke(self, name, payload):
        event = json.loads(payload)
        self.invoked.append((name, event))
        try:
            result, errored = self.handlers[name](event), False
        except RuntimeError as error:
            result, errored = {"errorMessage": str(error), "errorType": "RuntimeError"}, True
        return Invocation(
            function=name, payload=payload, result=json.dumps(result).encode(), errored=errored, log=""
        )


class Account:
    """moto with the twin's jobs, pipelines and registry in it, at a virtual time."""

    def __init__(self, clock, state, *, conditions=None):
        self.clock = clock
        self.state = state
        self.bus = RecordingBus()
        self.functions = Functions()
        self.patches = Patches()
        session = _session()
        self.s3 = session.client("s3")
        self.sagemaker = session.client("sagemaker")
        self.jobs = Jobs(clock, self.bus, state, self.patches, session, conditions=conditions)
        self.pipelines = Pipelines(clock, self.bus, self.functions, self.patches, session)
        self.registry = ModelRegistry(self.bus, self.patches)
        self.s3.create_bucket(Bucket=BUCKET)

    def put(self, key, body):
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode() if isinstance(body, str) else body)
        return f"s3://{BUCKET}/{key}"

    def read(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def keys(self, prefix=""):
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]

    def advance(self, **delta):
        self.clock.advance_to(self.clock.now + timedelta(**delta))


@cache
def _session():
    # One for all tests: each session reads the service models, a few hundred milliseconds, anew.
    return boto3.Session(region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")


@contextmanager
def account(state, **options):
    with mock_aws(), VirtualClock(START) as clock:
        twin = Account(clock, state, **options)
        try:
            yield twin
        finally:
            twin.jobs.close()
            twin.patches.undo()


def source_archive(**files):
    """A sourcedir.tar.gz; `train__py` names train.py."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name.replace("__", "."))
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def processing_request(name, script_uri, *, inputs=None, outputs=None, arguments=(), **extra):
    """A CreateProcessingJob request that runs one Python file."""
    sources = {"code": (script_uri, "/opt/ml/processing/input/code"), **(inputs or {})}
    request = {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": [
                "python3",
                f"/opt/ml/processing/input/code/{script_uri.rpartition('/')[2]}",
            ],
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        },
        "ProcessingInputs": [
            {
                "InputName": label,
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": path,
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
            for label, (uri, path) in sources.items()
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": label,
                    "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": "EndOfJob"},
                }
                for label, (uri, path) in (outputs or {}).items()
            ]
        },
        **extra,
    }
    if arguments:
        request["AppSpecification"]["ContainerArguments"] = list(arguments)
    return request


def training_request(name, archive_uri, *, channels=None, hyperparameters=None, **extra):
    """A CreateTrainingJob request in script mode."""
    request = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": archive_uri,
            **(hyperparameters or {}),
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **extra,
    }
    if channels:
        request["InputDataConfig"] = [
            {
                "ChannelName": label,
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
                "ContentType": "text/csv",
            }
            for label, uri in channels.items()
        ]
    return request
