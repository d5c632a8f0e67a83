"""Close an incident: write its outcome down, give the lease back, and tell people in plain words."""

from __future__ import annotations

import contextlib
import functools
import json
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.runtime import Environment, Step, ledger_table, logger, read_environment
from selfheal.aws.errors import LeaseLost
from selfheal.aws.notices import Notices
from selfheal.record.incident import Incident, Outcome
from selfheal.record.ledger import EntryKind
from selfheal.record.notice import Notice, closed_notice, refused_notice
from selfheal.remediate.playbook import Remedy

# What these begin can fail; watching and escalating begin nothing.
BEGINNING = tuple(remedy for remedy in Remedy if remedy.changes_service or remedy is Remedy.QUARANTINE)


@dataclass(frozen=True, kw_only=True)
class RecordEnvironment(Environment):
    """Settings of this function."""

    topic: str


class Recorder:
    """Records for one endpoint."""

    def __init__(self, environment: RecordEnvironment) -> None:
        self._endpoint = environment.endpoint
        self._table = ledger_table(environment)
        self._notices = Notices(boto3.client("sns"), environment.topic)

    def record(self, step: Step) -> dict[str, Any]:
        error = _error(step.input.get("error"))
        if step.input.get("incident"):
            try:
                return self._end(self._close(step, error))
            except LeaseLost as lost:
                return self._lost(step, error or str(lost))
        if error is not None:
            return self._refuse(step, error)
        return {"next": "end", "incident": None}

    def _close(self, step: Step, error: str | None) -> Incident:
        incident = step.incident
        if error is not None:
            incident = incident.noting(f"the workflow stopped: {error}")
            self._fail_last_remedy(step, incident, error)
        incident = incident.with_(outcome=_outcome(incident, error))
        self._table.append_fenced(
            at=step.at, incident=incident, kind=EntryKind.CLOSED, body=incident.to_json()
        )
        return incident

    def _end(self, incident: Incident) -> dict[str, Any]:
        self._table.detach_all(incident.id)
        self._table.close(incident.fencing_token)
        self._tell(closed_notice(incident))
        return {"next": "end", "incident": incident.to_json()}

    def _lost(self, step: Step, reason: str) -> dict[str, Any]:
        """The lease is gone: we gave it back and are asked again, or the incident is no longer ours to close."""
        incident = step.incident
        for entry in self._table.entries():
            if entry.kind is EntryKind.CLOSED and entry.incident == incident.id:
                closed = Incident.from_json(entry.body)
                if closed.fencing_token == incident.fencing_token:
                    return self._end(closed)
        return self._refuse(step, reason)

    def _fail_last_remedy(self, step: Step, incident: Incident, error: str) -> None:
        """A remedy that raised has failed, unless people stopped it."""
        if incident.tried and incident.tried[-1] in BEGINNING and not error.startswith("Stopped"):
            body = {"remedy": incident.tried[-1].value, "succeeded": False, "reason": error}
            self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.OUTCOME, body=body)

    def _refuse(self, step: Step, error: str) -> dict[str, Any]:
        """A workflow that acted on nothing, because something was not as it must be."""
        body = {"execution": step.execution, "reason": error, "package": step.input.get("package")}
        self._table.append(at=step.at, incident=step.execution, kind=EntryKind.REFUSED, body=body)
        self._table.forget_execution(step.execution)
        self._tell(refused_notice(self._endpoint, error))
        return {"next": "end", "incident": None}

    def _tell(self, notice: Notice) -> None:
        logger.info(notice.subject)
        self._notices.tell(notice)


def _outcome(incident: Incident, error: str | None) -> Outcome:
    """However proven, what the workflow stumbled over is for people."""
    if error is not None:
        return Outcome.ESCALATED
    if incident.verified_at is not None:
        return Outcome.RESOLVED
    return Outcome.MITIGATED if incident.unproven is not None else Outcome.ESCALATED


def _error(error: Any) -> str | None:
    """Step Functions' error as one line: the exception's message rather than its stack trace."""
    if error is None:
        return None
    cause = error.get("Cause", "") if isinstance(error, dict) else str(error)
    name = error.get("Error", "Error") if isinstance(error, dict) else "Error"
    with contextlib.suppress(ValueError, AttributeError):
        cause = json.loads(cause).get("errorMessage", cause)
    return f"{name}: {cause}"[:1000]


@functools.cache
def recorder() -> Recorder:
    return Recorder(read_environment(RecordEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: the last task of either workflow."""
    return recorder().record(Step.of(event))
