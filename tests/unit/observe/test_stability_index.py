"""The index, its bias under no change, and the groups it is taken over."""

from __future__ import annotations

import numpy as np
import pytest

from selfheal.observe.baseline import NumericBins
from selfheal.observe.stability_index import align_categories, group_bins, stability_index


def test_it_is_the_sum_over_the_bins():
    value, _ = stability_index(np.array([500, 500]), np.array([400, 600]), z=0.0)
    by_hand = (0.4 - 0.5) * np.log(0.4 / 0.5) + (0.6 - 0.5) * np.log(0.6 / 0.5)
    assert value == pytest.approx(by_hand, abs=1e-15)


def test_it_is_symmetric():
    left, right = np.array([300, 200, 500]), np.array([100, 400, 500])
    assert stability_index(left, right, z=0.0)[0] == pytest.approx(stability_index(right, left, z=0.0)[0])


def test_what_nobody_visited_counts_but_not_infinitely():
    value, _ = stability_index(np.array([500, 500, 0]), np.array([400, 400, 200]), z=1.64)
    before, after = (
        np.array([500, 500, 0.5]) / 1000.5,
        np.array([0.4, 0.4, 0.2]),
    )  # shares, half a row among them
    assert value == pytest.approx(((after - before) * np.log(after / before)).sum(), abs=1e-15)


def test_under_no_change_its_mean_is_the_bias_that_is_taken_off():
    generator = np.random.default_rng(5)
    shares, n, m, k = np.full(10, 0.1), 4000, 1000, 10
    values = [
        stability_index(generator.multinomial(n, shares), generator.multinomial(m, shares), z=0.0)[0]
        for _ in range(2000)
    ]
    assert np.mean(values) == pytest.approx((k - 1) * (1 / n + 1 / m), rel=0.05)


def test_the_bound_exceeds_the_truth_no_more_often_than_it_may():
    generator = np.random.default_rng(6)
    before, after = np.array([0.25, 0.25, 0.25, 0.25]), np.array([0.4, 0.3, 0.2, 0.1])
    truth = float(((after - before) * np.log(after / before)).sum())
    above = sum(
        stability_index(generator.multinomial(5000, before), generator.multinomial(2000, after), z=1.645)[1]
        > truth
        for _ in range(1000)
    )
    # A normal approximation: allow the simulation's own error and a little for the approximation's.
    assert above <= 0.075 * 1000


def test_the_bound_is_never_below_zero():
    assert stability_index(np.array([10, 10]), np.array([10, 10]), z=3.0) == (0.0, 0.0)


@pytest.mark.parametrize("side", [0, 1])
def test_nothing_has_no_index(side):
    counts = [np.array([1, 1]), np.array([1, 1])]
    counts[side] = np.array([0, 0])
    with pytest.raises(ValueError, match="at least one value"):
        stability_index(counts[0], counts[1], z=1.0)


def test_bins_are_put_together_in_tenths_of_the_baseline():
    values = np.random.default_rng(7).normal(size=25_600)
    counts = NumericBins.of(values).count(values)
    reference, window = group_bins(counts, counts)
    assert len(reference) == 10
    assert reference.sum() == values.size
    assert np.array_equal(reference, window)
    assert reference.min() > 0.09 * values.size


def test_one_heavy_value_keeps_a_group_of_its_own():
    values = np.concatenate([np.zeros(5000), np.linspace(1, 2, 5000)])
    bins = NumericBins.of(values)
    reference, window = group_bins(bins.count(values), bins.count(np.zeros(100)))
    assert reference[0] == 5000
    assert window[0] == 100
    assert window[1:].sum() == 0


def test_categories_are_aligned_over_both_sides():
    reference, window = align_categories({"b": 2, "a": 1}, {"c": 3, "a": 4})
    assert reference.tolist() == [1, 2, 0]
    assert window.tolist() == [4, 0, 3]
