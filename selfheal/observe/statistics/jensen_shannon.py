r"""Jensen-Shannon divergence and distance between a baseline and a window, base 2.

$$ JS(b, w) = \tfrac12 \sum_i b_i \log_2 \frac{b_i}{m_i} + \tfrac12 \sum_i w_i \log_2 \frac{w_i}{m_i},
   \qquad m = (b + w) / 2 $$

Base 2 keeps the divergence (in bits) and its square root, the distance, between 0 (equal) and 1 (nothing in
common). An empty bin adds its limit, so no floor is needed. The distance is a metric.

Sources: J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory
37 (1991); D. Endres, J. Schindelin, "A new metric for probability distributions", ibid. 49 (2003).

>>> import numpy as np
>>> round(jensen_shannon_distance(np.array([500, 500]), np.array([400, 600])), 6)
0.085435
>>> jensen_shannon_divergence(np.array([10, 0]), np.array([0, 10]))
1.0
"""

from __future__ import annotations

import math

from scipy.special import rel_entr

from selfheal.observe.statistics.shares import Counts, sizes


def jensen_shannon_divergence(baseline: Counts, window: Counts) -> float:
    """The divergence in bits, from 0 to 1, from counts on the same bins.

    Raises:
        ValueError: the sides are on different bins, or one is empty.
    """
    n, m = sizes(baseline, window)
    before, after = baseline / n, window / m
    middle = (before + after) / 2
    nats = float(rel_entr(before, middle).sum() + rel_entr(after, middle).sum()) / 2
    return min(1.0, max(0.0, nats / math.log(2)))


def jensen_shannon_distance(baseline: Counts, window: Counts) -> float:
    """The square root of the divergence, from 0 to 1.

    Raises:
        ValueError: the sides are on different bins, or one is empty.
    """
    return math.sqrt(jensen_shannon_divergence(baseline, window))
