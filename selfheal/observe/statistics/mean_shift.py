r"""Shift of a feature's mean from its baseline, with confidence intervals.

- in baseline standard deviations (Glass's Δ): $\delta = (\bar w - \bar b) / s_b$, with variance
  $1/n + (s_w / s_b)^2 / m + \delta^2 / (2 (n - 1))$, the last term for the error of $s_b$
- in per cent of the baseline's mean: $100 (\bar w - \bar b) / |\bar b|$, with Fieller's interval for the
  ratio of two means, which is unbounded where the baseline's mean is not certainly away from zero

Intervals take Student's t with Welch's degrees of freedom. What the ratio of a zero is: no shift is 0
whatever it is measured in, any shift of a zero mean or a zero deviation is infinite, with the shift's sign.

Sources: B. Welch, Biometrika 34 (1947); E. Fieller, Journal of the Royal Statistical Society B 16 (1954);
L. Hedges, Journal of Educational Statistics 6 (1981).

>>> before = Moments(rows=20_000, mean=50.0, deviation=10.0)
>>> shift = mean_shift(before, Moments(rows=2_000, mean=52.0, deviation=11.0), alpha=0.05)
>>> shift.deviations.value, [round(x, 3) for x in (shift.deviations.low, shift.deviations.high)]
(0.2, [0.15, 0.25])
>>> shift.percent.value, [round(x, 2) for x in (shift.percent.low, shift.percent.high)]
(4.0, [2.99, 5.01])
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtrit

from selfheal.observe.statistics.shares import check_alpha


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Attributes:
    rows: values behind the moments, or their effective number where they depend on one another.
    mean: in the feature's unit.
    deviation: sample standard deviation (divisor rows - 1), in the feature's unit; 0 for one row.
    """

    rows: float
    mean: float
    deviation: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value and its two-sided confidence interval; the interval may be infinite, it is never NaN."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class MeanShift:
    """Attributes:
    deviations: the shift in baseline standard deviations.
    percent: the shift in per cent of the baseline's absolute mean.
    """

    deviations: Estimate
    percent: Estimate


UNBOUNDED = (-math.inf, math.inf)


def mean_shift(baseline: Moments, window: Moments, alpha: float) -> MeanShift:
    """The shift from the moments of both sides. With fewer than two rows on a side the intervals are
    unbounded.

    Args:
        alpha: chance that an interval misses the true shift, between 0 and 1.

    Raises:
        ValueError: no row on a side, a mean that is not finite, a deviation that is negative or not finite,
            or alpha out of range.
    """
    check_alpha(alpha)
    _check("baseline", baseline)
    _check("window", window)
    shift = window.mean - baseline.mean
    t = _student(baseline, window, alpha)
    low, high = UNBOUNDED if t is None else _deviations(baseline, window, t)
    deviations = _estimate(in_units(shift, baseline.deviation), low, high)
    low, high = UNBOUNDED if t is None else _percent(baseline, window, t)
    return MeanShift(
        deviations=deviations,
        percent=_estimate(100 * in_units(shift, abs(baseline.mean)), low, high),
    )


def in_units(amount: float, unit: float) -> float:
    """amount / unit, where nothing is 0 and anything else infinite in a unit of zero."""
    if unit > 0:
        return amount / unit
    return math.copysign(math.inf, amount) if amount else 0.0


def _estimate(value: float, low: float, high: float) -> Estimate:
    """The estimate, unbounded where numbers beyond a float left no bound (infinity less infinity)."""
    if math.isnan(low) or math.isnan(high):
        low, high = UNBOUNDED
    return Estimate(value=value, low=low, high=high)


def _check(side: str, moments: Moments) -> None:
    if not 0 < moments.rows < math.inf:
        raise ValueError(f"the {side} needs at least one row for a mean, not {moments.rows}")
    if not math.isfinite(moments.mean) or not 0 <= moments.deviation < math.inf:
        raise ValueError(
            f"the {side}'s moments must be finite, not {moments.mean} ± {moments.deviation}: "
            "leave missing and infinite values out"
        )


def _student(baseline: Moments, window: Moments, alpha: float) -> float | None:
    """Two-sided quantile of Student's t with Welch's degrees; None where a side has no deviation to speak of.

    Without any variance the quantile multiplies zero and any would do.
    """
    if min(baseline.rows, window.rows) < 2:
        return None
    scale = max(baseline.deviation, window.deviation)
    if scale == 0:
        return 0.0
    # Relative to the larger deviation, so that squares of extreme deviations neither overflow nor vanish.
    by_baseline = (baseline.deviation / scale) ** 2 / baseline.rows
    by_window = (window.deviation / scale) ** 2 / window.rows
    share = by_baseline / (by_baseline + by_window)
    degrees = 1 / (share**2 / (baseline.rows - 1) + (1 - share) ** 2 / (window.rows - 1))
    return float(stdtrit(degrees, 1 - alpha / 2))


def _deviations(baseline: Moments, window: Moments, t: float) -> tuple[float, float]:
    shift = window.mean - baseline.mean
    if baseline.deviation == 0:
        error = t * window.deviation / math.sqrt(window.rows)
        return in_units(shift - error, 0.0), in_units(shift + error, 0.0)
    delta, ratio = shift / baseline.deviation, window.deviation / baseline.deviation
    error = t * math.hypot(
        1 / math.sqrt(baseline.rows),
        ratio / math.sqrt(window.rows),
        delta / math.sqrt(2 * (baseline.rows - 1)),
    )
    return delta - error, delta + error


def _percent(baseline: Moments, window: Moments, t: float) -> tuple[float, float]:
    """Fieller's interval of window mean / baseline mean, less one, in per cent of the absolute mean."""
    by_baseline = baseline.deviation / math.sqrt(baseline.rows)
    by_window = window.deviation / math.sqrt(window.rows)
    if baseline.mean == 0:
        if by_baseline > 0:
            return UNBOUNDED
        return in_units(window.mean - t * by_window, 0.0), in_units(window.mean + t * by_window, 0.0)
    certainty = 1 - min(1.0, abs(t * by_baseline / baseline.mean)) ** 2
    if certainty == 0:
        return UNBOUNDED
    ratio = window.mean / baseline.mean
    spread = math.hypot(by_window * math.sqrt(certainty), ratio * by_baseline)
    error = t * spread / abs(baseline.mean)
    ends = ((ratio - error) / certainty, (ratio + error) / certainty)
    sign = math.copysign(100.0, baseline.mean)
    changes = sorted(sign * (end - 1) for end in ends)
    return changes[0], changes[1]
