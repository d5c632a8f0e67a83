"""Let a workflow wait: keep its task token until the sweep sees that its target has come to rest."""

from __future__ import annotations

import functools
from typing import Any

import boto3

from lambdas.runtime import Environment, Step, UnknownEvent, ledger_table, read_environment
from selfheal.aws.ledger_table import Wait
from selfheal.aws.targets import Targets


class Parking:
    """Parks workflows of one endpoint."""

    def __init__(self, environment: Environment) -> None:
        self._table = ledger_table(environment)
        self._endpoint = environment.endpoint
        self._targets = Targets(
            boto3.client("sagemaker"), boto3.client("stepfunctions"), environment.endpoint
        )

    def park(self, step: Step, kind: str) -> dict[str, Any]:
        """Keep the token first and look afterwards, so that a change in between is seen by one of the two."""
        if step.token is None:
            raise UnknownEvent("a workflow that waits must send its task token")
        wait = Wait(token=step.token, kind=kind, target=self._target(step, kind), since=step.at)
        self._table.park(wait)
        if self._targets.resume(wait):
            self._table.unpark(wait)
            return {"parked": False}
        return {"parked": True}

    def _target(self, step: Step, kind: str) -> str:
        if kind == "endpoint":
            return self._endpoint
        training = step.incident.training
        if kind == "pipeline" and training is not None:
            return training
        raise UnknownEvent(f"a workflow cannot wait for {kind!r}")


@functools.cache
def parking() -> Parking:
    return Parking(read_environment(Environment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task with a token of either workflow."""
    return parking().park(Step.of(event), str(event.get("kind")))
