"""Open an incident for a change, or attach the change to the one that is open."""

from __future__ import annotations

import functools
from typing import Any

from lambdas.runtime import Environment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.changes import trigger_of
from selfheal.aws.ledger_table import LedgerTable
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind


def open_incident(step: Step, endpoint: str, table: LedgerTable) -> dict[str, Any]:
    """One open incident per endpoint; the same change announced twice is one change."""
    trigger = trigger_of(step.input, endpoint)
    if trigger is None:
        return answer("suppressed", reason="the alarm is well again")
    incident = Incident.open(endpoint, trigger, step.at)
    if not table.take_up(trigger.key, step.execution, step.at):
        return answer("suppressed", reason=f"{trigger.key} was taken up already")
    lease = table.open(at=step.at, incident=incident.id, execution=step.execution, body=trigger.to_json())
    if (lease.incident, lease.execution) != (incident.id, step.execution):
        table.attach(trigger.key, lease.incident)
        table.append(at=step.at, incident=lease.incident, kind=EntryKind.ATTACHED, body=trigger.to_json())
        return answer("attached", reason=f"incident {lease.incident} is open")
    logger.info("incident opened", incident=incident.id, reason=trigger.reason)
    return answer("diagnose", incident.with_(fencing_token=lease.token))


@functools.cache
def environment() -> Environment:
    return read_environment(Environment)


@functools.cache
def table() -> LedgerTable:
    return ledger_table(environment())


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: the first task of the incident workflow."""
    return open_incident(Step.of(event), environment().endpoint, table())
