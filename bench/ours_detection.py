"""The project's own detector, as the detection benchmark asks for it."""

from __future__ import annotations

from collections import Counter, deque
from datetime import timedelta

import numpy as np

from bench.detection.protocol import Floats, Level, Reference, Window
from selfheal.observe.drift.standing import advance, drift_of, drift_windows, first_standing
from selfheal.observe.hours import WEEK, Hour
from selfheal.observe.performance.outcomes import Predictions
from selfheal.observe.policy import DriftPolicy
from selfheal.observe.profiles.key_hash import hash_of
from selfheal.observe.profiles.layout import Categorical, Feature, Layout, Numeric, Values
from selfheal.observe.profiles.profile import Profile, Rows, profile
from selfheal.observe.reading.traffic import EPOCH
from selfheal.observe.reference import Champion, make_baseline
from selfheal.observe.signals import Status

LEVELS = {Status.WARN: Level.WARN, Status.BREACH: Level.BREACH}
# Keys of rows, by their place in an hour; a reference comes in hours, too.
KEYS = tuple(str(row) for row in range(5_000))
HASHES = hash_of(KEYS)
# Hours are counted from here, so that those before the watch lie after the epoch; whole weeks.
START = 2000 * WEEK


class OurDetector:
    """The drift signals of the observe function: same profiles, same windows, same settings as the default."""

    def __init__(self) -> None:
        self._policy = DriftPolicy()
        self._hours: deque[Hour] = deque(maxlen=WEEK)

    def start(self, reference: Reference) -> None:
        self._names = list(reference.names)
        self._categorical = reference.categorical
        self._layout = Layout(
            features=tuple(
                self._feature(place, reference.values[:, place]) for place in range(len(self._names))
            )
        )
        edges = np.flatnonzero(np.diff(reference.at, prepend=reference.at[0] - 1))
        parts = np.split(np.arange(len(reference.at)), edges[1:])
        hours = [
            (START + int(reference.at[part[0]]), self._profile(reference.values[part])) for part in parts
        ]
        champion = Champion(metrics={}, window=("", ""))
        self._baseline = make_baseline(hours, [], champion)
        self._standing = first_standing(self._baseline)

    def look(self, window: Window) -> Level:
        start = EPOCH + timedelta(hours=START + window.at)
        nothing = Predictions.merge([])
        self._hours.append(Hour(start=start, profile=self._profile(window.values), predictions=nothing))
        hours = list(self._hours)
        self._standing = advance(self._baseline, self._standing, hours, self._policy)
        now = start + timedelta(hours=1)
        windows = drift_windows(hours, self._policy, now)
        signals = drift_of(self._baseline, self._standing, windows, self._policy)
        return max((LEVELS.get(signal.status, Level.NONE) for signal in signals), default=Level.NONE)

    def _feature(self, place: int, values: Floats) -> Feature:
        name = self._names[place]
        if place in self._categorical:
            return Categorical.of(name, Counter(self._texts(values)))
        return Numeric.of(name, values)

    def _profile(self, values: Floats) -> Profile:
        columns: dict[str, Values] = {
            name: self._texts(values[:, place]) if place in self._categorical else values[:, place]
            for place, name in enumerate(self._names)
        }
        rows = Rows(keys=KEYS[: len(values)], columns=columns)
        # All hours have the same keys here, which the product hashes an hour at a time.
        vars(rows)["hashes"] = HASHES[: len(values)]
        return profile(self._layout, rows)

    @staticmethod
    def _texts(values: Floats) -> list[str]:
        return [str(int(value)) for value in values]
