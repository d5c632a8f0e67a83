"""Go by what people said of a remedy: approved, rejected, or nothing in time."""

from __future__ import annotations

import functools
from typing import Any

from lambdas.runtime import Environment, Step, UnknownEvent, answer, ledger_table, logger, read_environment
from selfheal.aws.ledger_table import LedgerTable
from selfheal.record.ledger import EntryKind
from selfheal.remediate.approval import Answer
from selfheal.remediate.playbook import Remedy

LATE = "nobody answered in time, which is no approval"


def take_answer(step: Step, table: LedgerTable) -> dict[str, Any]:
    """The next state: the remedy where it was approved, `plan` where it was rejected, `escalate` where nobody answered
    in time.

    Raises:
        UnknownEvent: the state holds neither an answer nor the time-out.
        LeaseLost: the incident is not this workflow's any more.
    """
    incident = step.incident
    remedy = incident.tried[-1]
    body: dict[str, Any] = {"remedy": remedy.value}
    if "error" in step.input:
        kind, next_, note = EntryKind.EXPIRED, Remedy.ESCALATE.value, LATE
        body |= {"reason": LATE}
    else:
        given = _given(step)
        body |= {"by": given.by, "reason": given.reason, "answered": given.at.isoformat()}
        if given.approved:
            kind, next_, note = EntryKind.APPROVED, remedy.value, f"approved by {given.by}"
        else:
            kind, next_, note = EntryKind.REJECTED, "plan", f"rejected by {given.by}"
        note += f": {given.reason}" if given.reason else ""
    table.append_fenced(at=step.at, incident=incident, kind=kind, body=body)
    logger.info(kind.value, extra=body)
    return answer(next_, incident.noting(f"{remedy.value}: {note}"))


def _given(step: Step) -> Answer:
    try:
        return Answer.from_json(step.input["answer"])
    except (KeyError, TypeError, ValueError) as error:
        raise UnknownEvent(f"the workflow's state holds no answer: {type(error).__name__} {error}") from error


@functools.cache
def table() -> LedgerTable:
    return ledger_table(read_environment(Environment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: the task of the incident workflow after the question."""
    return take_answer(Step.of(event), table())
