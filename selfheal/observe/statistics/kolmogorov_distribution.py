r"""Distribution of the one-sample Kolmogorov-Smirnov statistic, $P(D_n > d)$, for every n.

Taken in the way of Simard and L'Ecuyer, where each formula is accurate:

- far out ($n d^2$ large, or $d \ge 1/2$): twice the one-sided tail $P(D_n^+ > d)$, exact up to n = 2000, then
  $\exp(-2z^2 - \tfrac23 z / \sqrt n - \tfrac49 (z^4 - z^2) / n)$ with $z = \sqrt n\, d$, relative error below
  0.004 down to p = 1e-31 and falling with $n^{3/2}$ (the exact sum has n terms)
- small n, or near the lower end: Durbin's matrix, as Marsaglia, Tsang and Wang evaluate it
- large n: the expansion of Pelz and Good, $\sum_{i=0}^{3} K_i(\sqrt n\, d)\, n^{-i/2}$, within 1e-6

Sources: R. Simard, P. L'Ecuyer, "Computing the two-sided Kolmogorov-Smirnov distribution", Journal of
Statistical Software 39 (2011); G. Marsaglia, W. Tsang, J. Wang, "Evaluating Kolmogorov's distribution",
ibid. 8 (2003); W. Pelz, I. Good, "Approximating the lower tail-areas of the Kolmogorov-Smirnov one-sample
statistic", Journal of the Royal Statistical Society B 38 (1976); L.-C. Chang, "On the exact distribution of
the statistics of A. N. Kolmogorov and their asymptotic expansion", Acta Mathematica Sinica 6 (1956).

>>> round(kolmogorov_survival(0.27, 10), 6), round(kolmogorov_survival(0.02, 4000), 6)
(0.389056, 0.080431)
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import smirnov

SMALL = 140
"""Largest n for which the matrix is used at every distance."""

MATRIX, MATRIX_REACH = 600, 1.4
"""Largest n, and n d^1.5, up to which the matrix is used near the lower end, where it is small."""

EXACT_TAIL = 2000
"""Largest n for which the one-sided tail is summed exactly, in about a millisecond."""

SMALL_TAIL, LARGE_TAIL = 4.0, 2.2
"""Values of n d² from which on the one-sided tail is accurate, for small and for large n."""


def kolmogorov_survival(distance: float, size: int) -> float:
    """Chance that the statistic of `size` values exceeds `distance`, from 0 to 1.

    Raises:
        ValueError: no value, or a distance outside 0 to 1.
    """
    if size < 1 or not 0 <= distance <= 1:
        raise ValueError(f"no distribution for a distance of {distance} of {size} values")
    if size * distance <= 0.5:
        return 1.0
    square = size * distance**2
    if distance >= 0.5 or square >= (SMALL_TAIL if size <= SMALL else LARGE_TAIL):
        return min(1.0, 2 * _one_sided(distance, size))
    small = size <= SMALL or (size <= MATRIX and size * distance**1.5 <= MATRIX_REACH)
    within = _durbin(distance, size) if small else _pelz_good(distance, size)
    return min(1.0, max(0.0, 1 - within))


def _one_sided(distance: float, size: int) -> float:
    if size <= EXACT_TAIL:
        return float(smirnov(size, distance))
    square = size * distance**2
    return math.exp(-2 * square - 2 * distance / 3 - 4 * (square**2 - square) / (9 * size))


def _durbin(distance: float, size: int) -> float:
    """$(n! / n^n)\\, (H^n)_{kk}$ with $d = (k - h) / n$; H is of order 2k - 1."""
    k = math.ceil(size * distance)
    h = k - size * distance
    order = 2 * k - 1
    factorials = np.cumprod(np.arange(1, order + 1, dtype=np.float64))
    rows, columns = np.indices((order, order))
    step = rows - columns + 1
    matrix = np.where(step >= 0, 1 / factorials[np.maximum(step, 1) - 1], 0.0)
    edge = (1 - h ** np.arange(1, order + 1)) / factorials
    matrix[:, 0] = edge
    matrix[-1, :] = edge[::-1]
    corner = 1 - 2 * h**order + max(0.0, 2 * h - 1) ** order
    matrix[-1, 0] = corner / factorials[-1]
    power = float(np.linalg.matrix_power(matrix, size)[k - 1, k - 1])
    return power * math.exp(math.lgamma(size + 1) - size * math.log(size))


def _pelz_good(distance: float, size: int) -> float:
    z = math.sqrt(size) * distance
    # Below z² = 2.2 the terms fall faster than exp(-2.2 k²): eight of them leave nothing above 1e-60.
    whole = (np.pi * np.arange(1, 9)) ** 2
    half = (np.pi * (np.arange(8) + 0.5)) ** 2
    # Both sums run over negative k as well, which doubles sqrt(pi / 2).
    whole_weight = math.sqrt(2 * math.pi) * np.exp(-whole / (2 * z**2))
    half_weight = math.sqrt(2 * math.pi) * np.exp(-half / (2 * z**2))
    k0 = half_weight.sum() / z
    k1 = ((half - z**2) * half_weight).sum() / (6 * z**4)
    k2_half = 6 * z**6 + 2 * z**4 + (2 * z**4 - 5 * z**2) * half + (1 - 2 * z**2) * half**2
    k2 = (k2_half * half_weight).sum() / (72 * z**7) - (whole * whole_weight).sum() / (36 * z**3)
    k3_half = (
        (5 - 30 * z**2) * half**3
        + (212 * z**4 - 60 * z**2) * half**2
        + (135 * z**4 - 96 * z**6) * half
        - 30 * z**6
        - 90 * z**8
    )
    k3_whole = (3 * z**2 - whole) * whole
    k3 = (k3_half * half_weight).sum() / (6480 * z**10) + (k3_whole * whole_weight).sum() / (216 * z**6)
    root = math.sqrt(size)
    return float(k0 + k1 / root + k2 / size + k3 / root**3)
