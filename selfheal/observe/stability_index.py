r"""Population stability index between a baseline and a window, with its lower confidence bound.

$$ PSI = \sum_i (w_i - b_i) \ln(w_i / b_i) $$

over the shares of ten bins of (about) equal share in the baseline, or over the categories. An empty bin
counts as half a row, so that a bin nobody has visited yet counts, but not infinitely; shares still add up
to one.

Two samples of one population do not have PSI 0 but about $(k - 1)(1/n + 1/m)$ over k bins: this mean is
taken off, then z standard errors by the delta method.

Source: B. Yurdakul, J. Naranjo, "Statistical properties of the population stability index", Journal of
Risk Model Validation 14 (2020).

>>> import numpy as np
>>> value, low = stability_index(np.array([500, 500]), np.array([400, 600]), z=1.64)
>>> round(value, 4), round(low, 4)
(0.0405, 0.009)
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.baseline import Counts

GROUPS = 10


def stability_index(
    baseline: NDArray[np.float64] | Counts, window: NDArray[np.float64] | Counts, z: float
) -> tuple[float, float]:
    """The index and its lower confidence bound (never below 0).

    Args:
        baseline, window: counts on the same bins; both must hold at least one value.
        z: standard errors that the bound lies below the bias-corrected index.

    Raises:
        ValueError: one of the two is empty.
    """
    n, m = float(baseline.sum()), float(window.sum())
    if n == 0 or m == 0:
        raise ValueError("an index needs at least one value on each side")
    b, w = _shares(baseline), _shares(window)
    value = float(((w - b) * np.log(w / b)).sum())
    bias = (len(b) - 1) * (1 / n + 1 / m)
    by_window = np.log(w / b) + 1 - b / w
    by_baseline = np.log(b / w) + 1 - w / b
    variance = _spread(w, by_window) / m + _spread(b, by_baseline) / n
    return value, max(0.0, value - bias - z * math.sqrt(variance))


def group_bins(baseline: Counts, window: Counts, groups: int = GROUPS) -> tuple[Counts, Counts]:
    """Neighbouring bins put together so that each group holds about 1/groups of the baseline."""
    share = np.cumsum(baseline) / max(1, int(baseline.sum()))
    # The middle of a bin decides its group, so that one heavy bin does not pull its neighbours along.
    middle = share - baseline / max(1, int(baseline.sum())) / 2
    place = np.minimum((middle * groups).astype(int), groups - 1)
    both = [
        np.bincount(place, weights=counts, minlength=groups).astype(np.int64) for counts in (baseline, window)
    ]
    used = (both[0] + both[1]) > 0
    return both[0][used], both[1][used]


def align_categories(baseline: Mapping[str, int], window: Mapping[str, int]) -> tuple[Counts, Counts]:
    """Counts over the union of the categories, in one order."""
    names = sorted({*baseline, *window})
    return (
        np.array([baseline.get(name, 0) for name in names], dtype=np.int64),
        np.array([window.get(name, 0) for name in names], dtype=np.int64),
    )


def _shares(counts: NDArray[np.float64] | Counts) -> NDArray[np.float64]:
    floored = np.maximum(counts, 0.5)
    return np.asarray(floored / floored.sum(), dtype=np.float64)


def _spread(shares: NDArray[np.float64], gradient: NDArray[np.float64]) -> float:
    """Variance of the gradient under a multinomial draw of one row."""
    mean = float((shares * gradient).sum())
    return max(0.0, float((shares * gradient**2).sum()) - mean**2)
