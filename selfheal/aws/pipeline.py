"""The retraining pipeline: start it, see how it stands, find what it made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

AT_REST = ("Succeeded", "Failed", "Stopped")


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where a pipeline execution stands, and why it failed if it did."""

    arn: str
    status: str
    failure: str

    @property
    def at_rest(self) -> bool:
        return self.status in AT_REST


class Pipeline:
    """Executions of SageMaker pipelines."""

    def __init__(self, sagemaker: SageMakerClient) -> None:
        self._sagemaker = sagemaker

    def start(self, name: str, parameters: Mapping[str, str], token: str) -> str:
        """Start an execution and return its ARN; the same token starts it once."""
        return self._sagemaker.start_pipeline_execution(
            PipelineName=name,
            PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
            ClientRequestToken=token,
        )["PipelineExecutionArn"]

    def execution(self, arn: str) -> Execution:
        body = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return Execution(
            arn=arn, status=body["PipelineExecutionStatus"], failure=body.get("FailureReason", "")
        )

    def registered_package(self, arn: str) -> str | None:
        """The model package that an execution registered, or None where it registered none."""
        for step in self._steps(arn):
            if step.package:
                return step.package
        return None

    def failure(self, arn: str) -> str:
        """Why an execution failed, in the words of the step that did."""
        reasons = [f"{step.name}: {step.failure}" for step in self._steps(arn) if step.failure]
        return "; ".join(reasons) or self.execution(arn).failure or "no step says why"

    def _steps(self, arn: str) -> list[_Step]:
        steps: list[_Step] = []
        pages = self._sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=arn
        )
        for page in pages:
            for step in page["PipelineExecutionSteps"]:
                package = step.get("Metadata", {}).get("RegisterModel", {}).get("Arn")
                steps.append(_Step(step["StepName"], package, step.get("FailureReason", "")))
        return steps


@dataclass(frozen=True)
class _Step:
    name: str
    package: str | None
    failure: str
