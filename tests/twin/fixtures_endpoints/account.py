"""The account of the endpoint tests."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws

from tests.twin.fixtures_endpoints.fakes import HandClock, ListBus, ListMetrics, SetAlarms
from twin.endpoints import Endpoints, Timing, install
from twin.interfaces import REGION
from twin.patching import Patches
from twin.traffic import Request, TrafficDriver

BUCKET = "data-bucket"
MINUTE = timedelta(minutes=1)
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"

SCRIPT = """
import os, pathlib, time

def model_fn(model_dir):
    return float(pathlib.Path(model_dir, "model.txt").read_text())

def input_fn(body, content_type):
    if content_type != "text/csv":
        raise UnsupportedFormatError(content_type)
    return [float(value) for value in body.split(",")]

def predict_fn(data, model):
    if data[0] < 0:
        raise ValueError("a negative distance")
    time.sleep(float(os.environ.get("DELAY", "0")))
    return sum(data) * model

def output_fn(prediction, accept):
    return str(prediction), "text/csv"

class UnsupportedFormatError(Exception):
    pass
"""


def archive(files: dict[str, str]) -> bytes:
    """A model.tar.gz; the keys are member names, taken as they are."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def model_archive(factor: float = 2.0, script: str = SCRIPT) -> bytes:
    return archive({"model.txt": str(factor), "code/inference.py": script})


class Account:
    """boto3 clients on moto, with the twin's endpoints installed, and short ways to set things up."""

    def __init__(self, state: Path, timing: Timing) -> None:
        self.clock, self.bus, self.alarms, self.metrics = HandClock(), ListBus(), SetAlarms(), ListMetrics()
        self.s3 = boto3.client("s3", region_name=REGION)
        self.sagemaker = boto3.client("sagemaker", region_name=REGION)
        self.state = state
        self.patches = Patches()
        self.endpoints = Endpoints(
            clock=self.clock,
            bus=self.bus,
            metrics=self.metrics,
            alarms=self.alarms,
            s3=self.s3,
            state=state,
            timing=timing,
        )
        install(self.endpoints, self.patches)
        self.traffic = TrafficDriver(self.endpoints.gateway_url, self.endpoints.loop)
        self.s3.create_bucket(Bucket=BUCKET)

    def close(self) -> None:
        self.traffic.close()
        self.endpoints.close()
        self.patches.undo()

    def advance(self, by: timedelta) -> None:
        for _ in range(by // MINUTE):
            self.clock.move(MINUTE)
            self.endpoints.tick(self.clock.now)

    def model(self, name: str, data: bytes | None, **environment: str) -> None:
        """Create a Model; without data its archive is missing."""
        key = f"models/{name}.tar.gz"
        if data is not None:
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=data)
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn="arn:aws:iam::123456789012:role/serving",
            PrimaryContainer={
                "Image": IMAGE,
                "ModelDataUrl": f"s3://{BUCKET}/{key}",
                "Environment": {
                    "SAGEMAKER_PROGRAM": "inference.py",
                    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    **environment,
                },
            },
        )

    def config(self, name: str, model: str, instances: int = 2, **more: Any) -> None:
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic",
                    "ModelName": model,
                    "InstanceType": "ml.m6i.large",
                    "InitialInstanceCount": instances,
                }
            ],
            **more,
        )

    def serve(self, name: str = "flights", config: str = "config-a") -> None:
        self.sagemaker.create_endpoint(
            EndpointName=name, EndpointConfigName=config, Tags=[{"Key": "workload", "Value": "flights"}]
        )
        self.endpoints.wait_in_service(name, self.advance)

    def status(self, name: str = "flights") -> tuple[str, str]:
        described = self.sagemaker.describe_endpoint(EndpointName=name)
        return described["EndpointStatus"], described["EndpointConfigName"]

    def send(self, *bodies: str, name: str = "flights", content_type: str = "text/csv") -> list[Any]:
        requests = [
            Request(
                at=self.clock.now, inference_id=f"flight-{n}", body=body.encode(), content_type=content_type
            )
            for n, body in enumerate(bodies)
        ]
        return self.traffic.send(name, requests)


CAPTURE: dict[str, Any] = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}

CANARY: dict[str, Any] = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
            "WaitIntervalInSeconds": 600,
        },
        "TerminationWaitInSeconds": 120,
        "MaximumExecutionTimeoutInSeconds": 1800,
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "canary-5xx"}]},
}


@contextmanager
def account(state: Path, timing: Timing | None = None) -> Iterator[Account]:
    with mock_aws():
        opened = Account(state, timing or Timing())
        try:
            yield opened
        finally:
            opened.close()
