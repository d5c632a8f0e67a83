r"""Several tests at once: p-values adjusted for how many there are.

- Bonferroni: $\tilde p_i = \min(1, k p_i)$. Chance of any false rejection at most alpha, whatever the
  dependence.
- Benjamini-Hochberg: $\tilde p_{(i)} = \min_{j \ge i} \min(1, k p_{(j)} / j)$ over the ordered p-values.
  Expected share of false ones among the rejected at most alpha, for independent or positively dependent
  tests.

A test that could not be made has p = NaN: it is not counted in k, its adjusted value is NaN, and it is never
rejected.

Source: Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", Journal of the Royal Statistical
Society B 57 (1995).

>>> import numpy as np
>>> p = np.array([0.01, 0.02, np.nan, 0.9])
>>> benjamini_hochberg(p, alpha=0.05).rejected.tolist()
[True, True, False, False]
>>> bonferroni(p, alpha=0.05).adjusted.round(2).tolist()
[0.03, 0.06, nan, 1.0]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.statistics.shares import check_alpha


@dataclass(frozen=True, kw_only=True)
class Tested:
    """Attributes, in the order of the p-values given:
    adjusted: the smallest alpha at which each would be rejected; NaN where there was no test.
    rejected: whether the adjusted value is at most alpha.
    """

    adjusted: NDArray[np.float64]
    rejected: NDArray[np.bool_]


def bonferroni(p_values: NDArray[np.float64], alpha: float) -> Tested:
    """Control of any false rejection at all.

    Raises:
        ValueError: alpha not between 0 and 1, or a p-value that is neither NaN nor in [0, 1].
    """
    tested = _tested(p_values, alpha)
    return _judge(np.minimum(1.0, p_values * tested.sum()), alpha)


def benjamini_hochberg(p_values: NDArray[np.float64], alpha: float) -> Tested:
    """Control of the share of false rejections.

    Raises:
        ValueError: as `bonferroni`.
    """
    tested = _tested(p_values, alpha)
    known = p_values[tested]
    order = np.argsort(known)
    steps = known[order] * known.size / np.arange(1, known.size + 1)
    # No larger p-value may end up more significant than a smaller one: take minima from the top down.
    steps = np.minimum.accumulate(steps[::-1])[::-1]
    ordered = np.empty_like(known)
    ordered[order] = np.minimum(1.0, steps)
    adjusted = np.full(p_values.shape, np.nan)
    adjusted[tested] = ordered
    return _judge(adjusted, alpha)


def _tested(p_values: NDArray[np.float64], alpha: float) -> NDArray[np.bool_]:
    check_alpha(alpha)
    tested = ~np.isnan(p_values)
    wrong = p_values[tested & ~((p_values >= 0) & (p_values <= 1))]
    if p_values.ndim != 1 or wrong.size:
        raise ValueError(f"p-values must be a row of numbers from 0 to 1, or NaN: {wrong[:3].tolist()}")
    return np.asarray(tested)


def _judge(adjusted: NDArray[np.float64], alpha: float) -> Tested:
    # A comparison with NaN is false, which is what a test that was not made must be.
    return Tested(adjusted=adjusted, rejected=adjusted <= alpha)
