"""Hours: what one hour of traffic leaves behind, and windows made of hours.

An hour is observed once its traffic is captured, and stored small: counts on the champion's bins, the
champion's answers by key. Any longer window is a merge of hours, so traffic is never read twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from selfheal.observe.baseline import Baseline, Column, Profile, merge
from selfheal.observe.capture import Inference, Rejected, sample


@dataclass(frozen=True, kw_only=True)
class Hour:
    """One observed hour.

    Attributes:
        start: UTC, at the full hour.
        rows: inferences of the hour, of whichever model.
        unanswered: those without a usable answer.
        malformed: captured lines that could not be read.
        profile: counts of all rows on the champion's bins.
        predictions: key and score of the rows that the champion itself answered.
    """

    start: datetime
    rows: int
    unanswered: int
    malformed: int
    profile: Profile
    predictions: tuple[tuple[str, float], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start.isoformat(),
            "rows": self.rows,
            "unanswered": self.unanswered,
            "malformed": self.malformed,
            "profile": {name: column.to_json() for name, column in self.profile.items()},
            "predictions": [list(pair) for pair in self.predictions],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Hour:
        return cls(
            start=datetime.fromisoformat(body["start"]),
            rows=body["rows"],
            unanswered=body["unanswered"],
            malformed=body["malformed"],
            profile={name: Column.from_json(column) for name, column in body["profile"].items()},
            predictions=tuple((key, score) for key, score in body["predictions"]),
        )


def observe_hour(
    start: datetime,
    inferences: Iterable[Inference],
    rejected: Sequence[Rejected],
    baseline: Baseline,
    champion: str,
) -> Hour:
    """The hour's traffic held against the champion's bins.

    Inferences must be those of the hour; an event that was captured twice counts once.
    """
    unique = list({inference.key: inference for inference in inferences}.values())
    return Hour(
        start=start,
        rows=len(unique),
        unanswered=sum(1 for inference in unique if inference.score is None),
        malformed=len(rejected),
        profile=sample(unique, baseline.features).profile(baseline.features),
        predictions=tuple(
            (inference.key, inference.score)
            for inference in unique
            if inference.score is not None and inference.model_package == champion
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Window:
    """Some hours together."""

    hours: int
    rows: int
    malformed: int
    profile: Profile


def latest_window(hours: Sequence[Hour], min_rows: int, now: datetime) -> Window:
    """The shortest window that ends now and reaches `min_rows`, or all hours where none does.

    Hours are in order of time; the window is counted in hours with any data.
    """
    taken: list[Hour] = []
    rows = 0
    for hour in reversed([hour for hour in hours if hour.start < now]):
        taken.append(hour)
        rows += hour.rows
        if rows >= min_rows:
            break
    return Window(
        hours=len(taken),
        rows=rows,
        malformed=sum(hour.malformed for hour in taken),
        profile=merge([hour.profile for hour in taken]),
    )
