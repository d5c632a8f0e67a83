r"""Checks of the traffic itself: how much of it comes, and when it last came.

Rows that arrive independently of one another at a rate $\lambda$ make a Poisson count over t hours. From a
count of N rows the exact one-sided bounds of $\lambda t$ are the quantiles of order $\alpha$ of Gamma(N) and
of order $1 - \alpha$ of Gamma(N + 1) (Garwood), and a silence of t hours has a chance of $e^{-\lambda t}$.
Requests come in batches and with the hour, so that the bounds are narrower than the truth; they keep a thin
endpoint's chance from alarming, and the limits, a multiple and a day, keep its habits from it.

Source: F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936).
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from scipy.special import gammaincinv

from selfheal.observe.hours import Window
from selfheal.observe.policy import QualityPolicy
from selfheal.observe.quality.checks.judging import quality_signal
from selfheal.observe.signals import Signal, Status

HOUR = timedelta(hours=1)
RATES = (1e-9, 1e15)
"""Rows an hour between which a usual rate is one: less than one row in 100,000 years is none."""


def volume_signal(
    window: Window, policy: QualityPolicy, alpha: float, usual_rows_per_hour: float | None
) -> Signal:
    """How many times as many rows an hour as usual there are, or as few; a breach where this is certain to
    exceed `volume_times`. No rows count as half a row.

    Args:
        usual_rows_per_hour: of the window's own hours of the week, silent ones included; None where unknown.
    """
    hours, rows, usual = window.length_hours, window.rows, usual_rows_per_hour
    if usual is None or not RATES[0] <= usual <= RATES[1] or hours < 1:
        reason = "rows: how many an hour are usual is not known"
        return quality_signal("rows", "volume_times", Status.NO_DATA, reason, sample=rows)
    expected = usual * hours
    # The bound nearest to what is usual: of more rows the lower one, of fewer the upper one.
    if rows >= expected:
        times, low, word = rows / expected, float(gammaincinv(rows, alpha)) / expected, "more"
    else:
        times, word = expected / max(rows, 0.5), "fewer"
        low = expected / float(gammaincinv(rows + 1, 1 - alpha))
    low = max(1.0, low)
    reason = (
        f"rows: {rows / hours:.4g} an hour where {usual:.4g} are usual, {times:.3g} times {word} and for "
        f"certain {low:.3g} times; the limit is {policy.volume_times:g}"
    )
    status = Status.OK if low <= policy.volume_times else Status.BREACH
    return quality_signal("rows", "volume_times", status, reason, times, low, policy.volume_times, rows)


def freshness_signal(
    window: Window, policy: QualityPolicy, alpha: float, now: datetime, usual_rows_per_hour: float | None
) -> Signal:
    """Hours since the last inference; a breach beyond `freshness_hours`, unless at the usual rate (or the
    window's own, where that is not known) so long a silence may be chance."""
    if window.newest is None:
        reason = "rows: no inference was seen yet"
        return quality_signal("rows", "silent_hours", Status.NO_DATA, reason)
    silent = max(0.0, (now - window.newest) / HOUR)
    before = max(1.0, (window.newest - window.start) / HOUR)
    rate = window.rows / before if usual_rows_per_hour is None else usual_rows_per_hour
    by_chance = math.exp(-rate * silent) >= alpha
    fresh = silent <= policy.freshness_hours or by_chance
    reason = (
        f"rows: the last inference was {silent:.1f} hours ago, at {window.newest.isoformat()}; "
        f"the limit is {policy.freshness_hours:g} hours"
    )
    if silent > policy.freshness_hours and by_chance:
        reason += f", but at {rate:.3g} rows an hour that may be chance"
    return quality_signal(
        "rows",
        "silent_hours",
        Status.OK if fresh else Status.BREACH,
        reason,
        silent,
        silent,
        policy.freshness_hours,
        window.rows,
    )
