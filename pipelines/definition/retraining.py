"""The retraining pipeline: assemble → train → evaluate → gate → register → approve.

request, seed, capture, labels, quarantine ─▶ Assemble ─▶ train.csv ─▶ Train (GPU, spot) ─▶ model.tar.gz
                                                  └─▶ holdout.csv ─────────▶ Evaluate ◀────────┘
                                                              evaluation.json ─▶ Gate ─▶ Register ─▶ Approve
                                                                                   └─▶ Refuse
"""

from __future__ import annotations

from typing import Any

from pipelines.definition.builder import (
    Condition,
    Definition,
    Fail,
    LambdaCall,
    Parameter,
    Processing,
    PropertyFile,
    RegisterModel,
    Text,
    Training,
    join,
    json_get,
    parameter,
    property_of,
)
from pipelines.definition.jobs import PipelineInputs, assemble, output_uri, processing_job, uri

CHECKPOINTS = "/opt/ml/checkpoints"


def definition(inputs: PipelineInputs) -> dict[str, Any]:
    """The pipeline's definition, as the service reads it."""
    return Definition(
        parameters=(Parameter("RequestUri"), Parameter("Incident", "by-hand")),
        steps=(assemble(inputs), _train(inputs), _evaluate(inputs), _gate(inputs)),
    ).to_json()


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
                            "S3Uri": output_uri("Assemble", "train"),
                            "S3DataDistributionType": "FullyReplicated",
                        }
                    },
                }
            ],
            "OutputDataConfig": {
                "S3OutputPath": uri(inputs, "train"),
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
            "CheckpointConfig": {"S3Uri": uri(inputs, "checkpoints"), "LocalPath": CHECKPOINTS},
            "StoppingCondition": stopping,
        },
    )


def _evaluate(inputs: PipelineInputs) -> Processing:
    name = "Evaluate"
    sources: dict[str, Text] = {
        "source": inputs.source_uri,
        "request": parameter("RequestUri"),
        "train": output_uri("Assemble", "train"),
        "holdout": output_uri("Assemble", "holdout"),
        "model": property_of("Train", "ModelArtifacts.S3ModelArtifacts"),
    }
    return Processing(
        name=name,
        description="Scores challenger and champion on the holdout; writes the baseline and the gate's report.",
        arguments=processing_job(inputs, name, "evaluate", sources, ("evaluation",)),
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
            "S3Uri": uri(inputs, "evaluate", "evaluation", f"{name}.json"),
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
            # What verification asks the endpoint again, to the bit as it was evaluated (selfheal/aws/registry.py).
            "CustomerMetadataProperties": {
                "golden-set": uri(inputs, "evaluate", "evaluation", "golden.json"),
                "golden-set-sha256": json_get("Evaluate", "Evaluation", "golden.sha256"),
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
            "evaluation": uri(inputs, "evaluate", "evaluation"),
            "incident": parameter("Incident"),
        },
        outputs=("package", "verdict"),
    )
