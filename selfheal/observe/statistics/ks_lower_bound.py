r"""How far apart two distributions are at least, given how far apart their samples are.

Let $D^+ = \sup(F - G)$ and likewise for the samples. Then
$\hat D^+ \le D^+ + \sup(\hat F - F) + \sup(G - \hat G)$, and for each of the two errors, whatever the
distribution, $P(\sqrt n \sup(\hat F - F) > s) \le e^{-2 s^2}$ for all s (Massart; Reeve without a condition
on s). The two samples are independent of each other, so the sum of the errors exceeds r no more often than
the sum of two independent variables with exactly these tails, which with $a = 2n$, $b = 2m$ is

$$ S(r) = e^{-a r^2} + \int_0^r 2 a s\, e^{-a s^2} e^{-b (r - s)^2} ds $$

The bound is $\hat D - r$ with $2 S(r) = \alpha$, the 2 for the two directions. It holds at every sample
size and is tighter than a band around each side whose radii are added up, however alpha is split between
them: the errors add like standard deviations do. For $m \ll n$ the radius tends to
$\sqrt{\ln(2/\alpha) / 2m}$, as if the baseline were known.

Sources: P. Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability
18 (1990); H. Reeve, "A short proof of the Dvoretzky-Kiefer-Wolfowitz-Massart inequality" (arXiv 2403.16651).

>>> round(ks_lower_bound(0.15, n=20_000, m=2_000, alpha=0.05), 4)
0.1146
>>> ks_lower_bound(0.03, n=20_000, m=2_000, alpha=0.05)
0.0
"""

from __future__ import annotations

import functools
import math

from selfheal.observe.statistics.shares import check_alpha, check_sizes

HALVINGS = 60
"""Steps of bisection: the radius is then as exact as a float."""


def ks_lower_bound(distance: float, n: float, m: float, alpha: float) -> float:
    """One-sided lower confidence bound of the true distance, from 0 to 1.

    Args:
        distance: of the samples, from 0 to 1; one taken from counts only lowers the bound.
        n, m: sample sizes of the two sides. Where rows depend on one another (seasons, sessions) give
            effective sizes, rows over a design effect; the bound is then as good as that effect.
        alpha: chance that the bound exceeds the true distance, between 0 and 1.

    Raises:
        ValueError: a distance or alpha out of range, or a size that is not positive and finite.
    """
    check_sizes(n, m)
    check_alpha(alpha)
    if not 0 <= distance <= 1:
        raise ValueError(f"a distance lies between 0 and 1, not at {distance}")
    # The joint term of S alone gives a radius that is too small: most distances are within even that.
    if distance <= math.sqrt(math.log(2 / alpha) / 2 * (1 / n + 1 / m)):
        return 0.0
    return max(0.0, distance - _radius(n, m, alpha))


# Columns of a window mostly have as many values as one another, and so the same radius.
@functools.lru_cache(maxsize=256)
def _radius(n: float, m: float, alpha: float) -> float:
    """The r at which twice the tail of the summed errors falls to alpha."""
    # A band around each side, alpha split evenly, is wide enough: a start above the solution.
    low, high = 0.0, math.sqrt(math.log(4 / alpha) / 2) * (1 / math.sqrt(n) + 1 / math.sqrt(m))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if 2 * _tail(middle, n, m) > alpha:
            low = middle
        else:
            high = middle
    return high


def _tail(r: float, n: float, m: float) -> float:
    """S(r), the integral in closed form.

    With c = a + b and peak p = b·r / c the exponent is -c(s - p)² - ab·r²/c, so that the integral splits
    into a difference of Gaussians, 2as at s - p, and p times an error function.
    """
    a, b = 2 * n, 2 * m
    c = a + b
    peak = b * r / c
    joint = math.exp(-a * b * r**2 / c)
    edge_low, edge_high = math.exp(-c * peak**2), math.exp(-c * (r - peak) ** 2)
    area = math.sqrt(math.pi / c) / 2 * (math.erf(math.sqrt(c) * (r - peak)) + math.erf(math.sqrt(c) * peak))
    return math.exp(-a * r**2) + joint * (a / c * (edge_low - edge_high) + 2 * a * peak * area)
