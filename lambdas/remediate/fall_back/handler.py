"""Fall back to the last good endpoint config that served before the one that serves now."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.runtime import ActingEnvironment, Step, answer, ledger_table, read_environment
from selfheal.aws.alarms import Alarms
from selfheal.aws.champion import package_of
from selfheal.aws.controls import ControlPanel
from selfheal.aws.endpoint import Endpoint, EndpointState
from selfheal.aws.errors import Refused
from selfheal.aws.known_model import KnownModel
from selfheal.aws.policies import release_policy
from selfheal.aws.registry import Registry, require_digest
from selfheal.aws.service import Serving
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind, intended
from selfheal.remediate.fall_back import last_good, obstacle
from selfheal.remediate.playbook import Remedy


@dataclass(frozen=True, kw_only=True)
class FallBackEnvironment(ActingEnvironment):
    """Settings of this function."""

    release_policy: str


class FallBack:
    """Takes one endpoint back to an earlier model, which is to blame nobody."""

    def __init__(self, environment: FallBackEnvironment) -> None:
        self._table = ledger_table(environment)
        self._s3 = boto3.client("s3")
        self._sagemaker = boto3.client("sagemaker")
        self._endpoint = Endpoint(self._sagemaker, environment.endpoint)
        self._serving = Serving(self._sagemaker, self._endpoint, self._table)
        self._controls = ControlPanel(
            boto3.client("ssm"), environment.mode_parameter, environment.kill_switch_parameter
        )
        self._known_model = KnownModel(
            self._endpoint,
            Alarms(boto3.client("cloudwatch"), environment.endpoint),
            self._controls,
            variant=environment.variant,
            policy=release_policy(environment.release_policy),
        )

    def fall_back(self, step: Step) -> dict[str, Any]:
        """Ask for the last good config. Where a first try was taken, there is nothing to ask.

        Raises:
            EndpointBusy: a deployment runs; the workflow tries again.
            Refused: nothing that served before may serve again, or its artifact is not what was registered.
            Stopped: people do not want changes now.
            LeaseLost: the incident is not this workflow's any more.
        """
        incident = step.incident
        live = self._endpoint.require_at_rest()
        target = self._target(incident, live)
        model = self._endpoint.model_of(target)
        package = package_of(self._sagemaker, model)
        # After a rollback that failed, a mix of configs serves under the old name: ask again.
        change = live.config != target or live.status != "InService"
        if change:
            self._require_good(package)
            self._controls.require_permission(step.at)
        body = {
            "remedy": Remedy.FALL_BACK.value,
            "from": live.config,
            "to": target,
            "package": package,
            "changed": change,
        }
        self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.INTENT, body=body)
        if change:
            self._known_model.deploy(target, step.at)
        deployment = {
            "kind": Remedy.FALL_BACK.value,
            "config": target,
            "previous": live.config,
            "model": model,
            "package": package,
        }
        return answer("await", incident.with_(deployment=deployment), deployment=deployment)

    def _target(self, incident: Incident, live: EndpointState) -> str:
        """What the first try asked for: a second one that finds it taken must not go back further."""
        known = intended(self._table.entries(), incident.id, Remedy.FALL_BACK)
        if known is not None:
            return str(known["to"])
        earlier = tuple(self._serving.earlier(self._endpoint.model_of(live.config)))
        good = last_good(earlier)
        if good is None:
            raise Refused(f"endpoint {live.name} has nothing to fall back to: {obstacle(earlier)}")
        return good.config

    def _require_good(self, package: str) -> None:
        found = Registry(self._sagemaker).package(package)
        found.require_deployable()
        require_digest(self._s3, found)


@functools.cache
def falling_back() -> FallBack:
    return FallBack(read_environment(FallBackEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return falling_back().fall_back(Step.of(event))
