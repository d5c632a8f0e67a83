r"""Population stability index between a baseline and a window, its lower confidence bound, its thresholds.

$$ PSI = \sum_i (w_i - b_i) \ln(w_i / b_i) $$

over the shares of ten groups of about equal share in the baseline (`group_bins`), or over categories. A bin
that one side never visited counts there as half a row; a bin that neither visited is left out (`shares`).

Two samples of one population do not have PSI 0 but about $(k - 1)(1/n + 1/m)$ over k bins, so a threshold
made for large samples has to grow by that much for small ones (`psi_threshold`), and the lower bound takes
it off.

Source: B. Yurdakul, J. Naranjo, "Statistical properties of the population stability index", Journal of Risk
Model Validation 14 (2020).

>>> import numpy as np
>>> before, after = np.array([500, 500]), np.array([400, 600])
>>> round(stability_index(before, after), 4), round(psi_lower_bound(before, after, alpha=0.05), 4)
(0.0405, 0.0089)
>>> round(psi_threshold(0.25, bins=10, n=500, m=100), 3)
0.358
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from selfheal.observe.statistics.shares import (
    Counts,
    Shares,
    check_alpha,
    check_sizes,
    floored_shares,
    pool_sparse,
    sizes,
)

GROUPS = 10
"""Groups of about equal baseline share that the index of a numeric feature is taken over, by convention."""


def stability_index(baseline: Counts, window: Counts) -> float:
    """The index, from counts on the same groups or categories; 0 where the shares agree.

    Raises:
        ValueError: the sides are on different bins, or one is empty.
    """
    before, after = floored_shares(baseline, window)
    return float(((after - before) * np.log(after / before)).sum())


def psi_lower_bound(
    baseline: Counts, window: Counts, alpha: float, n: float | None = None, m: float | None = None
) -> float:
    """One-sided lower confidence bound of the index, never below 0.

    The index less its null mean less normal quantiles of its standard error by the delta method, where one
    row's gradient is $\\ln(w/b) + 1 - b/w$ for the window and $\\ln(b/w) + 1 - w/b$ for the baseline. Cells
    that expect fewer than five rows are put together first, since neither mean nor error holds for them;
    an index of coarser cells is never larger, so its bound still holds for the finer one.

    Args:
        baseline, window: counts on the same groups or categories.
        alpha: chance that the bound exceeds the true index, between 0 and 1.
        n, m: effective sample sizes where rows depend on one another; by default the rows.

    Raises:
        ValueError: as `stability_index`, or alpha or a size is out of range.
    """
    check_alpha(alpha)
    rows = sizes(baseline, window)
    n, m = rows[0] if n is None else n, rows[1] if m is None else m
    check_sizes(n, m)
    coarse = pool_sparse(baseline, window)
    before, after = floored_shares(*coarse)
    log_ratio = np.log(after / before)
    by_window = _spread(after, log_ratio + 1 - before / after)
    by_baseline = _spread(before, -log_ratio + 1 - after / before)
    error = math.sqrt(by_window / m + by_baseline / n)
    value = float(((after - before) * log_ratio).sum())
    return max(0.0, value - _null_mean(before.size, n, m) - float(ndtri(1 - alpha)) * error)


def psi_threshold(nominal: float, bins: int, n: float, m: float) -> float:
    """A threshold made for large samples, for samples of these sizes: nominal + (bins - 1)(1/n + 1/m).

    Args:
        nominal: threshold of the index, such as 0.25.
        bins: groups or categories that the index is taken over.
        n, m: (effective) sample sizes.

    Raises:
        ValueError: no bin, or a size that is not positive and finite.
    """
    check_sizes(n, m)
    if bins < 1:
        raise ValueError(f"an index needs at least one bin, not {bins}")
    return nominal + _null_mean(bins, n, m)


def group_bins(baseline: Counts, window: Counts) -> tuple[Counts, Counts]:
    """Neighbouring bins put together in ten groups of about equal baseline share.

    Bins beyond the baseline's range (before its first, after its last value) make a group of their own on
    either side: values that the baseline never saw are news, which a tenth of the baseline beside them would
    hide. They count where the window has values there, against the baseline's half row. Groups that nobody
    visited are left out, so there are 1 to 12.

    Raises:
        ValueError: the sides are on different bins, or one is empty.

    >>> fine = np.array([0, 10, 10, 10, 10, 0])
    >>> group_bins(fine, np.array([0, 10, 10, 10, 4, 6]))
    (array([10, 10, 10, 10,  0]), array([10, 10, 10,  4,  6]))
    """
    n, _ = sizes(baseline, window)
    # The middle of a bin decides its group, so that one heavy bin does not pull its neighbours along.
    middle = (np.cumsum(baseline) - baseline / 2) / n
    group = 1 + np.minimum((middle * GROUPS).astype(np.int64), GROUPS - 1)
    occupied = np.flatnonzero(baseline)
    group[: occupied[0]] = 0
    group[occupied[-1] + 1 :] = GROUPS + 1
    # Sums of whole numbers as floats are exact up to 2⁵³ rows.
    before, after = (
        np.bincount(group, weights=counts, minlength=GROUPS + 2).astype(np.int64)
        for counts in (baseline, window)
    )
    visited = before + after > 0
    return before[visited], after[visited]


def _null_mean(bins: int, n: float, m: float) -> float:
    return (bins - 1) * (1 / n + 1 / m)


def _spread(shares: Shares, gradient: Shares) -> float:
    """Variance of the gradient under a draw of one row."""
    mean = float((shares * gradient).sum())
    return max(0.0, float((shares * gradient**2).sum()) - mean**2)
