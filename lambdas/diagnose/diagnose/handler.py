"""Find out why: read everything at one moment, and let the rules name a cause."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.runtime import Environment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.alarms import Alarms
from selfheal.aws.champion import package_of
from selfheal.aws.endpoint import Endpoint
from selfheal.aws.errors import Missing
from selfheal.aws.objects import Objects
from selfheal.aws.policies import diagnosis_policy
from selfheal.aws.report_store import ReportStore
from selfheal.diagnose.rules import diagnose
from selfheal.diagnose.snapshot import Snapshot
from selfheal.record.ledger import EntryKind


@dataclass(frozen=True, kw_only=True)
class DiagnoseEnvironment(Environment):
    """Settings of this function."""

    diagnosis_policy: str


class Diagnoser:
    """Diagnoses incidents of one endpoint."""

    def __init__(self, environment: DiagnoseEnvironment) -> None:
        self._policy = diagnosis_policy(environment.diagnosis_policy)
        self._table = ledger_table(environment)
        self._sagemaker = boto3.client("sagemaker")
        self._endpoint = Endpoint(self._sagemaker, environment.endpoint)
        self._alarms = Alarms(boto3.client("cloudwatch"), environment.endpoint)
        objects = Objects(boto3.client("s3"), environment.bucket)
        self._reports = ReportStore(objects, environment.endpoint)

    def diagnose(self, step: Step) -> dict[str, Any]:
        incident = step.incident
        report = self._reports.latest(step.at)
        live = self._endpoint.state().config
        snapshot = Snapshot(
            at=step.at,
            opened_by=incident.trigger.kind,
            firing={firing.kind: firing.since for firing in self._alarms.firing()},
            live_config=live,
            signals=report.signals if report else (),
            last_release=self._table.last_release(),
        )
        found = diagnose(snapshot, self._policy)
        body = {
            "cause": found.cause.value,
            "evidence": list(found.evidence),
            "ruled_out": list(found.ruled_out),
        }
        self._table.append(at=step.at, incident=incident.id, kind=EntryKind.DIAGNOSED, body=body)
        logger.info("diagnosed", extra=body)
        return answer(
            "plan",
            incident.with_(
                cause=found.cause,
                evidence=found.evidence,
                ruled_out=found.ruled_out,
                champion_before=incident.champion_before or self._package_of(live),
            ),
        )

    def _package_of(self, config: str) -> str | None:
        """The package that a config serves, or None where the model was made by hand and names none."""
        try:
            return package_of(self._sagemaker, self._endpoint.model_of(config))
        except Missing as error:
            logger.warning(str(error))
            return None


@functools.cache
def diagnoser() -> Diagnoser:
    return Diagnoser(read_environment(DiagnoseEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return diagnoser().diagnose(Step.of(event))
