r"""Chi-square test of homogeneity: do a baseline and a window share their categories' proportions?

$$ \chi^2 = \sum_{s} \sum_i \frac{(O_{si} - E_{si})^2}{E_{si}}, \qquad
   E_{si} = \text{rows}_s \cdot \text{share of } i \text{ in both sides together} $$

with one degree of freedom fewer than there are categories; no continuity correction. Categories that expect
fewer than five rows on the smaller side are put together first, since the approximation fails for them.

The effect beside it is Cramér's V, $\sqrt{\chi^2 / (n + m)}$ for two sides: 0 for equal proportions, 1 where
the sides share no category. Unlike p it does not grow with the sample, but it does depend on how unequal
the sides are in size.

Sources: W. Cochran, "Some methods for strengthening the common chi-square tests", Biometrics 10 (1954);
H. Cramér, "Mathematical Methods of Statistics" (1946).

>>> import numpy as np
>>> test = chi_square(np.array([500, 500]), np.array([400, 600]))
>>> round(test.statistic, 4), test.degrees, round(test.p_value, 8), round(test.cramers_v, 4)
(20.202, 1, 6.97e-06, 0.1005)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import chdtrc

from selfheal.observe.statistics.shares import Counts, pool_sparse


@dataclass(frozen=True, kw_only=True)
class ChiSquare:
    """Attributes:
    statistic: chi-square over the categories that were left after pooling.
    degrees: of freedom; 0 where one category is left, which agrees with itself.
    p_value: chance of so large a statistic under equal proportions; 1 with no degree of freedom.
    cramers_v: effect size from 0 to 1.
    """

    statistic: float
    degrees: int
    p_value: float
    cramers_v: float


def chi_square(baseline: Counts, window: Counts) -> ChiSquare:
    """The test on counts of the same categories in the same order.

    Raises:
        ValueError: the sides are on different categories, or one is empty.
    """
    before, after = pool_sparse(baseline, window)
    n, m = int(before.sum()), int(after.sum())
    both = before + after
    # Both sides' terms of one category have the same numerator, (O - E) of one being -(O - E) of the other.
    gap = after - both * (m / (n + m))
    statistic = float((gap**2 / both).sum()) * (n + m) ** 2 / (n * m)
    degrees = both.size - 1
    if degrees == 0:
        return ChiSquare(statistic=0.0, degrees=0, p_value=1.0, cramers_v=0.0)
    return ChiSquare(
        statistic=statistic,
        degrees=degrees,
        p_value=float(chdtrc(degrees, statistic)),
        cramers_v=min(1.0, math.sqrt(statistic / (n + m))),
    )
