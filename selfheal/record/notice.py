"""Notices: what happened, why we think so, what was done, and what it needs from you."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from selfheal.record.episode import Episode
from selfheal.record.incident import Incident, Outcome
from selfheal.record.vocabulary import words
from selfheal.remediate.approval import Question
from selfheal.remediate.quarantine import Quarantine

OUTCOMES = {
    Outcome.RESOLVED: "resolved",
    Outcome.MITIGATED: "mitigated, unverified",
    Outcome.ESCALATED: "escalated",
}


@dataclass(frozen=True)
class Notice:
    """A subject line and a text, for people."""

    subject: str
    text: str


def closed_notice(incident: Incident) -> Notice:
    """The notice of an incident that ended."""
    outcome = OUTCOMES[incident.outcome] if incident.outcome else "open"
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
        _need(incident),
        f"The whole story: selfheal explain {incident.id} --table (output LedgerTable of the Data stack)",
    ]
    return Notice(f"[selfheal] {incident.endpoint}: {outcome}, {cause}", "\n".join(lines))


def _need(incident: Incident) -> str:
    if incident.outcome is Outcome.RESOLVED:
        return "It needs nothing from you."
    if incident.outcome is Outcome.MITIGATED:
        return (
            f"Unproven: {incident.unproven}. As far as is known the harm has ended. It needs whoever owns the labels: "
            "have them delivered, then look at the performance that observe reports. See docs/runbooks/labels.md."
        )
    return "It needs you: healing has no further remedy that it may take. See docs/runbooks."


def abandoned_notice(endpoint: str, episode: Episode, status: str) -> Notice:
    """The notice of an incident whose workflow ended without closing it; `status` is Step Functions' own."""
    ended = status.lower().replace("_", " ")
    cause = words(episode.cause) if episode.cause else "not diagnosed"
    lines = [
        f"Incident {episode.id} of endpoint {endpoint} is abandoned: its workflow ended as {ended} before it did.",
        "",
        f"What happened: {episode.trigger.reason if episode.trigger else 'unknown'}",
        f"Why: {cause}",
        *(f"Begun: {words(attempt.remedy)}, {_time(attempt.begun_at)}" for attempt in episode.attempts),
        "",
        "It needs you where its alarm is quiet by now: nobody proved that the service recovered, and what had begun "
        "may not have ended. Where the alarm still fires, the incident is opened again by itself.",
        f"The whole story: selfheal explain {episode.id} --table (output LedgerTable of the Data stack)",
    ]
    return Notice(f"[selfheal] {endpoint}: abandoned, {cause}", "\n".join(lines))


def approval_notice(incident: Incident, question: Question, table: str) -> Notice:
    """What people are told of a remedy that waits for their word: what, why, until when, and how to answer."""
    remedy, cause = words(question.remedy), words(incident.cause) if incident.cause else "not diagnosed"
    lines = [
        f"Incident {incident.id} of endpoint {incident.endpoint} asks for your approval: {remedy}.",
        "",
        f"What happened: {incident.trigger.reason}",
        f"Why: {cause}",
        *(f"  - {reason}" for reason in incident.evidence),
        *(f"Passed over or done before: {note}" for note in incident.notes),
        "",
        "To have it done:",
        f"  selfheal approve {incident.id} --table {table}",
        "To have the next rung of the playbook planned instead:",
        f"  selfheal reject {incident.id} --table {table} --reason WHY",
        "",
        f"Without an answer by {_time(question.expires_at)} nothing is done, and the incident is handed over to you.",
        f"The whole story so far: selfheal explain {incident.id} --table {table}",
    ]
    return Notice(f"[selfheal] {incident.endpoint}: may it {remedy}? {cause}", "\n".join(lines))


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
