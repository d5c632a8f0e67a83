# ruff: noqa: N803 - parameters are called as AWS calls them
"""SageMaker's pipeline executions; how one goes is the tests' to say."""

from __future__ import annotations

import copy
from typing import Any

from machine.account.calls import Refused, Service
from machine.account.registry import PREFIX


class Pipelines(Service):
    def __init__(self) -> None:
        # By ARN, in order of their start.
        self.executions: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str, str] = {}

    def start_pipeline_execution(
        self,
        PipelineName: str,
        ClientRequestToken: str,
        PipelineParameters: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        """The same token starts it once."""
        if ClientRequestToken not in self._tokens:
            arn = f"{PREFIX}:pipeline/{PipelineName.lower()}/execution/{len(self.executions) + 1:012d}"
            self._tokens[ClientRequestToken] = arn
            self.executions[arn] = {
                "PipelineExecutionArn": arn,
                "PipelineArn": f"{PREFIX}:pipeline/{PipelineName.lower()}",
                "PipelineExecutionStatus": "Executing",
                "Parameters": copy.deepcopy(PipelineParameters or []),
                "Steps": [],
            }
        return {"PipelineExecutionArn": self._tokens[ClientRequestToken]}

    def describe_pipeline_execution(self, PipelineExecutionArn: str) -> dict[str, Any]:
        body = dict(self._execution(PipelineExecutionArn))
        del body["Parameters"], body["Steps"]
        return body

    def list_pipeline_execution_steps(
        self,
        PipelineExecutionArn: str,
        NextToken: str | None = None,
    ) -> dict[str, Any]:
        steps = self._execution(PipelineExecutionArn)["Steps"]
        return {"PipelineExecutionSteps": copy.deepcopy(steps)}

    def _execution(self, arn: str) -> dict[str, Any]:
        if arn not in self.executions:
            raise Refused("ResourceNotFound", f"Pipeline execution with ARN {arn} not found.")
        return self.executions[arn]
