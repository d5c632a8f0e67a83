"""Undo the release that the diagnosis blames: return to the endpoint config that served before it."""

from __future__ import annotations

import functools
from typing import Any

import boto3

from lambdas.runtime import ActingEnvironment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.champion import package_of
from selfheal.aws.controls import ControlPanel
from selfheal.aws.endpoint import Endpoint, EndpointState
from selfheal.aws.errors import NothingToUndo
from selfheal.aws.registry import Registry
from selfheal.diagnose.snapshot import Release
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy


class Rollback:
    """Rolls one endpoint back."""

    def __init__(self, environment: ActingEnvironment) -> None:
        self._table = ledger_table(environment)
        self._sagemaker = boto3.client("sagemaker")
        self._endpoint = Endpoint(self._sagemaker, environment.endpoint)
        self._controls = ControlPanel(
            boto3.client("ssm"), environment.mode_parameter, environment.kill_switch_parameter
        )

    def roll_back(self, step: Step) -> dict[str, Any]:
        """The next state: `await` the config that is asked for, or `plan` with the reason why there is nothing to undo.

        Where the guardrails have returned to that config already, there is nothing to ask.

        Raises:
            EndpointBusy: a deployment runs; the workflow tries again.
            Missing: the config that served before is gone.
            Stopped: people do not want changes now.
            Refused: what served before may not be served any more.
            LeaseLost: the incident is not this workflow's any more.
        """
        incident = step.incident
        live = self._endpoint.require_at_rest()
        try:
            release = self._blamed(incident, live)
        except NothingToUndo as reason:
            return self._passed_over(step, str(reason))
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

    def _blamed(self, incident: Incident, live: EndpointState) -> Release:
        """The release to undo. Whoever has deployed since knew what they did: undoing theirs would heal nothing."""
        blamed = incident.blamed_release
        if blamed is None:
            raise NothingToUndo("the diagnosis blames no release")
        release = self._table.release(blamed)
        if release is None:
            raise NothingToUndo(f"the table holds no release {blamed}, so what served before it is not known")
        if live.config not in (release.config, release.previous_config):
            raise NothingToUndo(
                f"{live.config} serves, not {release.config}, which is to blame: somebody has deployed since"
            )
        return release

    def _passed_over(self, step: Step, reason: str) -> dict[str, Any]:
        logger.warning("no rollback", reason=reason)
        body = {"remedy": Remedy.ROLLBACK.value, "succeeded": False, "reason": reason}
        self._table.append_fenced(at=step.at, incident=step.incident, kind=EntryKind.OUTCOME, body=body)
        return answer("plan", step.incident.noting(f"rollback: {reason}"))


@functools.cache
def rollback() -> Rollback:
    return Rollback(read_environment(ActingEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return rollback().roll_back(Step.of(event))
