"""What both pipelines stand on: their inputs, their jobs, and the step that both begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.definition.builder import Expression, Processing, Text, execution, join, parameter, property_of
from selfheal.settings import Settings

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"
CODE = "/opt/ml/processing/code"


@dataclass(frozen=True, kw_only=True)
class PipelineInputs:
    """What a pipeline stands on. Strings may be unresolved tokens of the CDK.

    Attributes:
        source_uri: S3 address of the tar.gz with selfheal/, pipelines/, workloads/ and workload.json.
        seed_uri: S3 address of the labelled history that the first champion learns from.
        role_arn: role of the jobs.
        approve_function_arn: the Lambda function of the last step.
    """

    settings: Settings
    image_uri: str
    role_arn: str
    bucket: str
    source_uri: str
    seed_uri: str
    package_group: str
    approve_function_arn: str
    kms_key_arn: str


def assemble(inputs: PipelineInputs) -> Processing:
    name, endpoint = "Assemble", inputs.settings.name
    sources: dict[str, Text] = {
        "source": inputs.source_uri,
        "seed": inputs.seed_uri,
        "request": parameter("RequestUri"),
        "capture": f"s3://{inputs.bucket}/capture/{endpoint}",
        "labels": f"s3://{inputs.bucket}/ground-truth/{endpoint}",
        # Not part of the request: a training that a person starts must leave the same hours out.
        "quarantine": f"s3://{inputs.bucket}/quarantine",
    }
    return Processing(
        name=name,
        description="Joins captured traffic with its outcomes; splits off a holdout that nothing trains on.",
        arguments=processing_job(inputs, name, "assemble", sources, ("train", "holdout")),
    )


def processing_job(
    inputs: PipelineInputs, name: str, program: str, sources: Mapping[str, Text], outputs: Sequence[str]
) -> dict[str, Any]:
    """A processing job that runs one of pipelines/steps out of the source bundle."""
    unpack = f"mkdir -p {CODE} && tar -xzf {INPUT}/source/*.gz -C {CODE}"
    return {
        "AppSpecification": {
            "ImageUri": inputs.image_uri,
            "ContainerEntrypoint": [
                "/bin/sh",
                "-c",
                f"{unpack} && cd {CODE} && exec python3 -m pipelines.steps.{program} {INPUT} {OUTPUT}",
            ],
        },
        "ProcessingInputs": [_input(source, address) for source, address in sources.items()],
        "ProcessingOutputConfig": {
            "KmsKeyId": inputs.kms_key_arn,
            "Outputs": [
                {
                    "OutputName": output,
                    "S3Output": {
                        "S3Uri": uri(inputs, name.lower(), output),
                        "LocalPath": f"{OUTPUT}/{output}",
                        "S3UploadMode": "EndOfJob",
                    },
                }
                for output in outputs
            ],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": inputs.settings.training.processing_instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": inputs.settings.training.volume_gb,
                "VolumeKmsKeyId": inputs.kms_key_arn,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": inputs.settings.training.max_run_minutes * 60},
        "RoleArn": inputs.role_arn,
    }


def _input(name: str, address: Text) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": address,
            "LocalPath": f"{INPUT}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def uri(inputs: PipelineInputs, *parts: str) -> Expression:
    """An address in this execution's own folder of the data bucket."""
    return join("/", [f"s3://{inputs.bucket}/pipeline", execution("PipelineExecutionId"), *parts])


def output_uri(step: str, output: str) -> Expression:
    return property_of(step, f"ProcessingOutputConfig.Outputs['{output}'].S3Output.S3Uri")
