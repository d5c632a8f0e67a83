"""Counts on common bins, checked and turned into shares.

A baseline and a window are comparable only as counts on the same bins (or categories, in the same order).
Statistics that take a logarithm of a share need it positive: a bin that one side never visited counts there
as half a row (`FLOOR`), so that it weighs, but not infinitely. A bin that neither side visited carries
nothing and is left out; so adding empty bins never changes a statistic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]

FLOOR = 0.5
"""Rows that a bin counts as on the side that has none in it."""

LEAST_EXPECTED = 5.0
"""Rows that a cell must expect on the smaller side, for its count to be about normal (Cochran 1954)."""


def sizes(baseline: Counts, window: Counts) -> tuple[int, int]:
    """Rows on each side.

    Raises:
        ValueError: the sides are not on the same bins, a count is negative or not whole, or a side is empty
            (an empty side has no statistic: report that there is no data instead).
    """
    for side, counts in (("baseline", baseline), ("window", window)):
        if counts.ndim != 1 or counts.dtype.kind != "i":
            raise ValueError(
                f"{side} must be a row of whole counts, not {counts.dtype} of {counts.ndim} axes"
            )
        if counts.size and counts.min() < 0:
            raise ValueError(f"{side} holds a negative count: {int(counts.min())}")
    if baseline.size != window.size:
        raise ValueError(f"baseline has {baseline.size} bins, window {window.size}: count both on the same")
    n, m = int(baseline.sum()), int(window.sum())
    if n == 0 or m == 0:
        raise ValueError(
            f"{'baseline' if n == 0 else 'window'} is empty: at least one value a side is needed"
        )
    return n, m


def check_sizes(n: float, m: float) -> None:
    """Raises ValueError unless both (effective) sample sizes are positive and finite."""
    for side, size in (("baseline", n), ("window", m)):
        if not 0 < size < float("inf"):
            raise ValueError(f"the {side}'s sample size must be positive and finite, not {size}")


def check_alpha(alpha: float) -> None:
    """Raises ValueError unless 0 < alpha < 1."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")


def check_cuts(cuts: NDArray[np.float64], bins: int) -> None:
    """Raises ValueError unless the cuts are finite, ascending, and one fewer than the bins."""
    if cuts.ndim != 1 or cuts.size + 1 != bins:
        raise ValueError(f"{cuts.size} cuts make {cuts.size + 1} bins, but there are counts of {bins}")
    # Halves, so that the span of the extremes is a number.
    if not np.isfinite(cuts).all() or (
        cuts.size and cuts[-1] / 2 - cuts[0] / 2 > np.finfo(np.float64).max / 2
    ):
        raise ValueError("cuts must be finite, and so must the distance of the first to the last")
    if (np.diff(cuts) <= 0).any():
        raise ValueError("cuts must be strictly ascending")


def floored_shares(baseline: Counts, window: Counts) -> tuple[Shares, Shares]:
    """Positive shares of both sides, each adding up to one, over the bins that either side visited.

    Raises:
        ValueError: as `sizes`.

    >>> before, after = floored_shares(np.array([1, 3, 0, 0]), np.array([0, 3, 0, 4]))
    >>> before.round(3).tolist(), after.round(3).tolist()
    ([0.222, 0.667, 0.111], [0.067, 0.4, 0.533])
    """
    sizes(baseline, window)
    visited = (baseline > 0) | (window > 0)
    before = np.maximum(baseline[visited], FLOOR)
    after = np.maximum(window[visited], FLOOR)
    return before / before.sum(), after / after.sum()


def pool_sparse(baseline: Counts, window: Counts) -> tuple[Counts, Counts]:
    """Cells expecting fewer than `LEAST_EXPECTED` rows on the smaller side, put together into one.

    The expectation is that of no change: a cell's share of both sides together. Where even the pooled cell
    expects too few, it joins the smallest of the others. Cells that nobody visited are left out.

    Raises:
        ValueError: as `sizes`.

    >>> pool_sparse(np.array([90, 80, 1, 2]), np.array([95, 85, 9, 6]))
    (array([90, 80,  3]), array([95, 85, 15]))
    """
    n, m = sizes(baseline, window)
    both = baseline + window
    sparse = both * (min(n, m) / (n + m)) < LEAST_EXPECTED
    dense = [counts[~sparse] for counts in (baseline, window)]
    rest = [int(counts[sparse].sum()) for counts in (baseline, window)]
    if sum(rest) == 0:
        return dense[0], dense[1]
    if dense[0].size and sum(rest) * (min(n, m) / (n + m)) < LEAST_EXPECTED:
        smallest = int(np.argmin(dense[0] + dense[1]))
        for counts, more in zip(dense, rest, strict=True):
            counts[smallest] += more
        return dense[0], dense[1]
    return np.append(dense[0], rest[0]), np.append(dense[1], rest[1])
