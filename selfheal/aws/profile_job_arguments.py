"""The arguments of a profile job's CreateProcessingJob call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from selfheal.observe.quality.volume import Place, VolumePolicy, machines

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"
CODE = "/opt/ml/processing/code"
# SageMaker tells each machine its name here.
RESOURCES = "/opt/ml/config/resourceconfig.json"
UNPACK = f"mkdir -p {CODE} && tar -xzf {INPUT}/source/*.gz -C {CODE} && cd {CODE}"


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """What profile jobs run on. Their caller has these from its deployment.

    Attributes:
        source_uri: S3 address of the source bundle.
        volume_kms_key_arn: None for instance types with local NVMe, which are encrypted in hardware and
            refuse a key.
    """

    role_arn: str
    image_uri: str
    spark_image_uri: str
    source_uri: str
    kms_key_arn: str
    instance_type: str
    volume_gb: int
    max_run_minutes: int
    volume_kms_key_arn: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """One job: what it reads and writes.

    Attributes:
        files: how many captured files it reads.
        folder: of its request and its result, in the bucket.
        rejected: folder of the lines that could not be read.
    """

    name: str
    place: Place
    files: int
    bucket: str
    folder: str
    rejected: str


def job_arguments(plan: JobPlan, settings: JobSettings, policy: VolumePolicy) -> dict[str, Any]:
    """Everything that CreateProcessingJob is told."""
    volume_key = {"VolumeKmsKeyId": settings.volume_kms_key_arn} if settings.volume_kms_key_arn else {}
    folder = f"s3://{plan.bucket}/{plan.folder}"
    return {
        "ProcessingJobName": plan.name,
        "AppSpecification": _application(plan, settings),
        "ProcessingInputs": [
            _input("source", settings.source_uri),
            _input("request", f"{folder}/request.json"),
            *([] if plan.place is Place.SPARK else [_shared_out("capture", f"{folder}/capture.manifest")]),
        ],
        "ProcessingOutputConfig": {
            "KmsKeyId": settings.kms_key_arn,
            "Outputs": [
                _output("hours", f"{folder}/hours"),
                _output("rejected", f"s3://{plan.bucket}/{plan.rejected}"),
            ],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": settings.instance_type,
                "InstanceCount": machines(plan.place, plan.files, policy),
                "VolumeSizeInGB": settings.volume_gb,
                **volume_key,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": settings.max_run_minutes * 60},
        "RoleArn": settings.role_arn,
    }


def _application(plan: JobPlan, settings: JobSettings) -> Mapping[str, Any]:
    if plan.place is Place.SPARK:
        # Spark's machines read the files where they lie: each of them may need any.
        program, image = f"smspark-submit {CODE}/profile_on_spark.py", settings.spark_image_uri
        arguments = [INPUT, OUTPUT, f"s3a://{plan.bucket}/"]
    else:
        program, image = "python3 -m pipelines.steps.profile", settings.image_uri
        arguments = [INPUT, OUTPUT, RESOURCES]
    # An argument holds 256 characters: paths come after the command, as the shell's own arguments.
    entry = ["/bin/sh", "-c", f'{UNPACK} && exec {program} "$@"', "profile", *arguments]
    return {"ImageUri": image, "ContainerEntrypoint": entry}


def _input(name: str, uri: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{INPUT}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def _shared_out(name: str, manifest: str) -> dict[str, Any]:
    """Exactly the files that were listed, each on one machine: a file that came since makes another job."""
    given = _input(name, manifest)
    given["S3Input"] |= {"S3DataType": "ManifestFile", "S3DataDistributionType": "ShardedByS3Key"}
    return given


def _output(name: str, uri: str) -> dict[str, Any]:
    target = {"S3Uri": uri, "LocalPath": f"{OUTPUT}/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": target}
