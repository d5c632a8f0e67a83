"""One endpoint as the control plane knows it, and as DescribeEndpoint tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from twin.endpoints.fleet import Fleet

CREATING, IN_SERVICE, UPDATING, ROLLING_BACK = "Creating", "InService", "Updating", "RollingBack"
FAILED, DELETING = "Failed", "Deleting"

STEADY = frozenset({IN_SERVICE, FAILED})


@dataclass(frozen=True, kw_only=True)
class Pending:
    """The running deployment, as PendingDeploymentSummary shows it."""

    config_name: str
    started: datetime
    variants: list[dict[str, Any]]


@dataclass(kw_only=True)
class Endpoint:
    """Mutable state; every change goes through `enter`, so that moto's own record follows."""

    name: str
    arn: str
    record: Any  # moto's FakeEndpoint, which list_endpoints, list_tags and search read
    fleet: Fleet
    status: str
    created: datetime
    modified: datetime
    deployment_config: Mapping[str, Any] | None
    failure_reason: str | None = None
    # Set for good once a second config has taken traffic: from then on metrics carry EndpointConfigName.
    by_config: bool = False
    pending: Pending | None = None

    @property
    def tags(self) -> list[dict[str, str]]:
        return list(self.record.tags)

    def enter(self, status: str, at: datetime) -> None:
        """Change the status and bring moto's record up to date."""
        self.status, self.modified = status, at
        self.record.endpoint_status = status
        self.record.last_modified_time = at.replace(tzinfo=None)  # as moto keeps its times
        self.record.endpoint_config_name = self.fleet.config_name
        self.record.failure_reason = self.failure_reason
        self.record.production_variants = [variant.summary() for variant in self.fleet.variants]

    def describe(self) -> dict[str, Any]:
        description: dict[str, Any] = {
            "EndpointName": self.name,
            "EndpointArn": self.arn,
            "EndpointConfigName": self.fleet.config_name,
            "ProductionVariants": [variant.summary() for variant in self.fleet.variants],
            "EndpointStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }
        if self.fleet.data_capture:
            description["DataCaptureConfig"] = self._capture_summary(self.fleet.data_capture)
        if self.failure_reason:
            description["FailureReason"] = self.failure_reason
        if self.deployment_config:
            description["LastDeploymentConfig"] = self.deployment_config
        if self.pending:
            description["PendingDeploymentSummary"] = {
                "EndpointConfigName": self.pending.config_name,
                "ProductionVariants": self.pending.variants,
                "StartTime": self.pending.started,
            }
        return description

    def _capture_summary(self, config: Mapping[str, Any]) -> dict[str, Any]:
        enabled = config.get("EnableCapture", True)
        summary = {
            "EnableCapture": enabled,
            "CaptureStatus": "Started" if enabled and self.status != CREATING else "Stopped",
            "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
            "DestinationS3Uri": config["DestinationS3Uri"],
        }
        if config.get("KmsKeyId"):
            summary["KmsKeyId"] = config["KmsKeyId"]
        return summary
