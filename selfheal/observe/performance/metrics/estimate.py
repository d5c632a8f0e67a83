"""A metric with its confidence interval, and the functional that both come from.

Every metric here is a smooth functional T of the distribution of (prediction, label). Its influence function
psi(x, y) says how T answers to a little more weight on one row; the sample's value has the variance
sum(psi^2) / n^2 (the delta method). One array thus gives the metric's sampling error, and its slope in a
label that is known only with a probability, which is what the estimate without labels needs.

A label may be soft: row i has class k with probability `weights[i, k]`. A known label is a row of one 1.

Sources: F. Hampel, "The influence curve and its role in robust estimation", JASA 69 (1974); A. van der
Vaart, "Asymptotic Statistics" (1998), chapter 20; E. Wilson, JASA 22 (1927), whose interval stays inside
[0, 1] and has a width at 0 and 1; E. Korn, B. Graubard, Survey Methodology 24 (1998), for the effective
number of trials that carries it to proportions that are not plain counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Floats = NDArray[np.float64]


class UndefinedMetricError(ValueError):
    """A metric that these rows do not define (no rows, one class, constant labels), with the reason."""


@dataclass(frozen=True)
class Estimate:
    """A metric with its standard error and the rows that it rests on.

    Attributes:
        value: the metric; never NaN.
        error: its standard error, in the metric's unit; infinite where one row cannot tell.
        rows: predictions with a label.
        trials: metrics within [0, 1] only: the number of coin tosses that would be as uncertain; infinite
            where no sampling moves the value. None: the metric is not bounded, and Student's t is used.

    >>> hits = Estimate(0.9, 0.03, 100, trials=100.0)
    >>> [round(bound, 4) for bound in hits.interval(0.975)]
    [0.8256, 0.9448]
    """

    value: float
    error: float
    rows: int
    trials: float | None = None

    def low(self, confidence: float) -> float:
        """The value is above this with the (one-sided) confidence, from 0.5 to below 1."""
        return self._bound(-1, confidence)

    def high(self, confidence: float) -> float:
        """The value is below this with the (one-sided) confidence, from 0.5 to below 1."""
        return self._bound(1, confidence)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Both bounds, each at the one-sided confidence: 0.975 gives the usual 95 % interval.

        Raises:
            ValueError: the confidence is not in [0.5, 1).
        """
        return self.low(confidence), self.high(confidence)

    def _bound(self, side: int, confidence: float) -> float:
        if not 0.5 <= confidence < 1:
            raise ValueError(f"a one-sided confidence lies in [0.5, 1), not {confidence!r}: 0.99 is usual")
        if self.trials is not None:
            return _wilson(self.value, self.trials, side * float(ndtri(confidence)))
        if not math.isfinite(self.error):
            return side * math.inf
        return self.value + side * float(stdtrit(self.rows - 1, confidence)) * self.error


def _wilson(share: float, trials: float, z: float) -> float:
    """Wilson's bound; z < 0 is the lower one. Infinitely many trials leave the share itself."""
    square = z * z / trials
    centre = share + square / 2
    half = math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    bound = (centre + math.copysign(abs(z) * half, z)) / (1 + square)
    # At the ends rounding could step over the share, or out of [0, 1], by one unit in the last place.
    return max(0.0, min(share, bound)) if z < 0 else min(1.0, max(share, bound))


@dataclass(frozen=True, kw_only=True)
class Functional:
    """A metric's value on a sample, and how each row pulls on it.

    Attributes:
        value: the metric.
        influence: shape (rows, classes): psi of each row if its label were that class, in the metric's unit.
        trials: metrics within [0, 1]: coin tosses that would be as uncertain when the value is 0 or 1 and
            the influence has nothing to say. None for the others.
    """

    value: float
    influence: Floats
    trials: float | None = None

    def estimate(self, weights: Floats, more_variance: float = 0.0) -> Estimate:
        """The metric with its error, under labels of these probabilities, shape (rows, classes).

        `more_variance` is the variance from elsewhere than the sample, in the metric's unit squared.
        """
        rows = len(weights)
        variance = float(np.einsum("ij,ij,ij->", weights, self.influence, self.influence)) / rows**2
        if self.trials is None:
            # Bessel's correction, as for any mean; a single row has no spread.
            scale = rows / (rows - 1) if rows > 1 else math.inf
            variance = math.inf if rows == 1 else variance * scale
            return Estimate(self.value, math.sqrt(variance + more_variance), rows)
        variance += more_variance
        return Estimate(self.value, math.sqrt(variance), rows, self._trials(variance))

    def _trials(self, variance: float) -> float:
        assert self.trials is not None
        if not 0 < self.value < 1:
            return self.trials
        return self.value * (1 - self.value) / variance if variance > 0 else math.inf
