"""What is known of a champion's traffic: the watch after the last hour, and the last daily comparison of rows.

Each hour moves it on; the same hours give the same standing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from selfheal.observe.baseline import Baseline
from selfheal.observe.drift.budget import evidence_limit, rows_alpha
from selfheal.observe.drift.comparison import Habits
from selfheal.observe.drift.feature_drift import drift_signals
from selfheal.observe.drift.joint import joint_signal
from selfheal.observe.drift.watch import Watch, look
from selfheal.observe.hours import DAY, WEEK, Hour, Window, shortest_window, window
from selfheal.observe.policy import DriftPolicy
from selfheal.observe.signals import Signal


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is known of a champion's traffic after an hour."""

    watch: Watch
    joint: Signal | None = None

    def to_json(self) -> dict[str, Any]:
        return {"watch": self.watch.to_json(), "joint": self.joint.to_json() if self.joint else None}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Standing:
        """Raises ValueError where it is not a standing."""
        try:
            joint = body["joint"]
            return cls(watch=Watch.from_json(body["watch"]), joint=Signal.from_json(joint) if joint else None)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a standing: {type(error).__name__} {error}") from error


def first_standing(baseline: Baseline) -> Standing | None:
    """Before the first hour of traffic; None where the training data carry no times."""
    return Standing(watch=baseline.rhythm.watch) if baseline.rhythm else None


def advance(
    baseline: Baseline, standing: Standing | None, hours: Sequence[Hour], policy: DriftPolicy
) -> Standing | None:
    """The standing after the hours that it has not seen yet; those that it has seen change nothing.

    Raises:
        ValueError: the hours are not in order of time, each once.
    """
    if standing is None or baseline.rhythm is None:
        return None
    if any(later.start <= hour.start for hour, later in pairwise(hours)):
        raise ValueError("hours must be in order of time, each once: sort them before they are judged")
    scores, limit = baseline.scores, evidence_limit(policy)
    for place, hour in enumerate(hours):
        if standing.watch.hour is not None and hour.number <= standing.watch.hour:
            continue
        watch = look(standing.watch, scores, hour.number, hour.profile, limit)
        standing = replace(standing, watch=watch)
        if (hour.number + 1) % DAY == 0:
            habits = Habits.of(baseline, watch, wandering=True)
            recent = [each for each in hours[: place + 1] if each.number > hour.number - WEEK]
            rows = Window(parts=tuple(_last_rows(recent, policy.min_rows)), start=hour.start, end=hour.start)
            joint = joint_signal(baseline.layout, baseline.rhythm, habits, rows, rows_alpha(policy))
            standing = replace(standing, joint=joint)
    return standing


def drift_windows(hours: Sequence[Hour], policy: DriftPolicy, now: datetime) -> list[Window]:
    """The shortest window that is large enough and, where they are longer, the rolling day and week."""
    shortest = shortest_window(hours, policy.min_rows, policy.window_hours, now)
    longer = [window(hours, length, now) for length in (DAY, WEEK) if length > shortest.length_hours]
    return [shortest, *longer]


def drift_of(
    baseline: Baseline, standing: Standing | None, windows: Sequence[Window], policy: DriftPolicy
) -> list[Signal]:
    """Drift of each feature and of all together, in windows as `drift_windows` makes them."""
    signals = drift_signals(baseline, windows, standing.watch if standing else None, policy)
    return [*signals, standing.joint] if standing and standing.joint else signals


def _last_rows(hours: Sequence[Hour], least: int) -> list[Hour]:
    """The hours of the last day, or as many as it takes to reach `least` rows."""
    taken: list[Hour] = []
    rows = 0
    for hour in reversed(hours):
        if len(taken) >= DAY and rows >= least:
            break
        taken.append(hour)
        rows += hour.rows
    return taken[::-1]
