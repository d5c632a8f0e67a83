r"""Sums of a column in fixed point, so that they add up the same in whatever order and however divided.

Floating-point sums depend on their order. Each value is rounded once, to a multiple of the feature's
`unit` (a power of two, at most $2^{-31}$ of the largest magnitude in training), and from there on everything is
integer arithmetic: $S_1 = \sum q_i$ and $S_2 = \sum q_i^2$ are exact, and sums of parts are the sums of the whole.

>>> import numpy as np
>>> values, unit = np.array([1.5, -2.25, 1e9]), unit_of(8.0)
>>> whole = fixed_point_sums(values, unit)
>>> parts = [fixed_point_sums(values[:1], unit), fixed_point_sums(values[1:], unit)]
>>> whole == (parts[0][0] + parts[1][0], parts[0][1] + parts[1][1])
True
>>> mean_and_deviation(2, *fixed_point_sums(np.array([1.0, 3.0]), unit), unit)
(2.0, 1.0)
"""

from __future__ import annotations

import math
import sys
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BITS = 32
# Sums of a block are exact in float64 (all terms are integers) as long as they stay below 2**53.
BLOCK = 1 << 14
_EXACT = float(1 << 53)
_HALF = 65536.0
_LARGEST = Fraction(sys.float_info.max)


def unit_of(magnitude: float) -> float:
    """The power of two that values of a feature are rounded to a multiple of.

    Args:
        magnitude: largest absolute value in training; 0 where all of them are 0.
    """
    if not math.isfinite(magnitude):
        raise ValueError(f"a magnitude must be a finite number, not {magnitude}")
    # Not below 2**-900: the unit's inverse must be a finite float.
    return math.ldexp(1.0, max(math.frexp(magnitude)[1] - BITS if magnitude else -BITS, -900))


def fixed_point_sums(values: Floats, unit: float) -> tuple[int, int]:
    """$(S_1, S_2)$ of finite values, in units and squared units."""
    first = second = 0
    for start in range(0, values.size, BLOCK):
        s1, s2 = _block(values[start : start + BLOCK], unit)
        first, second = first + s1, second + s2
    return first, second


def mean_and_deviation(count: int, first: int, second: int, unit: float) -> tuple[float, float]:
    """Mean and population standard deviation; raises ValueError for no values.

    The variance is a difference of large numbers; as whole numbers nothing of it cancels away.
    """
    if count < 1:
        raise ValueError("no values have no mean")
    spread = second * count - first * first
    # An integer root of the variance with 64 binary places more: it neither overflows nor vanishes.
    deviation = Fraction(math.isqrt(spread << 128), count << 64) * Fraction(unit)
    return _nearest(Fraction(first, count) * Fraction(unit)), _nearest(deviation)


def _nearest(number: Fraction) -> float:
    """As a float: a mean of the largest ones may be rounded to more than a float can hold."""
    return float(max(-_LARGEST, min(_LARGEST, number)))


def _block(values: Floats, unit: float) -> tuple[int, int]:
    with np.errstate(over="ignore"):
        q = np.rint(values * (1.0 / unit))
    largest = max(float(q.max()), -float(q.min()))
    if largest >= _EXACT:
        return _exactly(values, unit)
    high = np.floor(q * (1.0 / _HALF))
    low = q - high * _HALF
    if (largest / _HALF + 1.0) ** 2 * q.size >= _EXACT:
        whole = [int(each) for each in q]
        return sum(whole), sum(each * each for each in whole)
    first = int(high.sum()) * 65536 + int(low.sum())
    second = (int(high @ high) << 32) + (int(high @ low) << 17) + int(low @ low)
    return first, second


def _exactly(values: Floats, unit: float) -> tuple[int, int]:
    """Values so large that they are multiples of the unit anyway, and no float can count how many."""
    whole = [round(Fraction(value) / Fraction(unit)) for value in values.tolist()]
    return sum(whole), sum(each * each for each in whole)
