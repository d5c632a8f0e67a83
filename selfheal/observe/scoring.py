"""Quality of binary predictions against outcomes, each with its standard error.

Log loss is the mean of the rows' own losses, so its standard error is theirs over the square root of n.
The area under the ROC curve is the Mann-Whitney statistic with ties counted half; its standard error is
that of J. Hanley, B. McNeil, "The meaning and use of the area under a ROC curve", Radiology 143 (1982).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A probability of exactly 0 or 1 would make one wrong row infinitely costly.
CLIP = 1e-7


@dataclass(frozen=True)
class Estimate:
    """A metric with its standard error and the rows that it rests on."""

    value: float
    error: float
    rows: int


def row_losses(scores: Floats, labels: Floats) -> Floats:
    """Each row's log loss, in nats."""
    p = np.clip(scores, CLIP, 1 - CLIP)
    losses: Floats = -(labels * np.log(p) + (1 - labels) * np.log1p(-p))
    return losses


def log_loss(scores: Floats, labels: Floats) -> Estimate:
    """Mean log loss, in nats; raises ValueError on no rows."""
    if scores.size == 0:
        raise ValueError("log loss needs at least one row")
    losses = row_losses(scores, labels)
    error = float(losses.std(ddof=1)) / math.sqrt(losses.size) if losses.size > 1 else math.inf
    return Estimate(float(losses.mean()), error, losses.size)


def roc_auc(scores: Floats, labels: Floats) -> Estimate:
    """Area under the ROC curve; raises ValueError where one class is missing.

    >>> import numpy as np
    >>> roc_auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0, 1, 1])).value
    0.75
    """
    positive, negative = int((labels == 1).sum()), int((labels == 0).sum())
    if positive == 0 or negative == 0:
        raise ValueError("an area under the curve needs rows of both classes")
    ranks = _mean_ranks(scores)
    area = (float(ranks[labels == 1].sum()) - positive * (positive + 1) / 2) / (positive * negative)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positive - 1) * (q1 - area**2) + (negative - 1) * (q2 - area**2)
    return Estimate(area, math.sqrt(max(0.0, variance) / (positive * negative)), scores.size)


def _mean_ranks(values: Floats) -> Floats:
    """Ranks from 1, ties sharing their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[inverse]
    return ranks
