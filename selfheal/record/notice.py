"""Notices: what happened, why we think so, what was done, and what it needs from you."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from selfheal.record.incident import Incident, Outcome
from selfheal.record.vocabulary import words


@dataclass(frozen=True)
class Notice:
    """A subject line and a text, for people."""

    subject: str
    text: str


def closed_notice(incident: Incident) -> Notice:
    """The notice of an incident that ended."""
    outcome = incident.outcome.value if incident.outcome else "open"
    cause = words(incident.cause) if incident.cause else "not diagnosed"
    done = ", ".join(words(remedy) for remedy in incident.tried) or "nothing"
    lines = [
        f"Incident {incident.id} of endpoint {incident.endpoint} is {outcome}.",
        "",
        f"What happened: {incident.trigger.reason}",
        f"Why: {cause}",
        *(f"  - {reason}" for reason in incident.evidence),
        f"What was done: {done}",
        *(f"  - {note}" for note in incident.notes),
        f"Opened {_time(incident.opened_at)}, mitigated {_time(incident.mitigated_at)}, "
        f"verified {_time(incident.verified_at)}.",
        f"Champion: {incident.champion_after or incident.champion_before or 'unknown'}",
        "",
        "It needs nothing from you."
        if incident.outcome is Outcome.RESOLVED
        else "It needs you: healing has no further remedy that it may take. See docs/runbooks.",
        f"The whole story: selfheal explain {incident.id} --table (output LedgerTable of the Data stack)",
    ]
    return Notice(f"[selfheal] {incident.endpoint}: {outcome}, {cause}", "\n".join(lines))


def refused_notice(endpoint: str, reason: str) -> Notice:
    """The notice of a workflow that stopped before anything was changed."""
    text = f"Nothing was changed at endpoint {endpoint}: it serves what it served before.\n\nReason: {reason}"
    return Notice(f"[selfheal] {endpoint}: refused, nothing was changed", text)


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"
