"""A release: from an approved package to what SageMaker is asked to do. Pure; `selfheal.aws` does it.

Names carry a content hash, so that the same release asked for twice is one release, and so that a
configuration is never another one under the same name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selfheal.remediate.release_policy import ReleasePolicy, Strategy

# DescribeEndpointConfig answers with more than CreateEndpointConfig takes.
COPIED = (
    "ProductionVariants",
    "DataCaptureConfig",
    "KmsKeyId",
    "AsyncInferenceConfig",
    "ExplainerConfig",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
    "MetricsConfig",
    "CrossRegionTrafficConfig",
)


def content_hash(body: Any) -> str:
    """Twelve hexadecimal digits of the SHA-256 of canonical JSON."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def model_name(workload: str, package: str, digest: str) -> str:
    """Name of the SageMaker model of a package; lower-case, since ARNs are."""
    return f"{workload}-{content_hash([package, digest])}"


def config_with_model(live: Mapping[str, Any], workload: str, model: str) -> dict[str, Any]:
    """The live endpoint config with the model replaced: arguments of CreateEndpointConfig.

    Args:
        live: what DescribeEndpointConfig answered for the config in service.

    Raises:
        ValueError: the config does not have exactly one production variant, so "the model" is not one.
    """
    copy = copied(live)
    copy["ProductionVariants"] = [{**copy["ProductionVariants"][0], "ModelName": model}]
    return {"EndpointConfigName": f"{workload}-{content_hash(copy)}", **copy}


def copied(live: Mapping[str, Any]) -> dict[str, Any]:
    """What a copy of an endpoint config takes over: everything but its name.

    Raises:
        ValueError: the config does not have exactly one production variant.
    """
    if len(live["ProductionVariants"]) != 1 or live.get("ShadowProductionVariants"):
        raise ValueError(f"endpoint config {live['EndpointConfigName']} must have one variant and no shadow")
    return {key: live[key] for key in COPIED if live.get(key)}


def deployment_config(policy: ReleasePolicy, alarms: Sequence[str]) -> dict[str, Any]:
    """`DeploymentConfig` of UpdateEndpoint: how traffic moves, and which alarms send it back."""
    routing: dict[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": policy.bake_minutes * 60}
    size = {"Type": "CAPACITY_PERCENT", "Value": policy.canary_percent}
    if policy.strategy is Strategy.CANARY:
        routing |= {"Type": "CANARY", "CanarySize": size}
    elif policy.strategy is Strategy.LINEAR:
        routing |= {"Type": "LINEAR", "LinearStepSize": size}
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": policy.termination_wait_minutes * 60,
            "MaximumExecutionTimeoutInSeconds": policy.timeout_minutes * 60,
        }
    }
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return config


@dataclass(frozen=True, kw_only=True)
class FleetAlarm:
    """An alarm on one fleet of an endpoint, told apart by its endpoint config."""

    name: str
    arguments: Mapping[str, Any]


def fleet_alarm_names(workload: str, config: str) -> tuple[str, str]:
    """Names of a release's own alarms, on errors and on latency. Config names begin with the workload's."""
    stem = f"{workload}-release-{config.removeprefix(f'{workload}-')}"
    return f"{stem}-errors", f"{stem}-latency"


def fleet_alarms(
    workload: str, endpoint: str, variant: str, config: str, policy: ReleasePolicy
) -> list[FleetAlarm]:
    """The release's own alarms, as arguments of PutMetricAlarm.

    They watch the new fleet alone: an alarm over both fleets would roll back the very fix for a failing
    champion. A fleet without requests breaks nothing, so missing data is not a breach.
    """
    common = {
        "Namespace": "AWS/SageMaker",
        "Dimensions": [
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": variant},
            {"Name": "EndpointConfigName", "Value": config},
        ],
        "Period": policy.alarm_period_seconds,
        "EvaluationPeriods": policy.alarm_periods,
        "DatapointsToAlarm": policy.alarm_datapoints,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "ActionsEnabled": False,
    }
    errors = {
        "AlarmDescription": f"Share of 5xx of the fleet of {config}; sends the release back.",
        "MetricName": "Invocation5XXErrors",
        "Statistic": "Average",
        "Threshold": policy.error_rate_percent / 100,
    }
    latency = {
        "AlarmDescription": f"p95 of model latency (microseconds) of the fleet of {config}; sends the release back.",
        "MetricName": "ModelLatency",
        "ExtendedStatistic": "p95",
        "Threshold": policy.latency_p95_ms * 1000,
    }
    return [
        FleetAlarm(name=name, arguments={"AlarmName": name, **common, **own})
        for name, own in zip(fleet_alarm_names(workload, config), (errors, latency), strict=True)
    ]
