"""Return to the last good endpoint config: the one that served before the last release."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.runtime import Environment, Step, answer, ledger_table, read_environment
from selfheal.aws.champion import package_of
from selfheal.aws.controls import ControlPanel
from selfheal.aws.endpoint import Endpoint
from selfheal.aws.errors import Missing
from selfheal.aws.registry import Registry
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy


@dataclass(frozen=True, kw_only=True)
class RollbackEnvironment(Environment):
    """Settings of this function."""

    mode_parameter: str
    kill_switch_parameter: str


class Rollback:
    """Rolls one endpoint back."""

    def __init__(self, environment: RollbackEnvironment) -> None:
        self._table = ledger_table(environment)
        self._sagemaker = boto3.client("sagemaker")
        self._endpoint = Endpoint(self._sagemaker, environment.endpoint)
        self._controls = ControlPanel(
            boto3.client("ssm"), environment.mode_parameter, environment.kill_switch_parameter
        )

    def roll_back(self, step: Step) -> dict[str, Any]:
        """Ask for the last good config. Where the guardrails have returned to it already, there is nothing to ask.

        Raises:
            EndpointBusy: a deployment runs; the workflow tries again.
            Missing: nothing was ever released, so there is nothing to return to.
            Stopped: people do not want changes now.
            Refused: what served before may not be served any more.
            LeaseLost: the incident is not this workflow's any more.
        """
        incident = step.incident
        live = self._endpoint.require_at_rest()
        release = self._table.last_release()
        if release is None:
            raise Missing(
                f"endpoint {self._endpoint.name} has had no release: there is no config to return to"
            )
        target = release.previous_config
        model = self._endpoint.model_of(target)
        # After a rollback that failed, a mix of configs serves under the old name: ask again.
        change = live.config != target or live.status != "InService"
        if change:
            Registry(self._sagemaker).package(package_of(self._sagemaker, model)).require_deployable()
            self._controls.require_permission(step.at)
        body = {
            "remedy": Remedy.ROLLBACK.value,
            "from": live.config,
            "to": target,
            "package": release.package,
            "changed": change,
        }
        self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.INTENT, body=body)
        if change:
            # Writing the intent took a moment, in which somebody may have thrown the switch.
            self._controls.require_permission(step.at)
            self._endpoint.update(target, None)
        deployment = {
            "kind": "rollback",
            "config": target,
            "previous": live.config,
            "model": model,
            "package": release.package,
            "released": release.config,
        }
        return answer("await", incident.with_(deployment=deployment), deployment=deployment)


@functools.cache
def rollback() -> Rollback:
    return Rollback(read_environment(RollbackEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return rollback().roll_back(Step.of(event))
