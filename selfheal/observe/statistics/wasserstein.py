r"""1-Wasserstein (earth mover's) distance between a baseline and a window.

$$ W = \int |F_b(x) - F_w(x)|\, dx $$

in the feature's unit: how far a row has to move on average. From raw values W is exact. From counts it is
that of values spread evenly within their bins, with those of the two unbounded bins at their cut; it is off
by at most the two sides' mean bin width, and blind to how far outside the cuts a value lies.

`normalized` gives it in baseline standard deviations, comparable across features.

Source: L. Kantorovich, "On the translocation of masses" (1942); S. Vallender, "Calculation of the Wasserstein
distance between probability distributions on the line", Theory of Probability 18 (1974).

>>> wasserstein_distance(np.array([0.0, 1.0, 3.0]), np.array([5.0, 6.0, 8.0]))
5.0
>>> cuts = np.array([0.0, 1.0, 2.0])
>>> wasserstein_from_counts(np.array([0, 10, 0, 0]), np.array([0, 5, 5, 0]), cuts)
0.5
>>> normalized(5.0, deviation=2.0)
2.5
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.statistics.mean_shift import in_units
from selfheal.observe.statistics.shares import Counts, check_cuts, sizes


def wasserstein_distance(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The distance of two samples of raw values, in their unit.

    Raises:
        ValueError: a side is empty or holds NaN or an infinity, which no finite distance reaches, or the
            values are farther apart than a float can say.
    """
    for side, values in (("x", x), ("y", y)):
        if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
            raise ValueError(f"{side} must be a row of at least one finite value: drop the others first")
    first, second = np.sort(x), np.sort(y)
    places = np.sort(np.concatenate([first, second]))
    if not math.isfinite(float(places[-1]) - float(places[0])):
        raise ValueError(f"from {places[0]} to {places[-1]} is farther than a float can say")
    gaps = (
        np.searchsorted(first, places[:-1], side="right") / first.size
        - np.searchsorted(second, places[:-1], side="right") / second.size
    )
    return float((np.abs(gaps) * np.diff(places)).sum())


def wasserstein_from_counts(baseline: Counts, window: Counts, cuts: NDArray[np.float64]) -> float:
    """The distance from counts on the bins that `cuts` make, in the cuts' unit; 0 with a single cut.

    Raises:
        ValueError: the sides are on different bins, one is empty, or the cuts do not fit the counts.
    """
    n, m = sizes(baseline, window)
    check_cuts(cuts, baseline.size)
    gaps = np.cumsum(baseline)[:-1] / n - np.cumsum(window)[:-1] / m
    left, right = gaps[:-1], gaps[1:]
    # The gap is a line between two cuts: a trapezium, or two triangles where it changes sign.
    total = np.abs(left) + np.abs(right)
    crossing = np.divide(left**2 + right**2, total, out=np.zeros_like(total), where=total > 0)
    mean_gap = np.where(left * right >= 0, total, crossing) / 2
    return float((mean_gap * np.diff(cuts)).sum())


def normalized(distance: float, deviation: float) -> float:
    """A distance in baseline standard deviations; with no deviation 0 for no distance, else infinite.

    Raises:
        ValueError: a negative or undefined distance or deviation.
    """
    if not (distance >= 0 and 0 <= deviation < float("inf")):
        raise ValueError(f"no normalized distance of {distance} by a deviation of {deviation}")
    return in_units(distance, deviation)
