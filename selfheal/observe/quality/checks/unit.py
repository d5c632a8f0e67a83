"""The check of an input's unit, hour by hour: it sees a new unit where hours are too thin for a distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from selfheal.observe.profiles.layout import Numeric
from selfheal.observe.profiles.profile import Profile
from selfheal.observe.quality.checks.judging import quality_signal
from selfheal.observe.reading.traffic import EPOCH
from selfheal.observe.signals import Signal, Status
from selfheal.observe.statistics.unit_change import CERTAIN, Floats, Pace, Times, UnitChange, unit_change

LEAST_ROWS = 8
"""Values of an hour whose mean is followed."""

HourlyProfiles = Sequence[tuple[int, Profile]]
"""Profiles of hours in order, by hours since the epoch."""


def paces(trained: HourlyProfiles) -> dict[str, Pace]:
    """How fast numeric inputs move in training, by name; without those of which it cannot be said."""
    features = trained[0][1].layout.features
    found = {
        feature.name: Pace.of(*_series(trained, place, feature))
        for place, feature in enumerate(features)
        if isinstance(feature, Numeric)
    }
    return {name: pace for name, pace in found.items() if pace is not None}


def unit_signal(hours: HourlyProfiles, place: int, feature: Numeric, pace: Pace) -> Signal | None:
    """A breach if the input has come in another unit since one of these hours; else None."""
    means, times = _series(hours, place, feature)
    found = unit_change(means, times, pace)
    return None if found is None else _signal(feature.name, found, means, times, pace)


def _series(hours: HourlyProfiles, place: int, feature: Numeric) -> tuple[Floats, Times]:
    """Means of the hours that have enough values, and the hours."""
    enough = [(hour, profile, n) for hour, profile in hours if (n := profile.present(place)) >= LEAST_ROWS]
    means = [profile.sums[place] / n * feature.unit for _, profile, n in enough]
    return np.array(means, dtype=np.float64), np.array([hour for hour, _, _ in enough], dtype=np.int64)


def _signal(name: str, found: UnitChange, means: Floats, times: Times, pace: Pace) -> Signal:
    since = EPOCH + timedelta(hours=int(times[found.since]))
    usual = pace.largest * pace.scale
    reason = (
        f"{name}: since {since:%Y-%m-%d %H}:00 {found.scale:.6g} times its values of before, plus {found.offset:.6g} "
        f"({found.known}): its hourly mean jumped by {found.jump:.3g} to {means[found.since]:.3g}, where training "
        f"never moved by more than {usual:.3g} in an hour, and goes on as before if it is mapped back"
    )
    signal = quality_signal(
        name,
        "rescaled",
        Status.BREACH,
        reason,
        found.log_likelihood_ratio,
        found.log_likelihood_ratio,
        CERTAIN,
        means.size - found.since,
    )
    return replace(signal, since=since)
