"""Metrics of predicted values: RMSE, MAE, R².

With e the errors and y the labels:

RMSE = sqrt(mean e²)             influence (e² - mean e²) / (2 RMSE)
MAE  = mean |e|                  influence |e| - MAE
R²   = 1 - mean e² / var(y)      influence -(e² - (1 - R²) (y - mean y)²) / var(y)

RMSE and MAE are in the label's unit; R² is at most 1 and below 0 for a model worse than the labels' mean.
All of shape (rows,).
"""

from __future__ import annotations

import math

import numpy as np

from selfheal.observe.performance.metrics.estimate import Floats, Functional, UndefinedMetricError


def rmse(values: Floats, labels: Floats) -> Functional:
    """Root of the mean squared error.

    >>> round(rmse(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0])).value, 4)
    1.7321
    """
    squares = (values - labels) ** 2
    mean = float(squares.mean())
    root = math.sqrt(mean)
    influence = (squares - mean) / (2 * root) if root > 0 else np.zeros_like(squares)
    return Functional(value=root, influence=influence[:, None])


def mae(values: Floats, labels: Floats) -> Functional:
    """Mean absolute error.

    >>> mae(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0])).value
    1.0
    """
    sizes = np.abs(values - labels)
    mean = float(sizes.mean())
    return Functional(value=mean, influence=(sizes - mean)[:, None])


def r2(values: Floats, labels: Floats) -> Functional:
    """Share of the labels' variance that is explained.

    Raises UndefinedMetricError where the labels do not vary.

    >>> round(r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0])).value, 4)
    0.3571
    """
    centred = (labels - labels.mean()) ** 2
    variance = float(centred.mean())
    squares = (values - labels) ** 2
    error = float(squares.mean())
    # Beyond what a float can tell apart, the ratio would speak of rounding alone.
    if labels.min() == labels.max() or variance <= 1e-50 * error:
        raise UndefinedMetricError("R² needs labels that vary")
    unexplained = error / variance
    influence = -(squares - unexplained * centred) / variance
    return Functional(value=1 - unexplained, influence=influence[:, None])
