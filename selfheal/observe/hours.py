"""Hours: what one hour of traffic leaves behind, and windows made of hours.

A file of captured traffic is read once and leaves a part of each hour that it has rows of. An hour is the
merge of its parts, a window the merge of its hours: traffic is never read twice, and it does not matter
how it was divided into files, or the files among machines.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any

import numpy as np

from selfheal.observe.performance.outcomes import Predictions
from selfheal.observe.profiles.layout import Counts, Layout, Values
from selfheal.observe.profiles.outputs import output_columns
from selfheal.observe.profiles.profile import EXAMPLES, Profile, Rows, empty, merge, profile
from selfheal.observe.reading.traffic import EPOCH, MICROSECOND, Schema, Traffic

# So many of an hour's predictions are kept to be joined with outcomes: a uniform sample where there are more.
PREDICTIONS = 10_000

USUAL_DAYS = 3

HOUR = timedelta(hours=1)
DAY, WEEK = 24, 168


@dataclass(frozen=True, kw_only=True)
class Hour:
    """One observed hour, or a part of it.

    Attributes:
        start: UTC, at the full hour.
        unanswered: rows without a usable answer.
        malformed: captured lines that could not be read.
        duplicates: rows whose key had come shortly before (in the same block of lines of a file); they count
            nowhere else.
        extra_rows: rows whose payload carried a column that the schema does not know.
        extra: a few names of such columns.
        golden: captured requests that asked a golden set: they are no traffic, and count nowhere else.
        newest: time of the last inference; None where there is none.
        profile: of all rows, of whichever model; the outputs are those of the champion.
        predictions: of the rows that the champion itself answered.
    """

    start: datetime
    unanswered: int = 0
    malformed: int = 0
    duplicates: int = 0
    extra_rows: int = 0
    extra: tuple[str, ...] = ()
    golden: int = 0
    newest: datetime | None = None
    profile: Profile
    predictions: Predictions

    @property
    def rows(self) -> int:
        return self.profile.rows

    @cached_property
    def number(self) -> int:
        """Hours since the epoch."""
        return hour_number(self.start)

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start.isoformat(),
            "unanswered": self.unanswered,
            "malformed": self.malformed,
            "duplicates": self.duplicates,
            "extra_rows": self.extra_rows,
            "extra": list(self.extra),
            "golden": self.golden,
            "newest": self.newest.isoformat() if self.newest else None,
            "profile": self.profile.to_json(),
            "predictions": self.predictions.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any], layout: Layout) -> Hour:
        """Raises ProfileError where the hour was observed for another layout."""
        return cls(
            start=datetime.fromisoformat(body["start"]),
            unanswered=body["unanswered"],
            malformed=body["malformed"],
            duplicates=body["duplicates"],
            extra_rows=body["extra_rows"],
            extra=tuple(body["extra"]),
            golden=body.get("golden", 0),
            newest=datetime.fromisoformat(body["newest"]) if body["newest"] else None,
            profile=Profile.from_json(body["profile"], layout),
            predictions=Predictions.from_json(body["predictions"]),
        )


def hour_number(at: datetime) -> int:
    """Hours since the epoch, of a time with a zone."""
    return int(at.timestamp() // 3600)


def quiet_hour(start: datetime, layout: Layout) -> Hour:
    """An hour without traffic."""
    return Hour(start=start, profile=empty(layout), predictions=Predictions.merge([]))


def hour_parts(traffic: Traffic, schema: Schema, layout: Layout, champion: str) -> dict[datetime, Hour]:
    """What the rows of one file leave behind, by hour of inference time.

    Args:
        champion: the model package whose answers are judged.
    """
    return {start: _part(start, rows, schema, layout, champion) for start, rows in traffic.by_hour().items()}


def merge_hour(parts: Sequence[Hour]) -> Hour:
    """One hour from its parts; all must be of the same hour, and there must be one."""
    if len(parts) == 1:
        return parts[0]
    starts = {part.start for part in parts}
    if len(starts) != 1:
        raise ValueError(f"parts of {len(starts)} hours do not make one hour")
    return Hour(
        start=parts[0].start,
        unanswered=sum(part.unanswered for part in parts),
        malformed=sum(part.malformed for part in parts),
        duplicates=sum(part.duplicates for part in parts),
        extra_rows=sum(part.extra_rows for part in parts),
        extra=_names(name for part in parts for name in part.extra),
        golden=sum(part.golden for part in parts),
        newest=max((part.newest for part in parts if part.newest), default=None),
        profile=merge([part.profile for part in parts]),
        predictions=Predictions.merge(part.predictions for part in parts).cut(PREDICTIONS).ordered(),
    )


@dataclass(frozen=True, kw_only=True)
class Window:
    """Some hours together.

    Attributes:
        parts: its hours, in order of time; hours without any traffic among them.
        start, end: UTC; the window is [start, end).
    """

    parts: tuple[Hour, ...]
    start: datetime
    end: datetime

    @property
    def hours(self) -> int:
        """Hours with any traffic."""
        return sum(1 for hour in self.parts if hour.rows)

    @property
    def length_hours(self) -> int:
        return round((self.end - self.start) / HOUR)

    @property
    def observed_hours(self) -> int:
        """Hours that were observed, with traffic or without; fewer than its length while a champion is new."""
        return len(self.parts)

    @cached_property
    def rows(self) -> int:
        return sum(hour.rows for hour in self.parts)

    @property
    def malformed(self) -> int:
        return sum(hour.malformed for hour in self.parts)

    @property
    def duplicates(self) -> int:
        return sum(hour.duplicates for hour in self.parts)

    @property
    def extra_rows(self) -> int:
        return sum(hour.extra_rows for hour in self.parts)

    @property
    def extra(self) -> tuple[str, ...]:
        return _names(name for hour in self.parts for name in hour.extra)

    @property
    def newest(self) -> datetime | None:
        return max((hour.newest for hour in self.parts if hour.newest), default=None)

    @property
    def hours_of_week(self) -> Mapping[int, int]:
        """Rows by hour of the week (from the epoch's, a Thursday's, first)."""
        rows: Counter[int] = Counter()
        for hour in self.parts:
            if hour.rows:
                rows[hour.number % WEEK] += hour.rows
        return rows

    @cached_property
    def profile(self) -> Profile:
        """Of all rows; raises ProfileError for a window without an hour."""
        return merge([hour.profile for hour in self.parts])

    @cached_property
    def counts(self) -> Counts:
        """Those of the profile, without the rest of it."""
        counts = self.parts[0].profile.counts.copy()
        for hour in self.parts[1:]:
            counts += hour.profile.counts
        return counts


def window(hours: Sequence[Hour], length_hours: int, now: datetime) -> Window:
    """The hours of the last `length_hours`; `hours` are in order of time, and those of the window are taken."""
    start = now - timedelta(hours=length_hours)
    taken = tuple(hour for hour in hours if start <= hour.start < now)
    return Window(parts=taken, start=start, end=now)


def shortest_window(hours: Sequence[Hour], min_rows: int, longest_hours: int, now: datetime) -> Window:
    """The shortest window that ends now and reaches `min_rows`, or the longest where none does.

    One that is longer than a day has whole days, so that each hour of the day is in it equally often, unless
    `longest_hours` cuts it off.
    """
    longest = window(hours, longest_hours, now)
    rows = 0
    for place in range(len(longest.parts) - 1, -1, -1):
        rows += longest.parts[place].rows
        if rows >= min_rows:
            start = longest.parts[place].start
            length = math.ceil((now - start) / HOUR)
            if length > DAY:
                return window(longest.parts, min(longest_hours, math.ceil(length / DAY) * DAY), now)
            return Window(parts=longest.parts[place:], start=start, end=now)
    return longest


def usual_rows(hours: Sequence[Hour], recent: Window) -> float | None:
    """Rows an hour that the window's hours of the day had before it, silent ones included.

    None unless each was seen on `USUAL_DAYS` days: what is usual takes a few of them to know.
    """
    earlier: dict[int, list[int]] = {}
    for hour in hours:
        if hour.start < recent.start:
            earlier.setdefault(hour.number % DAY, []).append(hour.rows)
    seen = [earlier.get(hour.number % DAY, []) for hour in recent.parts]
    if not seen or min(map(len, seen)) < USUAL_DAYS:
        return None
    return sum(sum(rows) / len(rows) for rows in seen) / len(seen)


def _part(start: datetime, traffic: Traffic, schema: Schema, layout: Layout, champion: str) -> Hour:
    unique = _first(traffic)
    own = unique.answered & (unique.packages == champion)
    values = np.where(own if unique.values.ndim == 1 else own[:, None], unique.values, np.nan)
    extra = np.zeros(unique.rows, dtype=bool)
    for mask in unique.extra.values():
        extra |= mask
    columns: dict[str, Values] = dict(unique.columns)
    rows = Rows(
        keys=unique.keys,
        columns=columns | output_columns(values, class_names(schema)),
        invalid=unique.invalid,
        absent=unique.absent,
    )
    answered = unique.take(own)
    predictions = Predictions(
        keys=answered.keys, at=answered.at, values=answered.values, known_hashes=rows.hashes[own]
    )
    return Hour(
        start=start.astimezone(timezone.utc),
        unanswered=int(unique.rows - unique.answered.sum()),
        duplicates=traffic.rows - unique.rows,
        extra_rows=int(extra.sum()),
        extra=_names(unique.extra),
        newest=EPOCH + int(unique.at.max()) * MICROSECOND,
        profile=profile(layout, rows),
        predictions=predictions.cut(PREDICTIONS),
    )


def class_names(schema: Schema) -> tuple[str, ...]:
    """The classes that are predicted; none for a regression."""
    return ("0", "1") if schema.task == "binary" else schema.classes


def _first(traffic: Traffic) -> Traffic:
    """The first row of each key."""
    first = dict(zip(reversed(traffic.keys), range(traffic.rows - 1, -1, -1), strict=True))
    if len(first) == traffic.rows:
        return traffic
    mask = np.zeros(traffic.rows, dtype=bool)
    mask[list(first.values())] = True
    return traffic.take(mask)


def _names(names: Any) -> tuple[str, ...]:
    # The smallest, so that which ones are kept does not depend on their order.
    return tuple(sorted(set(names))[:EXAMPLES])
