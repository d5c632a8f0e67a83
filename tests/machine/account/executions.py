# ruff: noqa: N803, A002 - parameters are called as AWS calls them
"""Step Functions' own operations; `machine.workflows` is what runs the executions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from machine.account.calls import Refused, Service
from machine.asl import Execution


class Executions(Service):
    def __init__(self) -> None:
        # By ARN, in order of their start.
        self.executions: dict[str, Execution] = {}
        self.start: Callable[[str, str, Any], Execution] | None = None

    def start_execution(self, stateMachineArn: str, input: str, name: str | None = None) -> dict[str, Any]:
        """A name that was used before is refused, unless it is the same input and that execution runs still."""
        assert self.start is not None
        name = name or f"started-{len(self.executions) + 1:04d}"
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        old = self.executions.get(arn)
        if old is not None and not (old.is_running and old.started_with == json.loads(input)):
            raise Refused("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        if old is None:
            self.executions[arn] = self.start(stateMachineArn, arn, json.loads(input))
        return {"executionArn": arn}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        if executionArn not in self.executions:
            raise Refused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{executionArn}'")
        return {"executionArn": executionArn, "status": self.executions[executionArn].status}

    def send_task_success(self, taskToken: str, output: str) -> dict[str, Any]:
        self._waiting(taskToken).succeed_token(taskToken, json.loads(output))
        return {}

    def send_task_failure(self, taskToken: str, error: str = "", cause: str = "") -> dict[str, Any]:
        self._waiting(taskToken).fail_token(taskToken, error, cause)
        return {}

    def _waiting(self, token: str) -> Execution:
        arn = token.partition("#")[0]
        execution = self.executions.get(arn)
        if execution is None:
            raise Refused("InvalidToken", "Invalid token")
        if execution.token != token:
            # Timed out, answered before, or its execution has ended.
            raise Refused("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        return execution
