"""Like with like: which part of the training data a window of a feature is held against.

A feature whose hours differ (`Watch`) is compared with the same hours of the week where the training data
hold enough of them. Where they do not, no window is judged that is shorter than the rhythm: the night of a
whole day is not drift, the night alone would be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from selfheal.observe.baseline import Baseline
from selfheal.observe.drift.watch import Watch, design_effects, swings
from selfheal.observe.hours import DAY, Window
from selfheal.observe.profiles.layout import Counts
from selfheal.observe.statistics.kolmogorov_smirnov import ks_distance, ks_distances

# Hours that differ by less (in deviations of one row) differ by a KS distance of some 0.04 at most.
RHYTHM = 0.1
# Rows that count as one while nobody knows: rows that follow their neighbours with a correlation of 0.9.
UNKNOWN = 20.0


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What the watch knows of each feature.

    Attributes:
        effects: rows that count as one, shape (features,); NaN where that is not known yet.
        has_rhythm: features whose hours differ, shape (features,).
        period_hours: length of the rhythm.
    """

    effects: Sequence[float]
    has_rhythm: Sequence[bool]
    period_hours: int

    @classmethod
    def of(cls, baseline: Baseline, watch: Watch | None, *, wandering: bool) -> Habits:
        """Without a watch, rows count as they are and hours are alike: there is nothing that says otherwise."""
        if watch is None or baseline.rhythm is None:
            features = len(baseline.layout.features)
            return cls(effects=[1.0] * features, has_rhythm=[False] * features, period_hours=DAY)
        scores = baseline.scores
        # Traffic says what its hours are like once each of them was seen; drift in the first would look like one.
        settled = watch.looks >= watch.period
        swing = np.where(settled, swings(watch, scores), swings(baseline.rhythm.watch, scores))
        return cls(
            effects=design_effects(watch, scores, wandering=wandering).tolist(),
            has_rhythm=(swing > RHYTHM).tolist(),
            period_hours=watch.period,
        )


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A feature's counts in a window beside those of the training data that it is like.

    Attributes:
        before, after: counts of the training data and of the window, on the same bins.
        effect_before, effect_after: rows that count as one, on either side.
        distance: the KS distance of the two.
    """

    place: int
    window: Window
    before: Counts
    after: Counts
    effect_before: float
    effect_after: float
    distance: float

    @cached_property
    def n(self) -> float:
        """Effective rows of the training data."""
        return float(self.before.sum()) / self.effect_before

    @cached_property
    def m(self) -> float:
        """Effective rows of the window."""
        return float(self.after.sum()) / self.effect_after


class Comparer:
    """Compares a window of traffic with a champion's training data, feature by feature."""

    def __init__(self, baseline: Baseline, habits: Habits, window: Window, min_rows: int) -> None:
        self._baseline = baseline
        self._habits = habits
        self._window = window
        self._min_rows = min_rows
        layout = baseline.layout
        if window.parts:
            self._distances = ks_distances(baseline.profile.counts, window.counts, layout.starts)

    def compare(self, place: int) -> Comparison | None:
        """The comparison of a feature, or None where it would not be of like with like, or of too little."""
        window = self._window
        if not window.parts or window.rows < self._min_rows:
            return None
        after = window.counts[self._baseline.layout.bins(place)]
        before = self._baseline.profile.of(place)
        if 2 * after.sum() < self._min_rows or not before.any():
            return None
        distance = float(self._distances[place])
        if self._habits.has_rhythm[place]:
            like = self._same_hours(place)
            if like is not None:
                before, after = like
                distance = ks_distance(before, after)
            elif not window.observed_hours or window.observed_hours % self._habits.period_hours:
                # A day and a half has one night and two noons.
                return None
        effect = self._habits.effects[place]
        effect = UNKNOWN if math.isnan(effect) else effect
        return Comparison(
            place=place,
            window=window,
            before=before,
            after=after,
            effect_before=1 + (effect - 1) * self._density,
            effect_after=effect,
            distance=distance,
        )

    @cached_property
    def _density(self) -> float:
        """How dense the training rows are in time beside those of the window, at most as dense: rows that lie
        far apart resemble one another less."""
        rhythm, hours = self._baseline.rhythm, max(1, self._window.hours)
        return min(1.0, rhythm.hourly_rows * hours / max(1, self._window.rows)) if rhythm else 1.0

    def _same_hours(self, place: int) -> tuple[Counts, Counts] | None:
        bins = self._baseline.coarse.bins(place)
        if bins.start == bins.stop or self._like is None:
            return None
        before, after = self._like
        return (before[bins], after[bins]) if before[bins].any() else None

    @cached_property
    def _like(self) -> tuple[Counts, Counts] | None:
        """Coarse counts of the window's hours of the week in training, and those of the window."""
        rhythm = self._baseline.rhythm
        like = rhythm.seasons.like(self._window.hours_of_week, self._min_rows) if rhythm else None
        return None if like is None else (like, self._baseline.coarse.count(self._window.counts))
