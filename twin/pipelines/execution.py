"""The record of one pipeline execution, and the shapes in which the API and the events tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from twin.pipelines.definition import Definition, Step

if TYPE_CHECKING:
    from twin.pipelines.steps import Work

# What SageMaker says of an execution in which any step failed; the steps carry the reasons.
STEP_FAILURE = "Step failure: One or multiple steps failed."


@dataclass(kw_only=True)
class StepRun:
    """One step in one execution. Statuses are those of the API; a step not reached has no run."""

    step: Step
    status: str = "Starting"
    started: datetime
    ended: datetime | None = None
    attempts: int = 0
    failure_reason: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    cache_key: str | None = None
    cached_from: str | None = None
    work: Work | None = None

    @property
    def finished(self) -> bool:
        return self.status in ("Succeeded", "Failed", "Stopped")

    def describe(self) -> dict[str, Any]:
        return _present(
            StepName=self.step.name,
            StepDisplayName=self.step.body.get("DisplayName"),
            StepDescription=self.step.body.get("Description"),
            StartTime=self.started,
            EndTime=self.ended,
            StepStatus=self.status,
            FailureReason=self.failure_reason,
            Metadata=self.metadata or None,
            AttemptCount=self.attempts or None,
            CacheHitResult={"SourcePipelineExecutionArn": self.cached_from} if self.cached_from else None,
        )

    def event_detail(self, execution: Execution, previous: str) -> dict[str, Any]:
        return _present(
            pipelineArn=execution.pipeline_arn,
            pipelineExecutionArn=execution.arn,
            stepName=self.step.name,
            stepType=self.step.type,
            previousStepStatus=previous,
            currentStepStatus=self.status,
            stepStartTime=_iso(self.started),
            stepEndTime=_iso(self.ended),
            failureReason=self.failure_reason,
            metadata=_camel_case(self.metadata),
        )


@dataclass(kw_only=True)
class Execution:
    """One execution of a pipeline's definition as it stood at the start."""

    arn: str
    pipeline_name: str
    pipeline_arn: str
    definition: Definition
    parameters: Mapping[str, Any]
    request: Mapping[str, Any]
    created: datetime
    status: str = "Executing"
    modified: datetime = field(init=False)
    ended: datetime | None = None
    failure_reason: str | None = None
    runs: dict[str, StepRun] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.modified = self.created

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def running(self) -> list[StepRun]:
        return [run for run in self.runs.values() if not run.finished]

    @property
    def parallelism(self) -> int:
        # SageMaker's own default.
        return int(self.request.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps", 50))

    def ready(self) -> list[Step]:
        """Steps not begun whose dependencies succeeded, and whose condition came out on their side."""
        return [step for step in self.definition.steps.values() if self._is_ready(step)]

    def _is_ready(self, step: Step) -> bool:
        if step.name in self.runs:
            return False
        if any(name not in self.runs or self.runs[name].status != "Succeeded" for name in step.depends_on):
            return False
        if step.branch is None:
            return True
        return bool(self.runs[step.branch.condition].properties["Outcome"] == str(step.branch.outcome))

    def describe(self) -> dict[str, Any]:
        return _present(
            PipelineArn=self.pipeline_arn,
            PipelineExecutionArn=self.arn,
            PipelineExecutionDisplayName=self.request.get("PipelineExecutionDisplayName"),
            PipelineExecutionDescription=self.request.get("PipelineExecutionDescription"),
            PipelineExecutionStatus=self.status,
            FailureReason=self.failure_reason,
            CreationTime=self.created,
            LastModifiedTime=self.modified,
            ParallelismConfiguration=self.request.get("ParallelismConfiguration"),
        )

    def summary(self) -> dict[str, Any]:
        return _present(
            PipelineExecutionArn=self.arn,
            StartTime=self.created,
            PipelineExecutionStatus=self.status,
            PipelineExecutionDescription=self.request.get("PipelineExecutionDescription"),
            PipelineExecutionDisplayName=self.request.get("PipelineExecutionDisplayName"),
            PipelineExecutionFailureReason=self.failure_reason,
        )

    def event_detail(self, previous: str) -> dict[str, Any]:
        return _present(
            pipelineArn=self.pipeline_arn,
            pipelineExecutionArn=self.arn,
            pipelineExecutionDisplayName=self.request.get("PipelineExecutionDisplayName"),
            pipelineExecutionDescription=self.request.get("PipelineExecutionDescription"),
            previousPipelineExecutionStatus=previous,
            currentPipelineExecutionStatus=self.status,
            executionStartTime=_iso(self.created),
            executionEndTime=_iso(self.ended),
        )


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _iso(time: datetime | None) -> str | None:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time else None


def _camel_case(value: Any) -> Any:
    """Events spell members as `processingJob.arn` where the API says `ProcessingJob.Arn`."""
    if isinstance(value, Mapping):
        return {name[0].lower() + name[1:]: _camel_case(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_camel_case(item) for item in value]
    return value
