"""The ledger: an append-only chain of what was seen, decided, intended and done.

Each entry carries the hash of the one before, so that an entry altered, missing or out of order breaks the
chain at that place. The intent is written before the action and the outcome after it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Outcome
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.rails import Action, Opening

GENESIS = "0" * 64


class EntryKind(str, Enum):
    """What an entry tells."""

    OPENED = "opened"
    ATTACHED = "attached"
    DIAGNOSED = "diagnosed"
    PLANNED = "planned"
    INTENT = "intent"
    OUTCOME = "outcome"
    VERIFIED = "verified"
    CLOSED = "closed"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    BREAKER_CLOSED = "breaker-closed"
    ASKED = "asked"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    HOURS_RELEASED = "hours-released"

    @classmethod
    def _missing_(cls, value: object) -> EntryKind | None:
        """A kind that a later version writes: none of the above, yet its entry can be read and its hash checked."""
        if not isinstance(value, str):
            return None
        kind = str.__new__(cls, value)
        kind._name_ = kind._value_ = value
        return kind


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One link of the chain."""

    seq: int
    at: datetime
    incident: str
    kind: EntryKind
    body: Mapping[str, Any]
    previous: str
    hash: str

    @classmethod
    def after(
        cls, last: Entry | None, *, at: datetime, incident: str, kind: EntryKind, body: Mapping[str, Any]
    ) -> Entry:
        """The entry that follows `last` (None at the beginning)."""
        seq, previous = (last.seq + 1, last.hash) if last else (1, GENESIS)
        return cls(
            seq=seq,
            at=at,
            incident=incident,
            kind=kind,
            body=body,
            previous=previous,
            hash=_hash(seq, at, incident, kind, body, previous),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "at": self.at.isoformat(),
            "incident": self.incident,
            "kind": self.kind.value,
            "body": dict(self.body),
            "previous": self.previous,
            "hash": self.hash,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Entry:
        return cls(
            seq=int(body["seq"]),
            at=datetime.fromisoformat(body["at"]),
            incident=body["incident"],
            kind=EntryKind(body["kind"]),
            body=body["body"],
            previous=body["previous"],
            hash=body["hash"],
        )


def broken_at(entries: Iterable[Entry]) -> str | None:
    """Where the chain is broken, in words, or None where it is whole.

    >>> broken_at([]) is None
    True
    """
    last: Entry | None = None
    for entry in entries:
        expected = Entry.after(last, at=entry.at, incident=entry.incident, kind=entry.kind, body=entry.body)
        if entry.seq != expected.seq:
            return (
                f"entry {entry.seq} stands where entry {expected.seq} should: one is missing or out of order"
            )
        if entry.previous != expected.previous:
            return f"entry {entry.seq} does not follow entry {expected.seq - 1}: its link is another"
        if entry.hash != expected.hash:
            return f"entry {entry.seq} was altered: its content does not have its hash"
        last = entry
    return None


def actions(entries: Iterable[Entry]) -> list[Action]:
    """The remedies that were begun, with how they ended: what the rails are judged on.

    A quarantine is none of them: it deploys nothing, and that a feed stays broken is no failure of healing's.
    A remedy that found everything done already changed nothing and spends nothing.

    Where an incident is mitigated and not verified, it is not known how its remedies ended: that their deployments
    succeeded does not prove them, so it ends no row of failures; nor is it a failure, so it lengthens none.

    Where a person closed the breaker, how earlier remedies ended is forgotten; that they were begun is not.
    """
    begun: dict[tuple[str, str], Action] = {}
    for entry in entries:
        if entry.kind is EntryKind.BREAKER_CLOSED:
            begun = {key: replace(action, succeeded=None) for key, action in begun.items()}
        elif entry.kind is EntryKind.CLOSED and entry.body.get("outcome") == Outcome.MITIGATED.value:
            begun = {key: _unproven(action, entry.incident) for key, action in begun.items()}
        if (
            "remedy" not in entry.body
            or entry.body.get("changed") is False
            or entry.kind not in (EntryKind.INTENT, EntryKind.OUTCOME)
        ):
            continue
        key = (entry.incident, entry.body["remedy"])
        if entry.kind is EntryKind.INTENT:
            remedy = Remedy(key[1])
            if remedy.changes_service:
                begun[key] = Action(remedy=remedy, incident=entry.incident, at=entry.at)
        elif key in begun:
            begun[key] = replace(begun[key], succeeded=bool(entry.body["succeeded"]))
    return list(begun.values())


def _unproven(action: Action, incident: str) -> Action:
    return replace(action, succeeded=None) if action.incident == incident and action.succeeded else action


def intended(entries: Iterable[Entry], incident: str, remedy: Remedy) -> Mapping[str, Any] | None:
    """What an incident intended with a remedy when it first began it, or None before that: a step that is tried
    again asks for the same."""
    for entry in entries:
        if (
            entry.kind is EntryKind.INTENT
            and entry.incident == incident
            and entry.body.get("remedy") == remedy.value
        ):
            return entry.body
    return None


def openings(entries: Iterable[Entry]) -> list[Opening]:
    """The incidents that were opened: what the rail against flapping is judged on."""
    return [
        Opening(
            incident=entry.incident,
            at=entry.at,
            kind=SignalKind(entry.body["kind"]),
            subject=entry.body["subject"],
        )
        for entry in entries
        if entry.kind is EntryKind.OPENED
    ]


def _hash(
    seq: int, at: datetime, incident: str, kind: EntryKind, body: Mapping[str, Any], previous: str
) -> str:
    content = [seq, at.isoformat(), incident, kind.value, body, previous]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
