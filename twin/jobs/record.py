"""The record of one job: what was asked, how it stands, and the shapes in which AWS tells it.

Records take the place of moto's own job objects in its backend, so moto's describe, tagging and search
read them; that fixes the names of the attributes and of `response_object`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

FINAL = frozenset({"Completed", "Failed", "Stopped"})


@dataclass(kw_only=True)
class JobRecord:
    """What training and processing jobs have in common. Statuses are those of the API."""

    name: str
    arn: str
    request: Mapping[str, Any]
    creation_time: datetime
    status: str = "InProgress"
    last_modified_time: datetime = field(init=False)
    started: datetime | None = None
    ended: datetime | None = None
    failure_reason: str | None = None
    tags: list[dict[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.last_modified_time = self.creation_time
        self.tags = [dict(tag) for tag in self.request.get("Tags", ())]

    @property
    def finished(self) -> bool:
        return self.status in FINAL

    @property
    def role(self) -> str:
        return str(self.request["RoleArn"])

    @property
    def response_object(self) -> dict[str, Any]:
        given = {name: value for name, value in self.request.items() if name != "Tags"}
        facts = {
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
            "FailureReason": self.failure_reason,
            **self._facts(),
        }
        return given | {name: value for name, value in facts.items() if value is not None}

    def _facts(self) -> dict[str, Any]:
        raise NotImplementedError

    def summary(self) -> dict[str, Any]:
        raise NotImplementedError

    def event_detail(self) -> dict[str, Any]:
        """The description as EventBridge carries it: epoch milliseconds, tags as a map."""
        described = _in_milliseconds(self.response_object)
        return {**described, "Tags": {tag["Key"]: tag["Value"] for tag in self.tags}}


@dataclass(kw_only=True)
class TrainingRecord(JobRecord):
    secondary_status: str = "Starting"
    transitions: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    training_seconds: int | None = None
    billable_seconds: int | None = None

    @property
    def spot(self) -> bool:
        return bool(self.request.get("EnableManagedSpotTraining"))

    def move(self, secondary_status: str, message: str, now: datetime) -> None:
        """Enter a secondary status, closing the one before it."""
        if self.transitions:
            self.transitions[-1]["EndTime"] = now
        entry = {"Status": secondary_status, "StartTime": now, "StatusMessage": message}
        if secondary_status in FINAL | {"MaxRuntimeExceeded", "MaxWaitTimeExceeded"}:
            entry["EndTime"] = now
        self.transitions.append(entry)
        self.secondary_status = secondary_status
        self.last_modified_time = now

    @property
    def artifact(self) -> str:
        output = str(self.request["OutputDataConfig"]["S3OutputPath"]).rstrip("/")
        return f"{output}/{self.name}/output/model.tar.gz"

    def _facts(self) -> dict[str, Any]:
        return {
            "TrainingJobArn": self.arn,
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.secondary_status,
            "SecondaryStatusTransitions": self.transitions,
            "TrainingStartTime": self.started,
            "TrainingEndTime": self.ended,
            "TrainingTimeInSeconds": self.training_seconds,
            "BillableTimeInSeconds": self.billable_seconds,
            "FinalMetricDataList": self.metrics or None,
            # The address is known from the start, the object exists once the job is Completed.
            "ModelArtifacts": {"S3ModelArtifacts": self.artifact},
        }

    def summary(self) -> dict[str, Any]:
        return {
            "TrainingJobName": self.name,
            "TrainingJobArn": self.arn,
            "CreationTime": self.creation_time,
            "TrainingEndTime": self.ended,
            "LastModifiedTime": self.last_modified_time,
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.secondary_status,
        }


@dataclass(kw_only=True)
class ProcessingRecord(JobRecord):
    exit_message: str | None = None

    def _facts(self) -> dict[str, Any]:
        return {
            "ProcessingJobArn": self.arn,
            "ProcessingJobStatus": self.status,
            "ProcessingStartTime": self.started,
            "ProcessingEndTime": self.ended,
            "ExitMessage": self.exit_message,
        }

    def summary(self) -> dict[str, Any]:
        return {
            "ProcessingJobName": self.name,
            "ProcessingJobArn": self.arn,
            "CreationTime": self.creation_time,
            "ProcessingEndTime": self.ended,
            "LastModifiedTime": self.last_modified_time,
            "ProcessingJobStatus": self.status,
            "FailureReason": self.failure_reason,
            "ExitMessage": self.exit_message,
        }


def _in_milliseconds(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, Mapping):
        return {name: _in_milliseconds(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_in_milliseconds(item) for item in value]
    return value
