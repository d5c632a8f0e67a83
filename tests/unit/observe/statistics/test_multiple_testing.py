"""Adjusted p-values against SciPy's; NaN is never a finding."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from selfheal.observe.statistics.multiple_testing import benjamini_hochberg, bonferroni


@pytest.mark.parametrize("size", [1, 2, 50])
def test_benjamini_hochberg_is_scipys(size):
    p = np.random.default_rng(size).random(size) ** 3
    p[: size // 3] = p[0]
    tested = benjamini_hochberg(p, alpha=0.1)
    assert tested.adjusted == pytest.approx(false_discovery_control(p), abs=1e-15)
    assert np.array_equal(tested.rejected, false_discovery_control(p) <= 0.1)


def test_bonferroni_multiplies_by_the_number_of_tests():
    tested = bonferroni(np.array([0.01, 0.02, 0.9]), alpha=0.05)
    assert tested.adjusted == pytest.approx([0.03, 0.06, 1.0])
    assert tested.rejected.tolist() == [True, False, False]


@pytest.mark.parametrize("procedure", [bonferroni, benjamini_hochberg])
def test_a_test_that_was_not_made_is_neither_counted_nor_rejected(procedure):
    p = np.array([0.02, np.nan, 0.5, np.nan])
    tested, without = procedure(p, 0.05), procedure(p[[0, 2]], 0.05)
    assert tested.adjusted[[0, 2]] == pytest.approx(without.adjusted)
    assert np.isnan(tested.adjusted[[1, 3]]).all()
    assert tested.rejected.tolist() == [True, False, False, False]


@pytest.mark.parametrize("procedure", [bonferroni, benjamini_hochberg])
def test_without_tests_nothing_is_rejected(procedure):
    for p in (np.array([]), np.array([np.nan])):
        assert not procedure(p, 0.05).rejected.any()


@pytest.mark.parametrize("procedure", [bonferroni, benjamini_hochberg])
@pytest.mark.parametrize("bad", [[-0.1], [1.1], [np.inf], [[0.5]]])
def test_what_is_no_p_value_is_refused(procedure, bad):
    with pytest.raises(ValueError, match="p-values must be"):
        procedure(np.array(bad), 0.05)
