"""A small service whose traffic is drawn hour by hour, and what is known of it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from selfheal.observe.drift.standing import advance, drift_of, drift_windows, first_standing
from selfheal.observe.hours import Hour
from selfheal.observe.performance.outcomes import Predictions
from selfheal.observe.policy import DriftPolicy
from selfheal.observe.profiles.layout import Categorical, Layout, Numeric
from selfheal.observe.profiles.profile import Rows, profile
from selfheal.observe.reading.traffic import EPOCH
from selfheal.observe.reference import Champion, make_baseline

WEEK = 168


class World:
    """Features x and y, correlated by `together`, with a daily season in x, and a category c.

    The level of x wanders by `wander` deviations of a row, and remembers 0.8 of the hour before.
    """

    def __init__(self, season=0.0, days=8, rows=200, together=0.6, wander=0.0, seed=5):
        self._rng, self._season, self._rows, self._together = (
            np.random.default_rng(seed),
            season,
            rows,
            together,
        )
        self._wander, self._away = wander, 0.0
        first = 2000 * WEEK
        drawn = [self._draw(first + hour) for hour in range(days * 24)]
        x, y, c = (np.concatenate([each[column] for each in drawn]) for column in range(3))
        names, counts = np.unique(c, return_counts=True)
        self.layout = Layout(
            features=(
                Numeric.of("x", x),
                Numeric.of("y", y),
                Categorical.of("c", dict(zip(names.tolist(), counts.tolist(), strict=True))),
            )
        )
        trained = [(first + hour, self._profile(first + hour, *each)) for hour, each in enumerate(drawn)]
        self.baseline = make_baseline(trained, [], Champion(metrics={}, window=("", "")))
        self.next_hour = first + days * 24
        self.policy = DriftPolicy()
        self.hours, self.standing = [], first_standing(self.baseline)

    @property
    def now(self):
        return EPOCH + timedelta(hours=self.next_hour)

    def level(self, hour):
        return self._season * np.sin(2 * np.pi * hour / 24)

    def run(self, hours, **changes):
        """Let some hours pass."""
        for _ in range(hours):
            window = self._profile(self.next_hour, *self._draw(self.next_hour, **changes))
            start = EPOCH + timedelta(hours=self.next_hour)
            self.hours.append(Hour(start=start, profile=window, predictions=Predictions.merge([])))
            self.next_hour += 1
        self.standing = advance(self.baseline, self.standing, self.hours, self.policy)

    def signals(self, subject=None):
        windows = drift_windows(self.hours[-WEEK:], self.policy, self.now)
        found = drift_of(self.baseline, self.standing, windows, self.policy)
        return [signal for signal in found if subject in (None, signal.subject)]

    def _draw(self, hour, shift=0.0, together=None, shares=(0.5, 0.3, 0.2), rows=None):
        rows, together = (
            self._rows if rows is None else rows,
            self._together if together is None else together,
        )
        x, noise = self._rng.normal(size=(2, rows))
        y = together * x + np.sqrt(1 - together**2) * noise
        if self._wander:
            self._away = 0.8 * self._away + 0.6 * self._wander * self._rng.normal()
        return (
            x + self._away + self.level(hour) + shift,
            y,
            self._rng.choice(["a", "b", "d"], size=rows, p=shares),
        )

    def _profile(self, hour, x, y, c):
        keys = [f"{hour}-{row}" for row in range(len(x))]
        return profile(self.layout, Rows(keys=keys, columns={"x": x, "y": y, "c": c.tolist()}))
