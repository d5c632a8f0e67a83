"""Quality of binary predictions against outcomes: the two metrics that the gate compares, and their rows.

Shapes are (rows,): scores are probabilities of class 1, labels 0 or 1. All metrics of every task, and where
these two come from: `selfheal.observe.performance.metrics`.
"""

from __future__ import annotations

import numpy as np

from selfheal.observe.performance.metrics import losses, roc
from selfheal.observe.performance.metrics.estimate import Estimate, Floats, UndefinedMetricError
from selfheal.observe.performance.metrics.losses import CLIP
from selfheal.observe.performance.metrics.measure import class_probabilities, usable
from selfheal.observe.performance.metrics.names import Task

__all__ = ["CLIP", "Estimate", "Floats", "log_loss", "roc_auc", "row_losses"]


def row_losses(scores: Floats, labels: Floats) -> Floats:
    """Each row's log loss, in nats; NaN where the score is."""
    p = np.clip(scores, CLIP, 1 - CLIP)
    found: Floats = -(labels * np.log(p) + (1 - labels) * np.log1p(-p))
    return found


def log_loss(scores: Floats, labels: Floats) -> Estimate:
    """Mean log loss, in nats; raises ValueError on no rows, and on a score or label that cannot be.

    >>> round(log_loss(np.array([0.5, 0.75]), np.array([0.0, 1.0])).value, 4)
    0.4904
    """
    _require(scores, labels)
    if scores.size == 0:
        raise UndefinedMetricError("log loss needs at least one row")
    weights = np.column_stack((1 - labels, labels))
    return losses.log_loss(class_probabilities(Task.BINARY, scores), weights).estimate(weights)


def roc_auc(scores: Floats, labels: Floats) -> Estimate:
    """Area under the ROC curve; raises ValueError where one class is missing, and on what is not a number.

    Only the order of the scores counts, so they need not be probabilities.

    >>> roc_auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0, 1, 1])).value
    0.75
    """
    if not usable(Task.REGRESSION, scores, labels).all():
        raise ValueError("an area under the curve needs scores and labels that are numbers")
    weights = np.column_stack((1 - labels, labels))
    return roc.area(scores, weights).estimate(weights)


def _require(scores: Floats, labels: Floats) -> None:
    bad = np.count_nonzero(~usable(Task.BINARY, scores, labels))
    if bad:
        raise ValueError(
            f"{bad} of {scores.size} rows are no pair of a probability and a label 0 or 1; leave them out"
        )
