"""Find out why: read everything at one moment, and let the rules name a cause."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from lambdas.diagnose.diagnose.readings import Readings
from lambdas.runtime import Environment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.policies import diagnosis_policy
from selfheal.diagnose.rules import diagnose
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
        self._readings = Readings(environment)

    def diagnose(self, step: Step) -> dict[str, Any]:
        incident = step.incident
        snapshot, package = self._readings.snapshot(step)
        found = diagnose(snapshot, self._policy)
        body = {
            "cause": found.cause.value,
            "evidence": list(found.evidence),
            "ruled_out": list(found.ruled_out),
            "blamed_release": found.blamed_release,
        }
        self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.DIAGNOSED, body=body)
        logger.info("diagnosed", extra=body)
        return answer(
            "plan",
            incident.with_(
                cause=found.cause,
                evidence=found.evidence,
                ruled_out=found.ruled_out,
                blamed_release=found.blamed_release,
                champion_before=incident.champion_before or package,
            ),
        )


@functools.cache
def diagnoser() -> Diagnoser:
    return Diagnoser(read_environment(DiagnoseEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return diagnoser().diagnose(Step.of(event))
