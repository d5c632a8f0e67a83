"""Proper scores of class probabilities: log loss and Brier.

log loss  = mean of -ln p(label), in nats
Brier     = mean of sum over classes (p_k - 1{label = k})^2, from 0 to 2; for two classes half of that,
            which is the familiar (p - label)^2, from 0 to 1

Both are means over rows, so the influence of a row is its own cost minus the mean.

Sources: G. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78
(1950); T. Gneiting, A. Raftery, "Strictly proper scoring rules", JASA 102 (2007).
"""

from __future__ import annotations

import numpy as np

from selfheal.observe.performance.metrics.estimate import Floats, Functional

# A probability of exactly 0 or 1 would make one wrong row infinitely costly.
CLIP = 1e-7


def log_loss(probabilities: Floats, weights: Floats) -> Functional:
    """Both arguments of shape (rows, classes): what was answered, and how probable each label is.

    >>> round(log_loss(np.array([[0.5, 0.5], [0.25, 0.75]]), np.eye(2)).value, 4)
    0.4904
    """
    return _mean(-np.log(np.clip(probabilities, CLIP, 1 - CLIP)), weights)


def brier(probabilities: Floats, weights: Floats) -> Functional:
    """Both arguments of shape (rows, classes).

    >>> brier(np.array([[0.5, 0.5], [0.25, 0.75]]), np.eye(2)).value
    0.15625
    """
    costs = (probabilities**2).sum(axis=1, keepdims=True) - 2 * probabilities + 1
    return _mean(costs / 2 if probabilities.shape[1] == 2 else costs, weights)


def _mean(costs: Floats, weights: Floats) -> Functional:
    value = np.einsum("ij,ij->i", costs, weights).mean()
    return Functional(value=float(value), influence=costs - value)
