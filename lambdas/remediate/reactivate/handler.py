"""Start a replay: would the champion before this one have answered the newest requests better?"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.runtime import ActingEnvironment, Step, answer, ledger_table, read_environment
from selfheal.aws.champion import ChampionPointer, package_of
from selfheal.aws.controls import ControlPanel
from selfheal.aws.endpoint import Endpoint
from selfheal.aws.errors import Missing, Refused
from selfheal.aws.pipeline import Pipeline
from selfheal.aws.registry import Registry
from selfheal.aws.retraining import write_request
from selfheal.aws.service import Serving
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind, intended
from selfheal.remediate.fall_back import last_good, obstacle
from selfheal.remediate.playbook import Remedy


@dataclass(frozen=True, kw_only=True)
class ReactivateEnvironment(ActingEnvironment):
    """Settings of this function."""

    pipeline: str
    champion_parameter: str


class Reactivation:
    """Asks of one workload whether a previous champion should come back."""

    def __init__(self, environment: ReactivateEnvironment) -> None:
        self._environment = environment
        self._s3 = boto3.client("s3")
        self._sagemaker = boto3.client("sagemaker")
        ssm = boto3.client("ssm")
        self._table = ledger_table(environment)
        self._registry = Registry(self._sagemaker)
        endpoint = Endpoint(self._sagemaker, environment.endpoint)
        self._serving = Serving(self._sagemaker, endpoint, self._table)
        self._pointer = ChampionPointer(ssm, environment.champion_parameter)
        self._controls = ControlPanel(ssm, environment.mode_parameter, environment.kill_switch_parameter)

    def reactivate(self, step: Step) -> dict[str, Any]:
        """Start the replay that judges it; what passes is released as any package is.

        Raises:
            Missing: there is no champion.
            Refused: no model that served before may serve again.
            Stopped: people do not want changes now.
            LeaseLost: the incident is not this workflow's any more.
        """
        incident = step.incident
        self._controls.require_permission(step.at)
        model = self._pointer.model()
        if model is None:
            raise Missing("there is no champion that another could be compared with: deploy the stacks first")
        champion = self._registry.package(package_of(self._sagemaker, model))
        previous = self._registry.package(self._previous(incident, model))
        token = incident.idempotency_key(Remedy.REACTIVATE.value)
        body = {
            "remedy": Remedy.REACTIVATE.value,
            "champion": champion.arn,
            "package": previous.arn,
            "token": token,
        }
        self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.INTENT, body=body)
        parameters = write_request(
            self._s3,
            self._environment.bucket,
            token,
            incident=incident.id,
            window_end=step.at,
            champion=champion,
            previous=previous,
        )
        # The request took a while to write, in which somebody may have thrown the switch.
        self._controls.require_permission(step.at)
        arn = Pipeline(self._sagemaker).start(self._environment.pipeline, parameters, token)
        return answer("await", incident.with_(training=arn, candidate=previous.arn), training=arn)

    def _previous(self, incident: Incident, model: str) -> str:
        """Package of the last model that served before; a step that is tried again asks for the same one."""
        known = intended(self._table.entries(), incident.id, Remedy.REACTIVATE)
        if known is not None:
            return str(known["package"])
        earlier = tuple(self._serving.earlier(model))
        good = last_good(earlier)
        if good is None or good.model is None:
            raise Refused(
                f"no previous champion of {self._environment.endpoint} may return: {obstacle(earlier)}"
            )
        return package_of(self._sagemaker, good.model)


@functools.cache
def reactivation() -> Reactivation:
    return Reactivation(read_environment(ReactivateEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return reactivation().reactivate(Step.of(event))
