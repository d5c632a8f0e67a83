r"""L-infinity distance as Deequ, the engine of SageMaker Model Monitor, takes it.

- of a numeric feature: $\max_x |F_b(x) - F_w(x)|$, the Kolmogorov-Smirnov distance
- of a categorical feature: $\max_i |b_i - w_i|$ over the categories' shares

`Simple` is the distance as it is. `Robust` takes from it what two samples of such sizes may differ by,
$\max(0, L - 1.8 \sqrt{(n + m) / (nm)})$. Model Monitor flags a feature whose distance exceeds
`comparison_threshold` (0.1).

Sources: awslabs/deequ, `Distance.scala`; SageMaker developer guide, "Schema for Constraints"
(`comparison_method`, `categorical_drift_method`).

>>> import numpy as np
>>> before, after = np.array([500, 300, 200]), np.array([400, 300, 300])
>>> round(l_infinity_numeric(before, after, "Simple"), 4), round(l_infinity_numeric(before, after, "Robust"), 4)
(0.1, 0.0195)
>>> round(l_infinity_categorical(before, after, "Simple"), 4)
0.1
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from selfheal.observe.statistics.kolmogorov_smirnov import ks_distance
from selfheal.observe.statistics.shares import Counts, sizes

Method = Literal["Simple", "Robust"]

CHANCE = 1.8
"""Deequ's allowance for chance, in units of the root of (n + m) / (nm)."""


def l_infinity_numeric(baseline: Counts, window: Counts, method: Method) -> float:
    """Largest gap of the distribution functions, from counts on the same ordered bins; 0 to 1.

    Raises:
        ValueError: the sides are on different bins, one is empty, or the method is unknown.
    """
    return _corrected(ks_distance(baseline, window), baseline, window, method)


def l_infinity_categorical(baseline: Counts, window: Counts, method: Method) -> float:
    """Largest gap of a category's share, from counts of the same categories in the same order; 0 to 1.

    Raises:
        ValueError: as `l_infinity_numeric`.
    """
    n, m = sizes(baseline, window)
    return _corrected(float(np.abs(baseline / n - window / m).max()), baseline, window, method)


def _corrected(distance: float, baseline: Counts, window: Counts, method: Method) -> float:
    if method == "Simple":
        return distance
    if method == "Robust":
        n, m = sizes(baseline, window)
        return max(0.0, distance - CHANCE * math.sqrt((n + m) / (n * m)))
    raise ValueError(f"comparison_method must be Simple or Robust, not {method!r}")
