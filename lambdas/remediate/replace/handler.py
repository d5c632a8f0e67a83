"""Put the model that serves on fresh instances: a copy of its config, blue/green."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.runtime import ActingEnvironment, Step, answer, ledger_table, read_environment
from selfheal.aws.alarms import Alarms
from selfheal.aws.champion import package_of
from selfheal.aws.controls import ControlPanel
from selfheal.aws.endpoint import Endpoint
from selfheal.aws.known_model import KnownModel
from selfheal.aws.policies import release_policy
from selfheal.aws.registry import Registry
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.replace import config_on_fresh_instances


@dataclass(frozen=True, kw_only=True)
class ReplaceEnvironment(ActingEnvironment):
    """Settings of this function."""

    release_policy: str


class Replacement:
    """Replaces the instances of one endpoint."""

    def __init__(self, environment: ReplaceEnvironment) -> None:
        self._table = ledger_table(environment)
        self._sagemaker = boto3.client("sagemaker")
        self._endpoint = Endpoint(self._sagemaker, environment.endpoint)
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

    def replace(self, step: Step) -> dict[str, Any]:
        """Ask for the same model on fresh instances. Where a first try was taken, there is nothing to ask.

        Raises:
            EndpointBusy: a deployment runs; the workflow tries again.
            Missing: the model that serves names no package, or one that is gone.
            Refused: its package is not approved, or is quarantined.
            Stopped: people do not want changes now.
            LeaseLost: the incident is not this workflow's any more.
        """
        incident = step.incident
        live = self._endpoint.require_at_rest()
        described = self._endpoint.config(live.config)
        generation = incident.idempotency_key(Remedy.REPLACE.value)
        config = config_on_fresh_instances(described, self._endpoint.name, generation)
        name, model = str(config["EndpointConfigName"]), str(config["ProductionVariants"][0]["ModelName"])
        package = package_of(self._sagemaker, model)
        change = live.config != name
        if change:
            Registry(self._sagemaker).package(package).require_deployable()
            self._controls.require_permission(step.at)
        body = {
            "remedy": Remedy.REPLACE.value,
            "from": live.config,
            "to": name,
            "package": package,
            "changed": change,
        }
        self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.INTENT, body=body)
        if change:
            self._endpoint.create_config(config)
            self._known_model.deploy(name, step.at)
        deployment = {
            "kind": Remedy.REPLACE.value,
            "config": name,
            "previous": live.config,
            "model": model,
            "package": package,
        }
        return answer("await", incident.with_(deployment=deployment), deployment=deployment)


@functools.cache
def replacement() -> Replacement:
    return Replacement(read_environment(ReplaceEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return replacement().replace(Step.of(event))
