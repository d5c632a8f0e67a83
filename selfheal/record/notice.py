"""Notices: what happened, why we think so, what was done, and what it needs from you."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from selfheal.record.incident import Incident, Outcome
from selfheal.record.vocabulary import words
from selfheal.remediate.quarantine import Quarantine


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


def quarantined_notice(incident: Incident, quarantine: Quarantine) -> Notice:
    """What the owner of a broken feed is told while it is broken; where the map of a feature's values is known, as
    where a unit changed, its reason names it."""
    lines = [
        f"Requests of endpoint {incident.endpoint} are broken: {', '.join(quarantine.subjects)}.",
        "",
        "What is broken:",
        *(f"  - {signal.reason}" for signal in quarantine.broken),
        "",
        f"Hours {quarantine.interval} are kept out of training. Nothing else was changed: the model answers on.",
        "",
        "It needs the owner of the feed. When the feed is healthy again the incident ends by itself.",
        f"Were these hours right after all: selfheal quarantine release {incident.id}",
        "See docs/runbooks/upstream-data.md.",
    ]
    subject = f"[selfheal] {incident.endpoint}: its input is broken, hours are quarantined"
    return Notice(subject, "\n".join(lines))


def refused_notice(endpoint: str, reason: str) -> Notice:
    """The notice of a workflow that stopped before anything was changed."""
    text = f"Nothing was changed at endpoint {endpoint}: it serves what it served before.\n\nReason: {reason}"
    return Notice(f"[selfheal] {endpoint}: refused, nothing was changed", text)


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"
