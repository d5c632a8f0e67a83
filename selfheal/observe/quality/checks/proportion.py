r"""Bounds of a share, from a count: what a handful of bad rows says, and what it does not.

Clopper-Pearson's exact bounds: with $k$ of $n$, the lower bound is the quantile of order $\alpha$ of
Beta(k, n - k + 1), the upper one that of order $1 - \alpha$ of Beta(k + 1, n - k). Whatever the true share,
each bound misses it with a chance of at most $\alpha$, at any sample size. Rows count as independent: where
a feed fails for hours at a time they are not, and the limit that the bound is held against has to carry that.

Source: C. Clopper, E. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
binomial", Biometrika 26 (1934).

>>> round(lower_share(1, 3, alpha=0.001), 6), round(lower_share(300, 1000, alpha=0.001), 4)
(0.000333, 0.2562)
>>> round(upper_share(0, 1000, alpha=0.001), 5)
0.00688
"""

from __future__ import annotations

from scipy.special import betaincinv

from selfheal.observe.statistics.shares import check_alpha


def lower_share(count: int, total: int, alpha: float) -> float:
    """One-sided lower confidence bound of a share, from 0 to 1; 0 where there is nothing to count.

    Raises:
        ValueError: a count that is negative or beyond the total, or alpha that is not between 0 and 1.
    """
    _check(count, total, alpha)
    return float(betaincinv(count, total - count + 1, alpha)) if count else 0.0


def upper_share(count: int, total: int, alpha: float) -> float:
    """One-sided upper confidence bound of a share, from 0 to 1; 1 where there is nothing to count.

    Raises:
        ValueError: as `lower_share`.
    """
    _check(count, total, alpha)
    return float(betaincinv(count + 1, total - count, 1 - alpha)) if count < total else 1.0


def _check(count: int, total: int, alpha: float) -> None:
    check_alpha(alpha)
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total} is no share: a count lies between 0 and its total")
