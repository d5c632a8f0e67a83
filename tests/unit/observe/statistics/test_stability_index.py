"""The index, its mean and spread under no change, its bound, and the groups it is taken over."""

from __future__ import annotations

import numpy as np
import pytest

from selfheal.observe.statistics.stability_index import (
    group_bins,
    psi_lower_bound,
    psi_threshold,
    stability_index,
)
from unit.observe.statistics.samples import count, quantile_cuts, with_far_cuts


def test_it_is_the_sum_over_the_bins_and_symmetric():
    before, after = np.array([500, 300, 200]), np.array([400, 500, 100])
    b, w = before / 1000, after / 1000
    assert stability_index(before, after) == pytest.approx(((w - b) * np.log(w / b)).sum(), abs=1e-15)
    assert stability_index(before, after) == pytest.approx(stability_index(after, before), abs=1e-15)


def test_an_empty_bin_counts_as_half_a_row():
    b, w = np.array([500, 500, 0.5]) / 1000.5, np.array([400, 400, 200]) / 1000
    value = stability_index(np.array([500, 500, 0]), np.array([400, 400, 200]))
    assert value == pytest.approx(((w - b) * np.log(w / b)).sum(), abs=1e-15)


def test_bins_that_nobody_visited_change_nothing():
    before, after = np.array([50, 0, 30]), np.array([40, 9, 30])
    padded = [np.concatenate([np.zeros(500, dtype=np.int64), side]) for side in (before, after)]
    assert stability_index(*padded) == stability_index(before, after)
    assert psi_lower_bound(*padded, 0.1) == psi_lower_bound(before, after, 0.1)


def test_under_no_change_its_mean_is_what_the_threshold_grows_by():
    generator, shares, n, m = np.random.default_rng(5), np.full(10, 0.1), 4000, 1000
    values = [
        stability_index(generator.multinomial(n, shares), generator.multinomial(m, shares))
        for _ in range(1000)
    ]
    assert np.mean(values) == pytest.approx(psi_threshold(0.0, 10, n, m), rel=0.05)
    assert psi_threshold(0.25, 10, n, m) == pytest.approx(0.25 + 9 * (1 / n + 1 / m))


@pytest.mark.parametrize(
    ("before", "after"),
    [([0.25] * 4, [0.4, 0.3, 0.2, 0.1]), ([0.1] * 10, [0.1] * 10), ([0.1] * 10, [0.11, 0.09] * 5)],
)
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_the_bound_exceeds_the_truth_no_more_often_than_it_may(before, after, alpha):
    b, w = np.array(before), np.array(after)
    truth = float(((w - b) * np.log(w / b)).sum())
    generator, rounds = np.random.default_rng(6), 600
    above = sum(
        psi_lower_bound(generator.multinomial(5000, b), generator.multinomial(2000, w), alpha) > truth
        for _ in range(rounds)
    )
    assert above <= rounds * alpha + 3 * np.sqrt(rounds * alpha)


def test_thousands_of_rare_categories_are_no_drift():
    generator, shares = np.random.default_rng(7), np.random.default_rng(0).dirichlet(np.full(5000, 0.3))
    bounds = [
        psi_lower_bound(generator.multinomial(20_000, shares), generator.multinomial(2000, shares), 0.05)
        for _ in range(40)
    ]
    assert sum(bound > 0 for bound in bounds) <= 4


def test_a_category_that_appears_in_force_is_certain():
    assert psi_lower_bound(np.array([9000, 1000, 0]), np.array([800, 100, 300]), 1e-6) > 0.25


def test_a_design_effect_weakens_the_bound():
    before, after = np.array([500, 500]), np.array([380, 620])
    full = psi_lower_bound(before, after, 0.05)
    assert psi_lower_bound(before, after, 0.05, n=1000, m=1000) == full
    assert psi_lower_bound(before, after, 0.05, n=500, m=500) < full


def test_groups_are_tenths_of_the_baseline():
    values = np.random.default_rng(7).normal(size=25_600)
    counts = count(quantile_cuts(values), values)
    before, after = group_bins(counts, counts)
    assert before.size == 10
    assert before.min() > 0.09 * values.size
    assert np.array_equal(before, after)


def test_values_beyond_the_baseline_s_range_are_groups_of_their_own():
    values = np.random.default_rng(8).uniform(size=2560)
    cuts = with_far_cuts(quantile_cuts(values))
    window = np.concatenate([values[:900], np.full(60, -3.0), np.full(30, 9.0), np.full(10, 4e5)])
    before, after = group_bins(count(cuts, values), count(cuts, window))
    assert before.size == 12
    assert (before[0], before[-1]) == (0, 0)
    assert (after[0], after[-1]) == (60, 40)


def test_one_heavy_value_keeps_a_group_of_its_own():
    values = np.concatenate([np.zeros(5000), np.linspace(1, 2, 5000)])
    cuts = quantile_cuts(values)
    before, after = group_bins(count(cuts, values), count(cuts, np.zeros(100)))
    assert before[0] == 5000
    assert after[0] == after.sum() == 100


@pytest.mark.parametrize("side", ["baseline", "window"])
def test_nothing_has_no_index(side):
    counts = {"baseline": np.array([1, 1]), "window": np.array([1, 1]), side: np.array([0, 0])}
    for statistic in (stability_index, group_bins):
        with pytest.raises(ValueError, match=f"{side} is empty: at least one value"):
            statistic(counts["baseline"], counts["window"])


def test_counts_must_be_comparable_counts():
    with pytest.raises(ValueError, match="count both on the same"):
        stability_index(np.array([1, 2]), np.array([1, 2, 3]))
    with pytest.raises(ValueError, match="negative count: -1"):
        stability_index(np.array([1, 2]), np.array([-1, 2]))
    with pytest.raises(ValueError, match="whole counts"):
        stability_index(np.array([1, 2]), np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="at least one bin"):
        psi_threshold(0.1, 0, 10, 10)
