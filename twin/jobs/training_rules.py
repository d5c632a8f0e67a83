"""CreateTrainingJob: what AWS refuses, and what the twin cannot do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from twin.interfaces import TwinError
from twin.jobs.containers import framework_image
from twin.service_shapes import check_request, refuse_unsupported, validation_error

# Accepted and described without effect here: networks, trials, encryption in transit and tags change
# nothing on one machine.
_SUPPORTED = (
    "AlgorithmSpecification",
    "CheckpointConfig",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "EnableNetworkIsolation",
    "Environment",
    "ExperimentConfig",
    "HyperParameters",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "RoleArn",
    "StoppingCondition",
    "Tags",
    "TrainingJobName",
    "VpcConfig",
)
_ALGORITHM = ("TrainingImage", "TrainingInputMode", "MetricDefinitions", "EnableSageMakerMetricsTimeSeries")
_CHANNEL = ("ChannelName", "DataSource", "ContentType", "CompressionType", "RecordWrapperType", "InputMode")
_RESOURCES = (
    "InstanceType",
    "InstanceCount",
    "InstancePreferences",
    "VolumeSizeInGB",
    "VolumeKmsKeyId",
    "KeepAlivePeriodInSeconds",
)
_LOCAL_NVME = re.compile(r"^ml\.(g4dn|g5|g6|g6e|gr6|p4de?|p5e?n?|trn1n?|[a-z]+\d+[a-z]*d[a-z]*)\.")


def check_training(request: Mapping[str, Any]) -> None:
    """Refuse what AWS refuses (ValidationException) and what the twin cannot do (TwinError)."""
    check_request("CreateTrainingJob", request)
    refuse_unsupported("CreateTrainingJob", request, _SUPPORTED)
    _check_algorithm(request.get("AlgorithmSpecification", {}))
    _check_resources(request)
    _check_times(request)
    for channel in request.get("InputDataConfig", ()):
        _check_channel(channel)
    if request["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP":
        raise TwinError("OutputDataConfig: the twin writes model artifacts as GZIP only")
    if "sagemaker_program" not in request.get("HyperParameters", {}):
        raise TwinError(
            "the twin trains in script mode only: the hyperparameters sagemaker_program and"
            " sagemaker_submit_directory are missing"
        )


def _check_algorithm(algorithm: Mapping[str, Any]) -> None:
    refuse_unsupported("AlgorithmSpecification", algorithm, _ALGORITHM)
    if "TrainingImage" not in algorithm:
        raise validation_error("AlgorithmSpecification must name a TrainingImage")
    framework_image(algorithm["TrainingImage"])
    if algorithm["TrainingInputMode"] != "File":
        raise TwinError(f"TrainingInputMode {algorithm['TrainingInputMode']}: the twin knows File only")
    for metric in algorithm.get("MetricDefinitions", ()):
        try:
            groups = re.compile(metric["Regex"]).groups
        except re.error as error:
            raise validation_error(f"the Regex of metric {metric['Name']} is invalid: {error}") from error
        if groups < 1:
            raise validation_error(
                f"the Regex of metric {metric['Name']} needs a group that captures the value"
            )


def _check_resources(request: Mapping[str, Any]) -> None:
    resources = request.get("ResourceConfig")
    if resources is None:
        raise TwinError("the twin has no serverless training: give a ResourceConfig")
    refuse_unsupported("ResourceConfig", resources, _RESOURCES)
    if ("InstanceType" in resources) == ("InstancePreferences" in resources):
        raise validation_error("ResourceConfig must have either InstanceType or InstancePreferences")
    if resources.get("InstanceCount", 1) != 1:
        raise TwinError("the twin trains on one instance: set InstanceCount to 1")
    if "VolumeKmsKeyId" in resources and _LOCAL_NVME.match(instance_type(request)):
        raise validation_error(
            f"VolumeKmsKeyId is not supported for {instance_type(request)}: it has local NVMe storage"
        )
    if "KeepAlivePeriodInSeconds" in resources and request.get("EnableManagedSpotTraining"):
        raise validation_error("KeepAlivePeriodInSeconds is not supported with managed spot training")


def instance_type(request: Mapping[str, Any]) -> str:
    """The instance that runs the job: the first preference is always to be had in the twin."""
    resources = request["ResourceConfig"]
    if "InstanceType" in resources:
        return str(resources["InstanceType"])
    return str(resources["InstancePreferences"][0]["InstanceType"])


def _check_times(request: Mapping[str, Any]) -> None:
    limits = request.get("StoppingCondition", {})
    refuse_unsupported("StoppingCondition", limits, ("MaxRuntimeInSeconds", "MaxWaitTimeInSeconds"))
    wait = limits.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise validation_error(
                "MaxWaitTimeInSeconds is only allowed when EnableManagedSpotTraining is true"
            )
        return
    if wait is None:
        raise validation_error("MaxWaitTimeInSeconds is required when EnableManagedSpotTraining is true")
    if wait < max_runtime(request):
        raise validation_error(
            "MaxWaitTimeInSeconds must be greater than or equal to MaxRuntimeInSeconds,"
            f" got {wait} and {max_runtime(request)}"
        )


def max_runtime(request: Mapping[str, Any]) -> int:
    """Seconds; one day, as in AWS, where the request says nothing."""
    return int(request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86_400))


def _check_channel(channel: Mapping[str, Any]) -> None:
    name = channel["ChannelName"]
    refuse_unsupported(f"channel {name}", channel, _CHANNEL)
    refuse_unsupported(f"channel {name}", channel["DataSource"], ("S3DataSource",))
    source = channel["DataSource"]["S3DataSource"]
    refuse_unsupported(f"channel {name}", source, ("S3DataType", "S3Uri", "S3DataDistributionType"))
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise TwinError(f"channel {name}: the twin does not read {source['S3DataType']}")
    if channel.get("InputMode", "File") != "File":
        raise TwinError(f"channel {name}: the twin knows the File mode only")
    if channel.get("CompressionType", "None") != "None":
        raise validation_error(f"channel {name}: CompressionType Gzip is used only in Pipe input mode")
    if channel.get("RecordWrapperType", "None") != "None":
        raise TwinError(f"channel {name}: the twin does not wrap records")
