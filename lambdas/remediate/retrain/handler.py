"""Start a retraining: write the request, start the pipeline, and let the workflow wait."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.runtime import ActingEnvironment, Step, answer, ledger_table, read_environment
from selfheal.aws.champion import ChampionPointer, package_of
from selfheal.aws.controls import ControlPanel
from selfheal.aws.pipeline import Pipeline
from selfheal.aws.registry import Registry
from selfheal.aws.retraining import write_request
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy


@dataclass(frozen=True, kw_only=True)
class RetrainEnvironment(ActingEnvironment):
    """Settings of this function."""

    pipeline: str
    champion_parameter: str


class Retraining:
    """Retrains one workload's model."""

    def __init__(self, environment: RetrainEnvironment) -> None:
        self._environment = environment
        self._s3 = boto3.client("s3")
        self._sagemaker = boto3.client("sagemaker")
        ssm = boto3.client("ssm")
        self._table = ledger_table(environment)
        self._pointer = ChampionPointer(ssm, environment.champion_parameter)
        self._controls = ControlPanel(ssm, environment.mode_parameter, environment.kill_switch_parameter)

    def retrain(self, step: Step) -> dict[str, Any]:
        """Raises Stopped where people do not want changes now."""
        incident = step.incident
        self._controls.require_permission(step.at)
        model = self._pointer.model()
        champion = Registry(self._sagemaker).package(package_of(self._sagemaker, model)) if model else None
        token = incident.idempotency_key(Remedy.RETRAIN.value)
        body = {
            "remedy": Remedy.RETRAIN.value,
            "champion": champion.arn if champion else None,
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
        )
        # The request took a while to write, in which somebody may have thrown the switch.
        self._controls.require_permission(step.at)
        arn = Pipeline(self._sagemaker).start(self._environment.pipeline, parameters, token)
        return answer("await", incident.with_(training=arn), training=arn)


@functools.cache
def retraining() -> Retraining:
    return Retraining(read_environment(RetrainEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return retraining().retrain(Step.of(event))
