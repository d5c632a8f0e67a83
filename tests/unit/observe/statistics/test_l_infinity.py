"""Deequ's distances by hand."""

from __future__ import annotations

import numpy as np
import pytest

from selfheal.observe.statistics.l_infinity import l_infinity_categorical, l_infinity_numeric

BEFORE, AFTER = np.array([50, 30, 20]), np.array([20, 30, 50])


def test_numeric_is_the_gap_of_the_cumulative_shares_and_categorical_that_of_the_shares():
    before, after = np.array([50, 30, 20]), np.array([30, 20, 50])
    assert l_infinity_numeric(before, after, "Simple") == pytest.approx(0.3)
    assert l_infinity_categorical(before, after, "Simple") == pytest.approx(0.3)
    before, after = np.array([40, 40, 20]), np.array([20, 20, 60])
    assert l_infinity_numeric(before, after, "Simple") == pytest.approx(0.4)
    assert l_infinity_categorical(before, after, "Simple") == pytest.approx(0.4)
    before, after = np.array([50, 0, 0, 50]), np.array([0, 50, 50, 0])
    assert l_infinity_numeric(before, after, "Simple") == pytest.approx(0.5)


@pytest.mark.parametrize("distance", [l_infinity_numeric, l_infinity_categorical])
def test_robust_takes_off_what_small_samples_may_differ_by(distance):
    assert distance(BEFORE, AFTER, "Robust") == pytest.approx(0.3 - 1.8 * np.sqrt(200 / 10_000))
    few = BEFORE // 10, AFTER // 10
    assert distance(*few, "Simple") == pytest.approx(0.3)
    assert distance(*few, "Robust") == 0.0


@pytest.mark.parametrize("distance", [l_infinity_numeric, l_infinity_categorical])
def test_an_unknown_method_is_refused(distance):
    with pytest.raises(ValueError, match="must be Simple or Robust, not 'robust'"):
        distance(BEFORE, AFTER, "robust")
