r"""Two-sample Kolmogorov-Smirnov distance, from raw values and from counts on common bins.

$$ D = \max_x |F_b(x) - F_w(x)| $$

From raw values D is exact. From counts the distribution functions are known at the cuts alone, so
`ks_distance` gives a d that D cannot undercut; `ks_resolution` says by how much D can exceed it.

Sources: N. Smirnov, "On the estimation of the discrepancy between empirical curves of distribution for two
independent samples", Bulletin of Moscow University 2 (1939); T. Viehmann, "Numerically more stable
computation of the p-values for the two-sample Kolmogorov-Smirnov test" (arXiv 2102.08037).

>>> import numpy as np
>>> generator = np.random.default_rng(0)
>>> x, y = generator.normal(size=400), generator.normal(0.3, 1, size=300)
>>> result = ks_two_sample(x, y)
>>> round(result.statistic, 4), round(result.p_value, 6), result.method
(0.1725, 6.5e-05, 'exact')
>>> ks_distance(np.array([0, 500, 500, 0]), np.array([0, 375, 625, 0]))
0.125
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.statistics.kolmogorov_distribution import kolmogorov_survival
from selfheal.observe.statistics.shares import Counts, check_cuts, check_sizes, sizes

Values = NDArray[np.float64]
Method = Literal["auto", "exact", "asymptotic"]

EXACT_PRODUCT, EXACT_SIZE = 4_000_000, 10_000
"""Largest n·m, and largest of n and m, for which "auto" is exact: at most some 50 ms."""


@dataclass(frozen=True, kw_only=True)
class KsResult:
    """Attributes:
    statistic: D, from 0 to 1.
    p_value: chance of so large a D between two samples of one continuous distribution; ties make it an
        upper bound.
    method: how the p-value was taken.
    """

    statistic: float
    p_value: float
    method: Literal["exact", "asymptotic"]


def ks_two_sample(x: Values, y: Values, method: Method = "auto", *, x_is_sorted: bool = False) -> KsResult:
    """The test on raw values; infinities are values like any other.

    Args:
        x, y: one axis each, at least one value each, no NaN.
        method: of the p-value. "exact" counts lattice paths in O(D·n·m) operations and n + m steps;
            "asymptotic" takes the one-sample distribution at the effective size n·m / (n + m).
        x_is_sorted: x is ascending already (a baseline is sorted once); it is checked, not sorted again.

    Raises:
        ValueError: a side is empty or holds NaN, or x is said to be sorted and is not.
    """
    first = _ascending(x, "x") if x_is_sorted else _sorted(x, "x")
    second = _sorted(y, "y")
    n, m = first.size, second.size
    gap = _largest_gap(first, second)
    if method == "auto":
        method = "exact" if n * m <= EXACT_PRODUCT and max(n, m) <= EXACT_SIZE else "asymptotic"
    if method == "exact":
        return KsResult(statistic=gap / (n * m), p_value=_exact(gap, n, m), method="exact")
    return KsResult(statistic=gap / (n * m), p_value=ks_p_value(gap / (n * m), n, m), method="asymptotic")


def ks_distance(baseline: Counts, window: Counts) -> float:
    """The largest gap of the distribution functions at the cuts, from counts on the same ordered bins.

    The exact distance D of the values behind the counts lies in [d, d + s], where s is the largest share of
    the baseline in one bin that spans more than one value (`ks_resolution`). For within a bin, F_b and F_w
    rise from their values at its lower cut to those at its upper cut, so that neither can lead the other by
    more than its lead at a cut and all of the baseline in the bin. On 256 quantile bins of a sample of n
    distinct values s = ⌈n / 256⌉ / n: 1/256 where 256 divides n. A heavy value counts in s unless a cut just
    below it makes its bin a single point.

    Raises:
        ValueError: the sides are on different bins, or one is empty.
    """
    n, m = sizes(baseline, window)
    # Equal fractions round to equal floats, so that equal shares have distance 0 and not 1e-17.
    return float(np.abs(np.cumsum(baseline) / n - np.cumsum(window) / m).max())


def ks_distances(baseline: Counts, window: Counts, starts: Sequence[int]) -> NDArray[np.float64]:
    """The distances of several features at once, whose counts lie one after the other; shape (features,).

    Args:
        baseline, window: counts of all features, on the same bins.
        starts: where each feature's bins begin, and the end of the last one's.

    Features that one side has no value of have no distance: NaN.

    >>> ks_distances(np.array([5, 5, 1, 3]), np.array([2, 8, 3, 1]), [0, 2, 4])
    array([0.3, 0.5])
    """
    edges = np.asarray(starts, dtype=np.intp)
    sizes_of = np.diff(edges)
    shares = []
    for counts in (baseline, window):
        total = np.concatenate(([0], np.cumsum(counts)))
        rows = total[edges[1:]] - total[edges[:-1]]
        with np.errstate(invalid="ignore", divide="ignore"):
            below = (total[1:] - np.repeat(total[edges[:-1]], sizes_of)) / np.repeat(rows, sizes_of)
        shares.append(below)
    gaps: NDArray[np.float64] = np.maximum.reduceat(np.abs(shares[0] - shares[1]), edges[:-1])
    return gaps


def ks_resolution(baseline: Counts, cuts: NDArray[np.float64]) -> float:
    """By how much the exact distance can exceed the one from counts: the baseline's largest share in a bin
    (cuts[i-1], cuts[i]] that holds more than one floating-point number.

    Raises:
        ValueError: the baseline is empty, or the cuts do not fit its counts.
    """
    n, _ = sizes(baseline, baseline)
    check_cuts(cuts, baseline.size)
    spans = np.ones(baseline.size, dtype=bool)
    spans[1:-1] = np.nextafter(cuts[:-1], np.inf) < cuts[1:]
    return float(np.where(spans, baseline, 0).max() / n)


def ks_p_value(distance: float, n: float, m: float) -> float:
    """Chance that two samples of one continuous distribution are farther apart than `distance`, asymptotic.

    The distribution of the one-sample statistic of n·m / (n + m) values (rounded, at least one). A distance
    from counts never exceeds the exact one, so its p-value is an upper bound of the exact one's: it errs on
    the quiet side, by the resolution of the bins.

    Args:
        distance: from 0 to 1.
        n, m: sample sizes; effective ones (rows over a design effect) where rows depend on one another.

    Raises:
        ValueError: a size that is not positive and finite, or a distance outside 0 to 1.
    """
    check_sizes(n, m)
    return kolmogorov_survival(distance, max(1, round(n * m / (n + m))))


def _sorted(values: Values, side: str) -> Values:
    ascending = np.sort(values)
    # NaN sorts last.
    if ascending.ndim != 1 or ascending.size == 0 or np.isnan(ascending[-1]):
        raise ValueError(f"{side} must be a row of at least one value without NaN: drop missing values first")
    return ascending


def _ascending(values: Values, side: str) -> Values:
    # A comparison with NaN is false, so this finds NaN too, unless it is the only value.
    if values.ndim != 1 or values.size == 0 or np.isnan(values[0]) or not (values[:-1] <= values[1:]).all():
        raise ValueError(f"{side} must be a row of at least one value, ascending and without NaN")
    return values


def _largest_gap(first: Values, second: Values) -> int:
    """n·m·D for two ascending samples, as a whole number.

    The functions' difference is extreme at a jump of either side, up at one of its own values and down just
    before it, so the values of the shorter side are enough.
    """
    short, long = (first, second) if first.size <= second.size else (second, first)
    n, m = int(long.size), int(short.size)
    rank = np.arange(m)
    last_of_tie = np.append(short[1:] != short[:-1], True)
    first_of_tie = np.append(True, last_of_tie[:-1])
    at = np.searchsorted(long, short, side="right") * m - (rank + 1) * n
    before = np.searchsorted(long, short, side="left") * m - rank * n
    return int(max(-at[last_of_tie].min(), before[first_of_tie].max(), 0))


def _exact(gap: int, n: int, m: int) -> float:
    """Chance that a random order of n and m values has n·m·D of at least `gap`.

    An order is a path from (0, 0) to (n, m); after i and s - i steps its gap is |i(n + m) - s·n|. The share
    q_s(i) of paths to i that touched the forbidden region obeys q_s(i) = q_{s-1}(i - 1)·i/s + q_{s-1}(i)·(s
    - i)/s, and is 1 inside the region. Only positive terms are added, so small p-values keep their digits.
    """
    if gap == 0:
        return 1.0
    outside = np.ones(n + 2)  # share at i = outside[i + 1]; outside[0] stands for i = -1, weight 0
    outside[1] = 0.0
    total = n + m
    for s in range(1, total + 1):
        # Whole i with |i·total - s·n| < gap: the rest stays, or becomes, 1.
        low = max(0, s - m, (s * n - gap) // total + 1)
        high = min(n, s, -((-s * n - gap) // total) - 1)
        i = np.arange(low, high + 1)
        allowed = (outside[low : high + 1] * i + outside[low + 1 : high + 2] * (s - i)) / s
        outside[low + 1 : high + 2] = allowed
        outside[low] = 1.0
    return float(min(1.0, outside[n + 1]))
