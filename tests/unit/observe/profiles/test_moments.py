"""Sums in fixed point: exact, and good to more digits than a float's own sum."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from selfheal.observe.profiles.moments import BLOCK, fixed_point_sums, mean_and_deviation, unit_of


def moments(values, unit=None):
    array = np.asarray(values, dtype=float)
    unit = unit or unit_of(float(np.abs(array).max()))
    return mean_and_deviation(array.size, *fixed_point_sums(array, unit), unit)


@pytest.mark.parametrize("magnitude", [1.0, 1.5, 4.0, 1e300, 3e-200, sys.float_info.max])
def test_a_unit_is_a_power_of_two_far_below_the_magnitude(magnitude):
    unit = unit_of(magnitude)
    assert math.frexp(unit)[0] == 0.5
    assert magnitude * 2.0**-32 < unit <= magnitude * 2.0**-31


@pytest.mark.parametrize("magnitude", [0.0, 5e-324, 1e-290])
def test_a_unit_of_next_to_nothing_still_has_an_inverse(magnitude):
    assert 0 < 1 / unit_of(magnitude) < math.inf


@pytest.mark.parametrize("magnitude", [math.nan, math.inf])
def test_a_unit_needs_a_number(magnitude):
    with pytest.raises(ValueError, match="finite number"):
        unit_of(magnitude)


def test_a_small_spread_on_a_large_mean_is_not_cancelled_away():
    values = 1e9 + np.random.default_rng(0).normal(size=3 * BLOCK + 5)
    mean, deviation = moments(values, unit=2.0**-20)
    assert mean == pytest.approx(float(values.mean()), abs=1e-6)
    assert deviation == pytest.approx(float(np.std(values - 1e9)), rel=1e-6)


@pytest.mark.parametrize("value", [0.0, -0.0, 7.25, -1e308, sys.float_info.max, 2.0**60])
def test_a_constant_has_no_deviation(value):
    assert moments([value] * 3) == (value if abs(value) < 1e308 else pytest.approx(value, rel=1e-9), 0.0)


def test_values_far_beyond_training_are_exact():
    unit = unit_of(1.0)
    mean, deviation = moments([1e300, -1e300, 3e300], unit)
    assert (mean, deviation) == (pytest.approx(1e300), pytest.approx(math.sqrt(8 / 3) * 1e300))


def test_values_far_below_the_unit_are_nought():
    assert moments([1e-300, 5e-324], unit_of(1.0)) == (0.0, 0.0)


def test_no_values_have_no_mean():
    with pytest.raises(ValueError, match="no values"):
        mean_and_deviation(0, 0, 0, 1.0)
