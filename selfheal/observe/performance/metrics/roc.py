"""Area under the ROC curve, with DeLong's error, in one sort.

AUC = P(score of a positive > score of a negative), ties counted half: the Mann-Whitney statistic. With
V10(i) the share of negatives below positive i and V01(j) the share of positives above negative j (ties half),

variance = var(V10) / positives + var(V01) / negatives

No distribution is assumed, which is why it replaces Hanley and McNeil's formula (1982): that one takes the
scores of each class for exponential and is off where they are not. Shares come from cumulated counts of the
distinct scores, O(n log n) as with Sun and Xu's midranks.

Where a class has a single row its spread is unknown: that of V in [0, 1] with mean A is at most A (1 - A)
(Birnbaum and Klose's bound), and this is taken.

Sources: E. DeLong, D. DeLong, D. Clarke-Pearson, Biometrics 44 (1988); X. Sun, W. Xu, "Fast implementation of
DeLong's algorithm", IEEE Signal Processing Letters 21 (2014); Z. Birnbaum, O. Klose, Annals of Mathematical
Statistics 28 (1957); T. Fawcett, Pattern Recognition Letters 27 (2006) on several classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from selfheal.observe.performance.metrics.estimate import Floats, Functional, UndefinedMetricError


@dataclass(frozen=True)
class _Area:
    """An area, the pull of a row were it positive or negative (each shape (rows,)), and the smaller class."""

    value: float
    if_positive: Floats
    if_negative: Floats
    smaller: float


def area(scores: Floats, weights: Floats) -> Functional:
    """Two classes; `weights` of shape (rows, 2). Raises UndefinedMetricError where one class is missing."""
    found = _area(scores, weights[:, 1])
    if found is None:
        raise UndefinedMetricError("an area under the curve needs rows of both classes")
    influence = np.column_stack((found.if_negative, found.if_positive))
    return Functional(value=found.value, influence=influence, trials=found.smaller)


def macro_area(probabilities: Floats, weights: Floats) -> Functional:
    """The mean of the areas of each class against the rest, over the classes that have rows.

    Raises UndefinedMetricError where all rows are of one class.
    """
    influence = np.zeros_like(weights)
    values: list[float] = []
    sizes: list[float] = []
    for label in range(weights.shape[1]):
        found = _area(probabilities[:, label], weights[:, label])
        if found is None:
            continue
        influence += found.if_negative[:, None]
        influence[:, label] += found.if_positive - found.if_negative
        values.append(found.value)
        sizes.append(found.smaller)
    if not values:
        raise UndefinedMetricError("an area under the curve needs rows of two classes")
    trials = len(values) ** 2 / sum(1 / size for size in sizes)
    return Functional(value=float(np.mean(values)), influence=influence / len(values), trials=trials)


def _area(scores: Floats, positive: Floats) -> _Area | None:
    """None where a class has no rows. `positive` is each row's probability of being positive."""
    rows = len(scores)
    positives = float(positive.sum())
    negatives = rows - positives
    if positives <= 0 or negatives <= 0:
        return None
    _, place = np.unique(scores, return_inverse=True)
    up, down = np.bincount(place, positive), np.bincount(place, 1 - positive)
    below = (np.cumsum(down) - down / 2)[place]
    above = (positives - np.cumsum(up) + up / 2)[place]
    # A row of a soft label would be compared with itself.
    itself = float(positive @ (1 - positive))
    if positives * negatives - itself <= 0:
        return None
    value = (float(positive @ below) - itself / 2) / (positives * negatives - itself)
    value = min(1.0, max(0.0, value))
    return _Area(
        value,
        rows / positives * _spread(below / negatives - value, positives, value),
        rows / negatives * _spread(above / positives - value, negatives, value),
        max(1.0, min(positives, negatives)),
    )


def _spread(deviations: Floats, size: float, value: float) -> Floats:
    """Deviations of a class of `size` rows, scaled so that their squares give DeLong's variance."""
    if size < 2:
        return np.full_like(deviations, math.sqrt(value * (1 - value)))
    return deviations * math.sqrt(size / (size - 1))
