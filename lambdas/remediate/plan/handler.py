"""Choose the next remedy: the lowest rung that was not tried and that the rails let pass."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.runtime import Environment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.controls import ControlPanel
from selfheal.aws.policies import playbook, rails
from selfheal.diagnose.causes import Cause
from selfheal.record.ledger import EntryKind, actions
from selfheal.remediate.plan import next_remedy
from selfheal.remediate.playbook import Remedy


@dataclass(frozen=True, kw_only=True)
class PlanEnvironment(Environment):
    """Settings of this function."""

    playbook: str
    rails: str
    mode_parameter: str
    kill_switch_parameter: str


class Planner:
    """Plans remedies for one endpoint."""

    def __init__(self, environment: PlanEnvironment) -> None:
        self._table = ledger_table(environment)
        self._playbook = playbook(environment.playbook)
        self._rails = rails(environment.rails)
        self._controls = ControlPanel(
            boto3.client("ssm"), environment.mode_parameter, environment.kill_switch_parameter
        )

    def plan(self, step: Step) -> dict[str, Any]:
        incident = step.incident
        plan = next_remedy(
            incident.cause or Cause.UNKNOWN,
            incident.tried,
            playbook=self._playbook,
            rails=self._rails,
            controls=self._controls.read(),
            history=actions(self._table.entries()),
            now=step.at,
        )
        body = {"remedy": plan.remedy.value, "reason": plan.reason, "stopped": list(plan.stopped)}
        self._table.append(at=step.at, incident=incident.id, kind=EntryKind.PLANNED, body=body)
        logger.info("planned", extra=body)
        incident = incident.with_(tried=(*incident.tried, plan.remedy))
        if plan.remedy is Remedy.WATCH:
            incident = incident.with_(acted_at=step.at, mitigated_at=step.at)
        for reason in plan.stopped:
            incident = incident.noting(reason)
        return answer(plan.remedy.value, incident)


@functools.cache
def planner() -> Planner:
    return Planner(read_environment(PlanEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return planner().plan(Step.of(event))
