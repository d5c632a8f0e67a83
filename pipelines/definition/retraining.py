"""The retraining pipeline: assemble → train → evaluate → gate → register → approve.

request, seed, capture, labels, quarantine ─▶ Assemble ─▶ train.csv ─▶ Train (GPU, spot) ─▶ model.tar.gz
                                                  └─▶ holdout.csv ─────────▶ Evaluate ◀────────┘
                                                              evaluation.json ─▶ Gate ─▶ Register ─▶ Approve
                                                                                   └─▶ Refuse
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.definition.builder import (
    Condition,
    Definition,
    Expression,
    Fail,
    LambdaCall,
    Parameter,
    Processing,
    PropertyFile,
    RegisterModel,
    Text,
    Training,
    execution,
    join,
    json_get,
    parameter,
    property_of,
)
from selfheal.settings import Settings

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"
CODE = "/opt/ml/processing/code"
CHECKPOINTS = "/opt/ml/checkpoints"


@dataclass(frozen=True, kw_only=True)
class PipelineInputs:
    """What the pipeline stands on. Strings may be unresolved tokens of the CDK.

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


def definition(inputs: PipelineInputs) -> dict[str, Any]:
    """The pipeline's definition, as the service reads it."""
    return Definition(
        parameters=(Parameter("RequestUri"), Parameter("Incident", "by-hand")),
        steps=(_assemble(inputs), _train(inputs), _evaluate(inputs), _gate(inputs)),
    ).to_json()


def _assemble(inputs: PipelineInputs) -> Processing:
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
        arguments=_job(inputs, name, "assemble", sources, ("train", "holdout")),
    )


def _train(inputs: PipelineInputs) -> Training:
    training = inputs.settings.training
    hyperparameters = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": inputs.source_uri,
        "rounds": str(training.rounds),
        **{name: str(value) for name, value in training.hyperparameters.items()},
    }
    stopping = {"MaxRuntimeInSeconds": training.max_run_minutes * 60}
    if training.spot and training.max_wait_minutes is not None:
        stopping["MaxWaitTimeInSeconds"] = training.max_wait_minutes * 60
    return Training(
        name="Train",
        description="XGBoost in script mode, on the GPU where there is one.",
        arguments={
            "AlgorithmSpecification": {"TrainingImage": inputs.image_uri, "TrainingInputMode": "File"},
            "HyperParameters": hyperparameters,
            "Environment": {"SELFHEAL_CHECKPOINTS": CHECKPOINTS},
            "InputDataConfig": [
                {
                    "ChannelName": "train",
                    "ContentType": "text/csv",
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix",
                            "S3Uri": _output_uri("Assemble", "train"),
                            "S3DataDistributionType": "FullyReplicated",
                        }
                    },
                }
            ],
            "OutputDataConfig": {
                "S3OutputPath": _uri(inputs, "train"),
                "KmsKeyId": inputs.kms_key_arn,
            },
            # No VolumeKmsKeyId: GPU types with local NVMe refuse it, and their disks are encrypted in hardware.
            "ResourceConfig": {
                "InstanceType": training.instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": training.volume_gb,
            },
            "RoleArn": inputs.role_arn,
            "EnableManagedSpotTraining": training.spot,
            "CheckpointConfig": {"S3Uri": _uri(inputs, "checkpoints"), "LocalPath": CHECKPOINTS},
            "StoppingCondition": stopping,
        },
    )


def _evaluate(inputs: PipelineInputs) -> Processing:
    name = "Evaluate"
    sources: dict[str, Text] = {
        "source": inputs.source_uri,
        "request": parameter("RequestUri"),
        "train": _output_uri("Assemble", "train"),
        "holdout": _output_uri("Assemble", "holdout"),
        "model": property_of("Train", "ModelArtifacts.S3ModelArtifacts"),
    }
    return Processing(
        name=name,
        description="Scores challenger and champion on the holdout; writes the baseline and the gate's report.",
        arguments=_job(inputs, name, "evaluate", sources, ("evaluation",)),
        property_files=(PropertyFile("Evaluation", "evaluation", "evaluation.json"),),
    )


def _gate(inputs: PipelineInputs) -> Condition:
    reason = json_get("Evaluate", "Evaluation", "gate.reason")
    return Condition(
        name="Gate",
        description="Only a challenger that is proven better is registered.",
        left=json_get("Evaluate", "Evaluation", "gate.verdict"),
        right="PASS",
        depends_on=("Evaluate",),
        then=(_register(inputs), _approve(inputs)),
        otherwise=(
            Fail(name="Refuse", message=join(" ", ["The gate did not let the challenger pass:", reason])),
        ),
    )


def _register(inputs: PipelineInputs) -> RegisterModel:
    def file(name: str) -> dict[str, Any]:
        return {
            "ContentType": "application/json",
            "S3Uri": _uri(inputs, "evaluate", "evaluation", f"{name}.json"),
        }

    data_quality = {"Statistics": file("statistics"), "Constraints": file("constraints")}
    return RegisterModel(
        name="Register",
        arguments={
            "ModelPackageGroupName": inputs.package_group,
            "ModelPackageDescription": join(" ", ["Trained for", parameter("Incident")]),
            "InferenceSpecification": {
                "Containers": [
                    {
                        "Image": inputs.image_uri,
                        "ModelDataUrl": property_of("Train", "ModelArtifacts.S3ModelArtifacts"),
                        "Environment": {
                            "SAGEMAKER_PROGRAM": "inference.py",
                            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                        },
                    }
                ],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["application/json"],
                "SupportedRealtimeInferenceInstanceTypes": [inputs.settings.serving.instance_type],
            },
            "ModelMetrics": {
                "ModelQuality": {"Statistics": file("metrics")},
                "ModelDataQuality": data_quality,
            },
            "DriftCheckBaselines": {
                "ModelQuality": {"Statistics": file("metrics")},
                "ModelDataQuality": data_quality,
            },
            # Approval is the last step's, which checks the artifact's digest against what was evaluated.
            "ModelApprovalStatus": "PendingManualApproval",
        },
    )


def _approve(inputs: PipelineInputs) -> LambdaCall:
    return LambdaCall(
        name="Approve",
        function_arn=inputs.approve_function_arn,
        arguments={
            "package": property_of("Register", "ModelPackageArn"),
            "evaluation": _uri(inputs, "evaluate", "evaluation"),
            "incident": parameter("Incident"),
        },
        outputs=("package", "verdict"),
    )


def _job(
    inputs: PipelineInputs, name: str, program: str, sources: dict[str, Text], outputs: Sequence[str]
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
        "ProcessingInputs": [_input(source, uri) for source, uri in sources.items()],
        "ProcessingOutputConfig": {
            "KmsKeyId": inputs.kms_key_arn,
            "Outputs": [
                {
                    "OutputName": output,
                    "S3Output": {
                        "S3Uri": _uri(inputs, name.lower(), output),
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


def _input(name: str, uri: Text) -> dict[str, Any]:
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


def _uri(inputs: PipelineInputs, *parts: str) -> Expression:
    """An address in this execution's own folder of the data bucket."""
    return join("/", [f"s3://{inputs.bucket}/pipeline", execution("PipelineExecutionId"), *parts])


def _output_uri(step: str, output: str) -> Expression:
    return property_of(step, f"ProcessingOutputConfig.Outputs['{output}'].S3Output.S3Uri")
