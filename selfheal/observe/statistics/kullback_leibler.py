r"""Kullback-Leibler divergence of a window from its baseline, in nats.

$$ KL(w \| b) = \sum_i w_i \ln(w_i / b_i) $$

The information lost, per row, when the baseline is taken for the window; 0 where they agree, unbounded
above, not symmetric. A bin that one side never visited counts there as half a row; a bin that neither
visited is left out (see `shares`).

Source: S. Kullback, R. Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22
(1951).

>>> import numpy as np
>>> round(kullback_leibler(np.array([500, 500]), np.array([400, 600])), 6)
0.020136
"""

from __future__ import annotations

import numpy as np

from selfheal.observe.statistics.shares import Counts, floored_shares


def kullback_leibler(baseline: Counts, window: Counts) -> float:
    """The divergence in nats, from counts on the same bins.

    Raises:
        ValueError: the sides are on different bins, or one is empty.
    """
    before, after = floored_shares(baseline, window)
    # Rounding can leave a sum of about -1e-17 where the sides agree.
    return max(0.0, float((after * np.log(after / before)).sum()))
