"""SageMaker's endpoint events in their documented shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from twin.interfaces import Bus

SOURCE = "aws.sagemaker"
STATE_CHANGE = "SageMaker Endpoint State Change"
DEPLOYMENT_STATE_CHANGE = "SageMaker Endpoint Deployment State Change"


def event_status(status: str) -> str:
    """`InService` in the API is `IN_SERVICE` in events."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()


def announce_state(bus: Bus, description: Mapping[str, Any], tags: list[dict[str, str]]) -> None:
    """Emit the endpoint's state; `description` is what DescribeEndpoint answers."""
    bus.emit(SOURCE, STATE_CHANGE, _detail(description, tags), [description["EndpointArn"]])


def announce_deployment(bus: Bus, description: Mapping[str, Any], tags: list[dict[str, str]]) -> None:
    """Emit a running deployment's progress: the same detail with its PendingDeploymentSummary."""
    detail = _detail(description, tags)
    detail["PendingDeploymentSummary"] = _in_milliseconds(description["PendingDeploymentSummary"])
    bus.emit(SOURCE, DEPLOYMENT_STATE_CHANGE, detail, [description["EndpointArn"]])


def _detail(description: Mapping[str, Any], tags: list[dict[str, str]]) -> dict[str, Any]:
    detail = {
        "EndpointName": description["EndpointName"],
        "EndpointArn": description["EndpointArn"],
        "EndpointConfigName": description["EndpointConfigName"],
        "ProductionVariants": description["ProductionVariants"],
        "EndpointStatus": event_status(description["EndpointStatus"]),
        "CreationTime": description["CreationTime"],
        "LastModifiedTime": description["LastModifiedTime"],
        "Tags": {tag["Key"]: tag["Value"] for tag in tags},
    }
    if description.get("FailureReason"):
        detail["FailureReason"] = description["FailureReason"]
    milliseconds: dict[str, Any] = _in_milliseconds(detail)
    return milliseconds


def _in_milliseconds(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, Mapping):
        return {key: _in_milliseconds(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_milliseconds(item) for item in value]
    return value
