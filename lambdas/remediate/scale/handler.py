"""Raise the instances of what serves by one step, within the fleet's maximum."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.runtime import ActingEnvironment, Step, answer, ledger_table, read_environment
from selfheal.aws.controls import ControlPanel
from selfheal.aws.endpoint import Endpoint, EndpointState
from selfheal.aws.errors import Missing
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind, intended
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.scale import Capacity


@dataclass(frozen=True, kw_only=True)
class ScaleEnvironment(ActingEnvironment):
    """Settings of this function."""

    max_instance_count: str
    scale_step_percent: str


class Scaling:
    """Scales one endpoint."""

    def __init__(self, environment: ScaleEnvironment) -> None:
        self._variant = environment.variant
        self._maximum = int(environment.max_instance_count)
        self._step_percent = float(environment.scale_step_percent)
        self._table = ledger_table(environment)
        self._endpoint = Endpoint(boto3.client("sagemaker"), environment.endpoint)
        self._controls = ControlPanel(
            boto3.client("ssm"), environment.mode_parameter, environment.kill_switch_parameter
        )

    def scale(self, step: Step) -> dict[str, Any]:
        """Ask for more instances. Where autoscaling was first, there is nothing to ask.

        Raises:
            EndpointBusy: a deployment runs; the workflow tries again.
            Missing: the endpoint does not say how many instances the variant has.
            Stopped: people do not want changes now.
            LeaseLost: the incident is not this workflow's any more.
        """
        incident = step.incident
        live = self._endpoint.require_at_rest()
        before = self._desired(live)
        wanted = max(before, self._wanted(incident, before))
        if wanted > before:
            self._controls.require_permission(step.at)
        body = {
            "remedy": Remedy.SCALE.value,
            "variant": self._variant,
            "before": before,
            "instances": wanted,
            "changed": wanted > before,
        }
        self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.INTENT, body=body)
        if wanted > before:
            # Writing the intent took a moment, in which somebody may have thrown the switch.
            self._controls.require_permission(step.at)
            self._endpoint.resize(self._variant, wanted)
        deployment = {
            "kind": Remedy.SCALE.value,
            "config": live.config,
            "variant": self._variant,
            "instances": str(wanted),
        }
        return answer("await", incident.with_(deployment=deployment), deployment=deployment)

    def _desired(self, live: EndpointState) -> int:
        if self._variant not in live.instances:
            raise Missing(f"endpoint {live.name} does not say how many instances {self._variant} has")
        return live.instances[self._variant].desired

    def _wanted(self, incident: Incident, before: int) -> int:
        """What the first try asked for: a second one must not raise what it raised."""
        known = intended(self._table.entries(), incident.id, Remedy.SCALE)
        if known is not None:
            return int(known["instances"])
        return Capacity(instances=before, maximum=self._maximum, step_percent=self._step_percent).raised


@functools.cache
def scaling() -> Scaling:
    return Scaling(read_environment(ScaleEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return scaling().scale(Step.of(event))
