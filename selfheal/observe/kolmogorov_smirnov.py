r"""Kolmogorov-Smirnov distance between a baseline and a window, from their counts.

$$ D = \max_x |F_b(x) - F_w(x)| $$

The distribution functions are compared at the edges of the baseline's bins, where counts give them
exactly; between edges D can be larger by at most the share of one bin (1/256 of the baseline where values
do not repeat).

The lower bound takes from D what chance can add: by the Dvoretzky-Kiefer-Wolfowitz inequality each
empirical distribution lies within $\sqrt{\ln(2/\alpha) / 2n}$ of its own, everywhere at once, with
confidence $1 - \alpha$. The baseline is a sample too, so its error counts as well.

Source: P. Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Annals of
Probability 18 (1990).

>>> import numpy as np
>>> distance, low = ks_distance(np.array([0, 500, 500, 0]), np.array([0, 400, 600, 0]), alpha=0.05)
>>> round(distance, 3), round(low, 4)
(0.1, 0.0064)
"""

from __future__ import annotations

import math

import numpy as np

from selfheal.observe.baseline import Counts


def ks_distance(baseline: Counts, window: Counts, alpha: float) -> tuple[float, float]:
    """The distance and its lower confidence bound, each from 0 to 1.

    Args:
        baseline, window: counts on the same bins; both must hold at least one value.
        alpha: chance that the bound exceeds the true distance (at the edges), from 0 to 1.

    Raises:
        ValueError: one of the two is empty; an empty window has no distance, it has no data.
    """
    n, m = int(baseline.sum()), int(window.sum())
    if n == 0 or m == 0:
        raise ValueError("a distance needs at least one value on each side")
    gaps = np.abs(np.cumsum(baseline) / n - np.cumsum(window) / m)
    distance = float(gaps.max())
    chance = math.sqrt(math.log(4 / alpha) / (2 * n)) + math.sqrt(math.log(4 / alpha) / (2 * m))
    return distance, max(0.0, distance - chance)
