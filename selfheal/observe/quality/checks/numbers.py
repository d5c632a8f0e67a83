"""Checks of a numeric column as a whole: another mean, another unit, a sensor that stands still.

They are about feeds that broke, not about a world that changed: that a distribution moved at all is drift's
to say, so a shift within the limits is fine here.
"""

from __future__ import annotations

import math

import numpy as np

from selfheal.observe.policy import QualityPolicy
from selfheal.observe.profiles.layout import Counts, Floats, Numeric
from selfheal.observe.profiles.profile import Profile
from selfheal.observe.quality.checks.columns import Column
from selfheal.observe.quality.checks.judging import Certainty, quality_signal
from selfheal.observe.signals import Signal, Status
from selfheal.observe.statistics.kolmogorov_smirnov import ks_distance
from selfheal.observe.statistics.ks_lower_bound import ks_lower_bound
from selfheal.observe.statistics.mean_shift import Estimate, Moments, mean_shift
from selfheal.observe.statistics.rescaling import Rescaling, rescaling

MOVED = 0.2
"""KS distance that is certain to be exceeded before a map is looked for: a map costs more than all else."""

VARIED_BINS, STUCK_SHARE = 16, 0.5
"""A column varied if training occupies so many bins; of one that is mostly a single value anyway (no rain, no
discount), a window of nothing else is no news."""


def number_signals(column: Column, policy: QualityPolicy, certainty: Certainty) -> list[Signal]:
    """The signals of a numeric input, of its mean and its unit. Where either side has fewer than `min_rows`
    values there are none: the shares of its rows say so."""
    feature = column.window.layout.features[column.place]
    if not isinstance(feature, Numeric) or not _enough(column, certainty):
        return []
    return [_mean_shift(column, policy, certainty), _rescaled(column, feature, certainty)]


def stands_still(column: Column) -> bool:
    """Whether all values of a numeric input are one."""
    low, high = column.window.low[column.place], column.window.high[column.place]
    return isinstance(column.window.layout.features[column.place], Numeric) and bool(low == high)


def stuck_signals(column: Column, certainty: Certainty) -> list[Signal]:
    """The signal of a sensor that stands still, over a window that is long enough for it to have moved; none
    for an input that did not vary in training, or of fewer than `min_rows` values."""
    stuck = _stuck(column, certainty) if _enough(column, certainty) else None
    return [stuck] if stuck else []


def _enough(column: Column, certainty: Certainty) -> bool:
    present = column.window.present(column.place)
    return column.reference.present(column.place) > 0 and present >= max(1, certainty.min_rows)


def _mean_shift(column: Column, policy: QualityPolicy, certainty: Certainty) -> Signal:
    """A breach if the shift is certain to exceed both limits: per cent of the baseline's mean, and its
    deviations, for a mean near zero moves by any number of per cent.

    Where the baseline's mean is not certain to be other than zero, no number of per cent is certain either.
    """
    name, place = column.name, column.place
    before, after = _moments(column.reference, place), _moments(column.window, place)
    shift = mean_shift(before, after, certainty.alpha)
    percent, low = shift.percent.value, _least(shift.percent)
    far = not (low <= policy.mean_shift_percent) and not (
        _least(shift.deviations) < policy.mean_shift_deviations
    )
    means = f"{name}: mean {after.mean:.6g} where training has {before.mean:.6g}"
    if not math.isfinite(percent):
        reason = f"{means}, and of zero nothing is a percentage"
        return quality_signal(name, "mean_shift_percent", Status.OK, reason, sample=int(after.rows))
    reason = (
        f"{means}: moved by {abs(percent):.0f} %, for certain by {low:.0f} % and "
        f"{_least(shift.deviations):.2f} standard deviations; "
        f"the limits are {policy.mean_shift_percent:g} % and {policy.mean_shift_deviations:g}"
    )
    return quality_signal(
        name,
        "mean_shift_percent",
        Status.BREACH if far else Status.OK,
        reason,
        abs(percent),
        low,
        policy.mean_shift_percent,
        int(after.rows),
    )


def _stuck(column: Column, certainty: Certainty) -> Signal | None:
    """A breach if all values are one, which chance would not do: the training share of its bin to the power
    of their number. None for a column that did not vary in training."""
    place = column.place
    before, counts = column.reference.of(place), column.window.of(place)
    usual = float(before[np.flatnonzero(counts)].sum() / before.sum())
    if np.count_nonzero(before) < VARIED_BINS:
        return None
    low, high, rows = column.window.low[place], column.window.high[place], int(counts.sum())
    stuck = low == high and usual <= STUCK_SHARE and usual**rows < certainty.alpha
    reason = f"{column.name}: values from {low:g} to {high:g}"
    if low == high:
        reason = f"{column.name}: all of {rows:,} values are {low:g}, as {100 * usual:.1f} % of training are"
    status = Status.BREACH if stuck else Status.OK
    return quality_signal(column.name, "constant", status, reason, sample=rows)


def _rescaled(column: Column, feature: Numeric, certainty: Certainty) -> Signal:
    """A breach if the values are those of training under a known conversion, a warning if under another map."""
    before, after = column.reference.of(column.place), column.window.of(column.place)
    distance = ks_distance(before, after)
    low = ks_lower_bound(distance, int(before.sum()), int(after.sum()), certainty.alpha)
    found = _map(before, after, feature.cuts) if low >= MOVED else None
    if found is None:
        reason = f"{column.name}: its values are those of training under no map to another unit"
        return quality_signal(
            column.name, "rescaled", Status.OK, reason, distance, low, MOVED, int(after.sum())
        )
    known = f" ({found.known})" if found.known else ""
    reason = (
        f"{column.name}: {found.scale:.6g} times its training values, plus {found.offset:.6g}{known}: "
        f"KS distance {found.distance_before:.2f} as it is, {found.distance_after:.2f} after that map"
    )
    status = Status.BREACH if found.known else Status.WARN
    return quality_signal(column.name, "rescaled", status, reason, distance, low, MOVED, int(after.sum()))


def _map(before: Counts, after: Counts, cuts: Floats) -> Rescaling | None:
    """The map, looked for on the bins that either side visited; None where the numbers are too huge."""
    visited = np.flatnonzero(before + after)
    first, last = max(0, int(visited[0]) - 1), min(len(cuts), int(visited[-1]) + 1)
    before, after, cuts = before[first : last + 1], after[first : last + 1], cuts[first:last]
    # Next to huge numbers several cuts coincide; the bins between them are empty.
    apart = np.append(np.diff(cuts, prepend=-np.inf) > 0, True)
    cuts = cuts[apart[:-1]]
    if cuts[-1] / 2 - cuts[0] / 2 > np.finfo(float).max / 2:
        return None
    return rescaling(before[apart], after[apart], cuts)


def _moments(profile: Profile, place: int) -> Moments:
    mean, deviation = profile.moments(place)
    rows = profile.present(place)
    return Moments(rows=rows, mean=mean, deviation=deviation * math.sqrt(rows / max(1, rows - 1)))


def _least(estimate: Estimate) -> float:
    """How far from nothing the estimate is for certain, in either direction."""
    return max(0.0, estimate.low, -estimate.high)
