"""The distance against SciPy's, its bound against chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from selfheal.observe.baseline import NumericBins
from selfheal.observe.kolmogorov_smirnov import ks_distance


def test_equal_counts_have_no_distance():
    counts = np.array([0, 10, 20, 0])
    assert ks_distance(counts, counts, alpha=0.05) == (0.0, 0.0)


def test_disjoint_samples_are_as_far_as_can_be():
    distance, low = ks_distance(np.array([0, 10_000, 0]), np.array([0, 0, 10_000]), alpha=0.05)
    assert distance == 1.0
    assert 0.95 < low < 1.0


def test_on_distinct_values_it_is_within_one_bin_of_scipy():
    generator = np.random.default_rng(3)
    for shift in (0.0, 0.1, 1.0):
        reference, window = generator.normal(size=20_000), generator.normal(shift, size=2_000)
        bins = NumericBins.of(reference)
        distance, _ = ks_distance(bins.count(reference), bins.count(window), alpha=0.05)
        exact = ks_2samp(reference, window).statistic
        assert distance <= exact + 1e-12
        assert distance >= exact - 1 / 256 - 1 / reference.size


def test_the_bound_rises_with_the_sample_and_falls_with_the_confidence():
    reference, few, many = (
        np.array([0, 5000, 5000, 0]),
        np.array([0, 100, 900, 0]),
        np.array([0, 1000, 9000, 0]),
    )
    assert ks_distance(reference, few, 0.05)[1] < ks_distance(reference, many, 0.05)[1]
    assert ks_distance(reference, many, 0.001)[1] < ks_distance(reference, many, 0.05)[1]


def test_the_bound_exceeds_the_truth_no_more_often_than_it_may():
    # The truth: 0.5 against 0.6 below the middle edge, so the distance there is 0.1.
    generator = np.random.default_rng(4)
    above = 0
    for _ in range(400):
        reference, window = generator.binomial(2000, 0.5), generator.binomial(1000, 0.6)
        _, low = ks_distance(
            np.array([0, reference, 2000 - reference, 0]), np.array([0, window, 1000 - window, 0]), alpha=0.05
        )
        above += low > 0.1
    assert above <= 0.05 * 400


@pytest.mark.parametrize("empty", ["baseline", "window"])
def test_nothing_has_no_distance(empty):
    counts = {"baseline": np.array([0, 5, 0]), "window": np.array([0, 5, 0]), empty: np.zeros(3, dtype=int)}
    with pytest.raises(ValueError, match="at least one value"):
        ks_distance(counts["baseline"], counts["window"], alpha=0.05)
