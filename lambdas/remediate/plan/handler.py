"""Choose the next remedy: the lowest rung that was not tried and that the rails let pass."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import boto3

from lambdas.remediate.plan.economist import Economist
from lambdas.runtime import ActingEnvironment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.alarms import Alarms
from selfheal.aws.controls import ControlPanel
from selfheal.aws.endpoint import Endpoint
from selfheal.aws.fleet import Fleet
from selfheal.aws.objects import Objects
from selfheal.aws.policies import playbook, rails, value_policy
from selfheal.aws.service import Serving
from selfheal.diagnose.causes import Cause
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind, actions, openings
from selfheal.remediate.plan import Plan, next_remedy
from selfheal.remediate.playbook import Remedy, ladder
from selfheal.remediate.rails import Opening, recurrences
from selfheal.remediate.service import BY_SERVICE


@dataclass(frozen=True, kw_only=True)
class PlanEnvironment(ActingEnvironment):
    """Settings of this function."""

    playbook: str
    rails: str
    value_policy: str
    worse_percent: str
    sampling_percent: str
    max_instance_count: str
    scale_step_percent: str


class Planner:
    """Plans remedies for one endpoint."""

    def __init__(self, environment: PlanEnvironment) -> None:
        self._table = ledger_table(environment)
        self._playbook = playbook(environment.playbook)
        self._rails = rails(environment.rails)
        sagemaker = boto3.client("sagemaker")
        self._fleet = Fleet(sagemaker, environment.endpoint)
        self._service = functools.partial(
            Serving(sagemaker, Endpoint(sagemaker, environment.endpoint), self._table).service,
            Alarms(boto3.client("cloudwatch"), environment.endpoint),
            environment.variant,
            maximum=int(environment.max_instance_count),
            step_percent=float(environment.scale_step_percent),
        )
        self._economist = Economist(
            Objects(boto3.client("s3"), environment.bucket),
            environment.endpoint,
            policy=value_policy(environment.value_policy),
            worse_percent=float(environment.worse_percent),
            sampling_percent=float(environment.sampling_percent),
        )
        self._controls = ControlPanel(
            boto3.client("ssm"), environment.mode_parameter, environment.kill_switch_parameter
        )

    def plan(self, step: Step) -> dict[str, Any]:
        incident = step.incident
        plan, reasons = self._decide(incident, step.at)
        body = {"remedy": plan.remedy.value, "reason": plan.reason, "stopped": list(plan.stopped), **reasons}
        self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.PLANNED, body=body)
        logger.info("planned", extra=body)
        incident = incident.with_(tried=(*incident.tried, plan.remedy))
        if plan.remedy is Remedy.WATCH:
            incident = incident.with_(acted_at=step.at, mitigated_at=step.at)
        for reason in plan.stopped:
            incident = incident.noting(reason)
        return answer("ask" if plan.remedy in self._rails.approval.remedies else plan.remedy.value, incident)

    def _decide(self, incident: Incident, now: datetime) -> tuple[Plan, dict[str, Any]]:
        """The plan, and everything that it was made from, so that the ledger alone can make it again."""
        cause = incident.cause or Cause.UNKNOWN
        rungs = ladder(self._playbook, cause)
        entries = list(self._table.entries())
        controls, history = self._controls.read(now), actions(entries)
        recurring = recurrences(_opening(incident), openings(entries), now)
        economics = self._economist.weigh(now) if Remedy.RETRAIN in rungs else None
        changing = self._fleet.changing() if any(remedy.changes_service for remedy in rungs) else ()
        service = self._service() if any(remedy in BY_SERVICE for remedy in rungs) else None
        plan = next_remedy(
            cause,
            incident.tried,
            playbook=self._playbook,
            rails=self._rails,
            controls=controls,
            history=history,
            now=now,
            recurring=recurring,
            economics=economics,
            changing=changing,
            service=service,
        )
        return plan, {
            "cause": cause.value,
            "tried": [remedy.value for remedy in incident.tried],
            "mode": controls.mode.value,
            "kill_switch": controls.kill_switch,
            "playbook": [remedy.value for remedy in rungs],
            "rails": asdict(self._rails),
            "history": len(history),
            "recurring": recurring,
            "economics": economics.to_json() if economics else None,
            "changing": list(changing),
            "service": service.to_json() if service else None,
        }


def _opening(incident: Incident) -> Opening:
    trigger = incident.trigger
    return Opening(incident=incident.id, at=incident.opened_at, kind=trigger.kind, subject=trigger.subject)


@functools.cache
def planner() -> Planner:
    return Planner(read_environment(PlanEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return planner().plan(Step.of(event))
