"""Quarantine: hours of traffic that no training may read, since the feed behind them was broken.

An interval begins with the first hour that the broken signals speak of, is open while the feed is broken, and ends
where the feed was found healthy again, or where a person says so. What it holds is whole hours in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from selfheal.observe.report import Report
from selfheal.observe.signals import Signal, SignalKind, Status

HOUR = timedelta(hours=1)
# A warning that has stood for longer than any window of the reports is no part of what broke now.
LOOK_BACK = timedelta(days=7)


class QuarantineError(ValueError):
    """Hours that cannot be, or not be changed so; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The hours in [since, until), UTC; all hours from `since` on where `until` is None.

    Raises:
        QuarantineError: an end is no full hour of UTC, or the interval ends before it begins.
    """

    since: datetime
    until: datetime | None = None

    def __post_init__(self) -> None:
        for end in (self.since, self.until):
            if end is not None and (end.tzinfo is None or end != hour_of(end) or end.utcoffset()):
                raise QuarantineError(f"{end.isoformat()} is no full hour of UTC")
        if self.until is not None and self.until < self.since:
            raise QuarantineError(f"hours cannot end at {self.until.isoformat()}, before they begin")

    def holds(self, at: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.since <= at and (self.until is None or at < self.until)

    def to_json(self) -> dict[str, str | None]:
        return {"since": self.since.isoformat(), "until": self.until.isoformat() if self.until else None}

    def __str__(self) -> str:
        return f"from {_said(self.since)} " + ("on" if self.until is None else f"to {_said(self.until)}")


@dataclass(frozen=True, kw_only=True)
class Released:
    """Who ended a quarantine, why and when."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Quarantine:
    """The hours that one incident keeps out of training.

    Attributes:
        broken: the signals of data quality that were in breach when it began.
        at: when it began.
        released: how its end came about; None while it is open.
    """

    incident: str
    interval: Interval
    broken: tuple[Signal, ...]
    at: datetime
    released: Released | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """The features that are broken; `records` and `rows` stand for the traffic as a whole."""
        return tuple(sorted({signal.subject for signal in self.broken}))

    def ending(self, until: datetime, *, by: str, reason: str, at: datetime) -> Quarantine:
        """The same hours up to the hour of `until`; none at all where that lies before they begin.

        Raises:
            QuarantineError: they end no later than that already.
        """
        end = max(self.interval.since, hour_of(until))
        if self.interval.until is not None and self.interval.until <= end:
            raise QuarantineError(
                f"the hours of incident {self.incident} end at {_said(self.interval.until)} already"
            )
        interval = replace(self.interval, until=end)
        return replace(self, interval=interval, released=Released(by=by, reason=reason, at=at))

    def to_json(self) -> dict[str, Any]:
        released = self.released
        return {
            "incident": self.incident,
            **self.interval.to_json(),
            "broken": [signal.to_json() for signal in self.broken],
            "at": self.at.isoformat(),
            "released": {**vars(released), "at": released.at.isoformat()} if released else None,
        }

    def release_to_json(self) -> dict[str, Any]:
        """How it ended, for the ledger. Raises QuarantineError while it has not."""
        if self.released is None or self.interval.until is None:
            raise QuarantineError(f"the hours of incident {self.incident} have no end yet")
        return {"by": self.released.by, "reason": self.released.reason, **self.interval.to_json()}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Quarantine:
        """Raises QuarantineError for anything that `to_json` does not write."""
        try:
            until, released = body["until"], body["released"]
            return cls(
                incident=body["incident"],
                interval=Interval(
                    since=datetime.fromisoformat(body["since"]),
                    until=datetime.fromisoformat(until) if until else None,
                ),
                broken=tuple(Signal.from_json(signal) for signal in body["broken"]),
                at=datetime.fromisoformat(body["at"]),
                released=Released(**{**released, "at": datetime.fromisoformat(released["at"])})
                if released
                else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise QuarantineError(f"not a quarantine: {type(error).__name__} {error}") from error


def hour_of(at: datetime) -> datetime:
    """The hour, in UTC, that a moment lies in."""
    return at.astimezone(timezone.utc).replace(minute=0, second=0, microsecond=0)


def judged_hour(report: Report) -> datetime:
    """The last hour that a report speaks of: the one before that in which it was made."""
    return hour_of(report.at) - HOUR


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same hours in as few intervals as there can be, in order of time; empty ones hold none."""
    found: list[Interval] = []
    for interval in sorted(intervals, key=lambda each: each.since):
        if interval.until == interval.since:
            continue
        last = found[-1] if found else None
        if last is None or (last.until is not None and last.until < interval.since):
            found.append(interval)
        elif last.until is not None and (interval.until is None or interval.until > last.until):
            found[-1] = replace(last, until=interval.until)
    return tuple(found)


def may_be_read(at: datetime, intervals: Iterable[Interval]) -> bool:
    """Whether training may read what was captured at a moment."""
    return not any(interval.holds(at) for interval in intervals)


def broken_signals(report: Report) -> tuple[Signal, ...]:
    """What a report says is broken of the input."""
    return tuple(s for s in report.signals if s.kind is SignalKind.DATA_QUALITY and s.status is Status.BREACH)


def broken_since(newest: Report, earlier: Iterable[Report], onset: datetime | None) -> datetime:
    """The first hour of a quarantine.

    A breach is certain only once enough rows are broken, which takes a window hours to see; the same signals warn
    before. So the hours begin with the first report, of those in a row up to the newest, in which any of the broken
    signals was off; a report that did not judge them breaks no row. Where a signal itself tells since when, that is
    believed.

    Args:
        newest: the report that says what is broken.
        earlier: those before it, newest first; read no further than the row goes.
        onset: the first datapoint in breach that the alarm went by, where the alarm was one of data quality.
    """
    first, broken = judged_hour(newest), broken_signals(newest)
    for report in earlier:
        statuses = statuses_of(report, broken)
        if Status.BREACH in statuses or Status.WARN in statuses:
            first = judged_hour(report)
        elif Status.OK in statuses:
            break
    told = [hour_of(signal.since) for signal in broken if signal.since]
    return min([first, *told, *([hour_of(onset) - HOUR] if onset else [])])


def statuses_of(report: Report, signals: Sequence[Signal]) -> tuple[Status, ...]:
    """What a report says of these signals, in their order; `NO_DATA` of one that it does not have."""
    found = {(s.kind, s.subject, s.statistic): s.status for s in report.signals}
    return tuple(found.get((s.kind, s.subject, s.statistic), Status.NO_DATA) for s in signals)


def _said(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
