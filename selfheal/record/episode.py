"""An episode: one incident as the ledger tells it, from its first signal to how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from selfheal.diagnose.causes import Cause
from selfheal.observe.signals import SignalKind
from selfheal.record.attempts import Attempt, attempts
from selfheal.record.incident import Trigger
from selfheal.record.json_form import json_form
from selfheal.record.ledger import Entry, EntryKind
from selfheal.record.moments import (
    RELEASE,
    Abandoned,
    Begun,
    Closed,
    Diagnosed,
    Ended,
    Moment,
    Planned,
    Signalled,
    Unread,
    Verified,
    moment,
)
from selfheal.remediate.playbook import Remedy
from selfheal.verdict import Verdict

NEWEST = 5  # ids that an error lists to choose from


class State(str, Enum):
    """How an incident stands. A mitigated one is healed as far as is known, without labels to prove it; an abandoned
    one lost its workflow: its lease was taken back, nothing was proven."""

    OPEN = "open"
    RESOLVED = "resolved"
    MITIGATED = "mitigated"
    ESCALATED = "escalated"
    ABANDONED = "abandoned"


@dataclass(frozen=True, kw_only=True)
class Times:
    """When what happened; None for what did not happen, or is not known.

    Attributes:
        onset: when the harm began. Known where the signal told, or where the guardrails sent a release back:
            that one did harm from the start of its deployment at the earliest.
        detected: when the alarm or the guardrails spoke.
        acted: when the first remedy was begun.
        mitigated: when the remedy had taken effect that nothing spoke against later; where inputs moved without
            harm, when that was decided; where hours were quarantined, when the feed was proven to be healthy.
        verified: when recovery was proven.
    """

    onset: datetime | None
    detected: datetime | None
    diagnosed: datetime | None
    acted: datetime | None
    mitigated: datetime | None
    verified: datetime | None
    ended: datetime | None


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One incident.

    Attributes:
        cause: the last diagnosis.
        moments: all that the ledger holds of it, in order; an entry that this version cannot read is among them.
    """

    id: str
    state: State
    trigger: Trigger | None
    cause: Cause | None
    times: Times
    attempts: tuple[Attempt, ...]
    moments: tuple[Moment, ...]

    @property
    def unread(self) -> tuple[Unread, ...]:
        return tuple(m for m in self.moments if isinstance(m, Unread))

    def to_json(self) -> dict[str, Any]:
        """As `json_form`, and each moment says which it is."""
        moments = [{"moment": type(m).__name__.lower(), **json_form(m)} for m in self.moments]
        return {**json_form(self), "moments": moments}


def episodes(entries: Iterable[Entry]) -> list[Episode]:
    """The incidents that the entries tell of, in order of opening.

    What was refused, released by hand or done to the breaker belongs to no incident.
    """
    by_incident: dict[str, list[Moment]] = {}
    opened: dict[str, None] = {}
    released: dict[str, datetime] = {}
    for entry in entries:
        read = moment(entry)
        by_incident.setdefault(entry.incident, []).append(read)
        if entry.kind is EntryKind.OPENED:
            opened.setdefault(entry.incident)
        if isinstance(read, Begun) and read.action == RELEASE and read.config is not None:
            released[read.config] = read.at
    return [_episode(incident, by_incident[incident], released) for incident in opened]


class UnknownIncident(ValueError):
    """No incident, or more than one, has this id or begins with it; the message lists those to choose from."""


def find(told: Sequence[Episode], name: str) -> Episode:
    """The episode of that id, or the only one whose id begins with it.

    Raises:
        UnknownIncident: there is none, or there are several.
    """
    found = [episode for episode in told if episode.id == name] or [
        episode for episode in told if episode.id.startswith(name)
    ]
    if len(found) == 1:
        return found[0]
    if not told:
        raise UnknownIncident(f"there is no incident {name!r}: the ledger holds none yet")
    if not found:
        newest = ", ".join(episode.id for episode in reversed(told[-NEWEST:]))
        raise UnknownIncident(f"there is no incident {name!r}; the newest: {newest}")
    newest = ", ".join(episode.id for episode in reversed(found[-NEWEST:]))
    raise UnknownIncident(
        f"{len(found)} incidents begin with {name!r}: say more of the id; the newest: {newest}"
    )


def _episode(incident: str, moments: Sequence[Moment], released: Mapping[str, datetime]) -> Episode:
    trigger = next((m.trigger for m in moments if isinstance(m, Signalled) and m.opened), None)
    causes = [m.cause for m in moments if isinstance(m, Diagnosed)]
    state, ended = _ending(moments)
    return Episode(
        id=incident,
        state=state,
        trigger=trigger,
        cause=causes[-1] if causes else None,
        times=Times(
            onset=_onset(trigger, released),
            detected=trigger.at if trigger else None,
            diagnosed=next((m.at for m in moments if isinstance(m, Diagnosed)), None),
            acted=next((m.at for m in moments if isinstance(m, Begun)), None),
            mitigated=_mitigated(moments),
            verified=next((m.at for m in moments if _passed(m)), None),
            ended=ended,
        ),
        attempts=attempts(moments),
        moments=tuple(moments),
    )


def _ending(moments: Sequence[Moment]) -> tuple[State, datetime | None]:
    """The last word on it: an abandoned incident whose alarm still fires is opened again under its id."""
    state, at = State.OPEN, None
    for m in moments:
        if isinstance(m, Signalled) and m.opened:
            state, at = State.OPEN, None
        elif isinstance(m, Abandoned):
            state, at = State.ABANDONED, m.at
        elif isinstance(m, Closed):
            state, at = State(m.outcome.value), m.at
    return state, at


def _onset(trigger: Trigger | None, released: Mapping[str, datetime]) -> datetime | None:
    if trigger is None or trigger.onset is not None or trigger.kind is not SignalKind.RELEASE:
        return trigger.onset if trigger else None
    return released.get(trigger.subject)


def _mitigated(moments: Iterable[Moment]) -> datetime | None:
    found = None
    for m in moments:
        if isinstance(m, Ended) and m.remedy is Remedy.QUARANTINE:
            continue  # the feed is as broken as before: its users are harmed until it is mended
        if (isinstance(m, Ended) and m.succeeded) or (isinstance(m, Planned) and m.remedy is Remedy.WATCH):
            found = m.at
        elif _passed(m):
            found = found or m.at
        elif isinstance(m, Ended) or (isinstance(m, Verified) and _failed(m)):
            found = None
    return found


def _passed(m: Moment) -> bool:
    return isinstance(m, Verified) and m.verdict is Verdict.PASS


def _failed(m: Verified) -> bool:
    return m.verdict in (Verdict.FAIL, Verdict.ERROR)
