"""Settle a deployment that came to rest: did the endpoint take what it was asked to take?

An endpoint that the guardrails rolled back says `InService` all the same, so only its config's name tells.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.runtime import Environment, Step, UnknownEvent, answer, ledger_table, logger, read_environment
from selfheal.aws.alarms import Alarms
from selfheal.aws.champion import ChampionPointer, package_of
from selfheal.aws.changes import rolled_back_event
from selfheal.aws.endpoint import Endpoint, EndpointState
from selfheal.aws.errors import EndpointBusy, Missing, code
from selfheal.aws.registry import Registry
from selfheal.diagnose.snapshot import ReleaseStatus
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.release import content_hash, fleet_alarm_names

# Kinds of deployments of a known model, which alarms of their own watched; a release's go with the release.
WATCHED = (Remedy.REPLACE.value, Remedy.FALL_BACK.value)


@dataclass(frozen=True, kw_only=True)
class SettleEnvironment(Environment):
    """Settings of this function."""

    champion_parameter: str
    incident_machine: str


class Settlement:
    """Settles deployments of one endpoint."""

    def __init__(self, environment: SettleEnvironment) -> None:
        self._machine = environment.incident_machine
        self._sagemaker = boto3.client("sagemaker")
        self._workflows = boto3.client("stepfunctions")
        self._table = ledger_table(environment)
        self._endpoint = Endpoint(self._sagemaker, environment.endpoint)
        self._registry = Registry(self._sagemaker)
        self._alarms = Alarms(boto3.client("cloudwatch"), environment.endpoint)
        self._pointer = ChampionPointer(boto3.client("ssm"), environment.champion_parameter)

    def settle(self, step: Step) -> dict[str, Any]:
        """The next state: `verify` where the endpoint serves what was asked for, else `plan`."""
        deployment = step.input.get("deployment")
        if not isinstance(deployment, Mapping):
            raise UnknownEvent("the workflow's state holds no deployment to settle")
        incident = step.incident_if_any
        state = self._endpoint.state()
        if not state.at_rest:
            raise EndpointBusy(f"endpoint {state.name} is still {state.status}")
        if state.status == "InService" and is_there(deployment, state):
            if "model" in deployment and deployment["kind"] != Remedy.REPLACE.value:
                self._pointer.move(deployment["model"])
            return self._taken(step, deployment, incident, "serves")
        if self._served_until_the_next(deployment):
            return self._taken(step, deployment, incident, "served until the next release")
        return self._refused(step, deployment, state, incident)

    def _taken(
        self, step: Step, deployment: Mapping[str, str], incident: Incident | None, what: str
    ) -> dict[str, Any]:
        kind, model = deployment["kind"], deployment.get("model")
        if kind == "release":
            self._end_release(step, deployment, ReleaseStatus.PROMOTED)
        elif kind == Remedy.ROLLBACK.value:
            self._end_release(step, deployment, ReleaseStatus.ROLLED_BACK)
            self._quarantine(deployment, incident)
        elif kind in WATCHED:
            self._forget_alarms(deployment["config"])
        self._outcome(step, deployment, incident, succeeded=True, reason=f"{asked(deployment)} {what}")
        if incident is not None:
            champion = self._package(model) if model is not None else incident.champion_after
            incident = incident.with_(acted_at=step.at, mitigated_at=step.at, champion_after=champion)
        return answer("verify", incident, package=deployment.get("package"), deployment=dict(deployment))

    def _served_until_the_next(self, deployment: Mapping[str, str]) -> bool:
        """Whether a release held, and another was begun before this step came to look: that one found it in service."""
        release = self._table.release(deployment["config"]) if deployment["kind"] == "release" else None
        return release is not None and any(
            later.previous_config == release.config and later.order > release.order
            for later in self._table.releases()
        )

    def _refused(
        self, step: Step, deployment: Mapping[str, str], state: EndpointState, incident: Incident | None
    ) -> dict[str, Any]:
        wanted, there = asked(deployment), found(deployment, state)
        reason = f"{there} serves ({state.status}) where {wanted} was asked for. {state.failure}"
        if deployment["kind"] == "release":
            self._end_release(step, deployment, ReleaseStatus.ROLLED_BACK)
            if not lacked_capacity(state.failure):
                self._quarantine(deployment, incident)
        elif deployment["kind"] in WATCHED:
            self._forget_alarms(deployment["config"])
        self._outcome(step, deployment, incident, succeeded=False, reason=reason)
        if incident is None:
            self._start_incident(step, deployment, reason)
            return answer("plan", package=deployment["package"], reason=reason)
        return answer("plan", incident.noting(reason), package=deployment.get("package"))

    def _end_release(self, step: Step, deployment: Mapping[str, str], status: ReleaseStatus) -> None:
        """Write down how a release ended, and take away the alarms that only watched it."""
        release = self._table.release(deployment["released"])
        if release is None:
            raise Missing(f"the table holds no release {deployment['released']}")
        self._table.save_release(replace(release, status=status, ended_at=release.ended_at or step.at))
        self._forget_alarms(release.config)

    def _forget_alarms(self, config: str) -> None:
        """The alarms that watched the fleet of a config while it was being deployed."""
        self._alarms.delete(fleet_alarm_names(self._endpoint.name, config))

    def _quarantine(self, deployment: Mapping[str, str], incident: Incident | None) -> None:
        by = incident.id if incident else deployment["released"]
        self._registry.quarantine(
            deployment["package"], by, f"did not hold in service: {deployment['released']}"
        )
        logger.info("quarantined", package=deployment["package"], by=by)

    def _outcome(
        self,
        step: Step,
        deployment: Mapping[str, str],
        incident: Incident | None,
        *,
        succeeded: bool,
        reason: str,
    ) -> None:
        body: dict[str, Any] = {
            "action": deployment["kind"],
            **{name: deployment[name] for name in ("released", "package") if name in deployment},
            "succeeded": succeeded,
            "reason": reason,
        }
        if incident is not None:
            body["remedy"] = incident.tried[-1].value
        name = incident.id if incident else deployment["released"]
        self._table.append(at=step.at, incident=name, kind=EntryKind.OUTCOME, body=body)

    def _package(self, model: str) -> str | None:
        try:
            return package_of(self._sagemaker, model)
        except Missing:
            return None

    def _start_incident(self, step: Step, deployment: Mapping[str, str], reason: str) -> None:
        """A release by hand that did not hold is an incident; the execution's name makes it one."""
        event = rolled_back_event(deployment["config"], reason, step.at)
        name = f"release-{content_hash([deployment['config'], step.execution])}"
        try:
            self._workflows.start_execution(stateMachineArn=self._machine, name=name, input=json.dumps(event))
        except ClientError as error:
            if code(error) != "ExecutionAlreadyExists":
                raise


def is_there(deployment: Mapping[str, str], state: EndpointState) -> bool:
    """Whether the endpoint has what it was asked for: the config and, of scaling, at least the instances."""
    if state.config != deployment["config"]:
        return False
    if "instances" not in deployment:
        return True
    found = state.instances.get(deployment["variant"])
    return found is not None and found.current >= int(deployment["instances"])


def asked(deployment: Mapping[str, str]) -> str:
    """What was asked for, in words."""
    on = f" on {deployment['instances']} instances" if "instances" in deployment else ""
    return f"{deployment['config']}{on}"


def found(deployment: Mapping[str, str], state: EndpointState) -> str:
    """What there is of it, in words."""
    variant = state.instances.get(deployment.get("variant", ""))
    return f"{state.config} on {variant.current} instances" if variant else state.config


def lacked_capacity(failure: str) -> bool:
    """Whether a deployment ended for want of instances, for which no model is to blame."""
    return any(word in failure.lower() for word in ("capacity", "resourcelimit", "quota", "limit exceeded"))


@functools.cache
def settlement() -> Settlement:
    return Settlement(read_environment(SettleEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident and of the release workflow."""
    return settlement().settle(Step.of(event))
