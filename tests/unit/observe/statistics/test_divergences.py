"""Kullback-Leibler and Jensen-Shannon against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from selfheal.observe.statistics.jensen_shannon import jensen_shannon_distance, jensen_shannon_divergence
from selfheal.observe.statistics.kullback_leibler import kullback_leibler


@pytest.fixture(params=range(5))
def sides(request):
    generator = np.random.default_rng(request.param)
    return generator.integers(1, 500, size=30), generator.integers(1, 90, size=30)


def test_on_positive_shares_they_are_scipys(sides):
    before, after = sides
    assert kullback_leibler(before, after) == pytest.approx(entropy(after, before), abs=1e-13)
    assert jensen_shannon_distance(before, after) == pytest.approx(
        jensenshannon(before, after, base=2), abs=1e-13
    )
    assert jensen_shannon_divergence(before, after) == pytest.approx(
        jensenshannon(before, after, base=2) ** 2, abs=1e-13
    )


def test_an_empty_bin_of_the_baseline_counts_as_half_a_row():
    value = kullback_leibler(np.array([100, 0]), np.array([50, 50]))
    assert value == pytest.approx(entropy([50, 50], [100, 0.5]), abs=1e-13)


def test_nothing_in_common_is_distance_one_and_a_finite_divergence():
    before, after = np.array([10, 0]), np.array([0, 10])
    assert jensen_shannon_distance(before, after) == 1.0
    assert np.isfinite(kullback_leibler(before, after))


@pytest.mark.parametrize("statistic", [kullback_leibler, jensen_shannon_distance])
def test_nothing_has_no_divergence(statistic):
    with pytest.raises(ValueError, match="window is empty"):
        statistic(np.array([1, 2]), np.array([0, 0]))
