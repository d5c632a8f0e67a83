"""Replay: every decision made again, from the ledger alone.

A plan's entry holds what it was made from besides the entries before it: cause, remedies tried, ladder, rails, mode,
kill switch, economics, the service, and the endpoints that were being changed elsewhere. What the rails count is read
from those entries again, as the planner did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from selfheal.diagnose.causes import Cause
from selfheal.record.ledger import Entry, EntryKind, actions, openings
from selfheal.remediate.economics import Economics
from selfheal.remediate.plan import Controls, Plan, next_remedy
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.rails import Action, Mode, Rails, recurrences
from selfheal.remediate.service import Service
from selfheal.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One decision, made again.

    Attributes:
        verdict: `PASS` where it comes out as it is written; `FAIL` where it comes out otherwise;
            `INCONCLUSIVE` where its entry does not say what it was made from, or not in terms of this version.
    """

    seq: int
    at: datetime
    incident: str
    verdict: Verdict
    reason: str


def replay(entries: Iterable[Entry]) -> tuple[Replayed, ...]:
    """Every `planned` entry, in order. Whether the chain itself is whole is `broken_at`'s to say."""
    chain = list(entries)
    return tuple(
        _replayed(entry, chain[:place])
        for place, entry in enumerate(chain)
        if entry.kind is EntryKind.PLANNED
    )


def _replayed(entry: Entry, before: Sequence[Entry]) -> Replayed:
    try:
        differences = _differences(entry, before)
        verdict = Verdict.FAIL if differences else Verdict.PASS
        reason = "; ".join(differences) or "it follows from the ledger"
    except (KeyError, TypeError, ValueError) as error:
        verdict = Verdict.INCONCLUSIVE
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        reason = f"what it was decided from cannot be read: {what}"
    return Replayed(seq=entry.seq, at=entry.at, incident=entry.incident, verdict=verdict, reason=reason)


def _differences(entry: Entry, before: Sequence[Entry]) -> list[str]:
    body, history, recurring = entry.body, actions(before), _recurring(entry, before)
    plan = _decide(entry, history, recurring)
    pairs = {
        "actions before it": (body["history"], len(history)),
        "incidents of its alarm within a day": (body["recurring"], recurring),
        "remedy": (body["remedy"], plan.remedy.value),
        "reason": (body["reason"], plan.reason),
        "stopped": (tuple(body["stopped"]), plan.stopped),
    }
    return [
        f"{name}: {written!r} is written, {found!r} follows"
        for name, (written, found) in pairs.items()
        if written != found
    ]


def _decide(entry: Entry, history: Sequence[Action], recurring: int) -> Plan:
    body = entry.body
    cause = Cause(body["cause"])
    return next_remedy(
        cause,
        [Remedy(remedy) for remedy in body["tried"]],
        playbook={cause: tuple(Remedy(remedy) for remedy in body["playbook"])},
        rails=_rails(body["rails"]),
        controls=Controls(mode=Mode(body["mode"]), kill_switch=body["kill_switch"]),
        history=history,
        now=entry.at,
        recurring=recurring,
        economics=Economics.from_json(body["economics"]) if body["economics"] else None,
        changing=body["changing"],
        # Entries from before there were remedies that go by the service have none; their ladders do not ask.
        service=Service.from_json(body["service"]) if body.get("service") else None,
    )


def _recurring(entry: Entry, before: Sequence[Entry]) -> int:
    found = openings(before)
    own = next((opening for opening in found if opening.incident == entry.incident), None)
    if own is None:
        raise ValueError(f"no entry before it opened incident {entry.incident}")
    return recurrences(own, found, entry.at)


def _rails(body: Mapping[str, Any]) -> Rails:
    """The rails as they were. A default of today must not stand in for one that was not there then."""
    known = {field.name for field in fields(Rails)}
    if set(body) != known:
        raise ValueError(f"rails differ from those of this version by {', '.join(sorted(known ^ set(body)))}")
    return Rails.from_json(body)
