"""The statistic and its p-values against SciPy's; what counts can say about them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.special import smirnov
from scipy.stats import ks_2samp, kstwo

from selfheal.observe.statistics.kolmogorov_distribution import kolmogorov_survival
from selfheal.observe.statistics.kolmogorov_smirnov import (
    ks_distance,
    ks_p_value,
    ks_resolution,
    ks_two_sample,
)
from unit.observe.statistics.samples import count, quantile_cuts


@pytest.mark.parametrize(("n", "m"), [(1, 3), (1, 7), (3, 2), (20, 33), (60, 90), (100, 100), (500, 333)])
@pytest.mark.parametrize("decimals", [1, 12])
@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0])
def test_it_is_scipys_with_and_without_ties(n, m, decimals, shift):
    generator = np.random.default_rng(n + m)
    x, y = generator.normal(size=n).round(decimals), generator.normal(shift, size=m).round(decimals)
    for method, name in (("exact", "exact"), ("asymptotic", "asymp")):
        ours, theirs = ks_two_sample(x, y, method), ks_2samp(x, y, method=name)
        assert ours.statistic == pytest.approx(theirs.statistic, abs=1e-12)
        assert ours.p_value == pytest.approx(theirs.pvalue, abs=1e-9, rel=1e-9)
        assert ours.method == method


def test_small_exact_p_values_keep_their_digits():
    x, y = np.arange(60.0), np.arange(90.0) + 1000
    ours = ks_two_sample(x, y, "exact")
    assert ours.statistic == 1.0
    assert ours.p_value == pytest.approx(ks_2samp(x, y, method="exact").pvalue, rel=1e-9)
    assert 0 < ours.p_value < 1e-40


def test_two_thousand_a_side_is_exact_and_quick():
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=2000), generator.normal(0.08, size=2000)
    start = time.perf_counter()
    ours = ks_two_sample(x, y)
    assert time.perf_counter() - start < 0.5
    assert ours.method == "exact"
    assert ours.p_value == pytest.approx(ks_2samp(x, y, method="exact").pvalue, abs=1e-9)


def test_large_samples_are_judged_asymptotically_unless_asked():
    x, y = np.arange(20_000.0), np.arange(500.0)
    assert ks_two_sample(x, y).method == "asymptotic"


def test_a_sorted_baseline_is_taken_as_it_is_and_a_false_claim_found():
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=5000), generator.normal(size=700)
    assert ks_two_sample(np.sort(x), y, x_is_sorted=True) == ks_two_sample(x, y)
    with pytest.raises(ValueError, match="ascending"):
        ks_two_sample(x, y, x_is_sorted=True)
    for bad in ([np.nan], [1.0, np.nan]):
        with pytest.raises(ValueError, match="NaN"):
            ks_two_sample(np.array(bad), y, x_is_sorted=True)


@pytest.mark.parametrize("bad", [[], [np.nan], [1.0, np.nan], [[1.0]]])
def test_nothing_or_nan_has_no_distance(bad):
    with pytest.raises(ValueError, match="y must be a row of at least one value"):
        ks_two_sample(np.array([1.0]), np.array(bad))


def test_infinities_are_values():
    x, y = np.array([-np.inf, 0.0, np.inf]), np.array([0.0, np.inf, np.inf])
    assert ks_two_sample(x, y).statistic == pytest.approx(1 / 3)


@pytest.mark.parametrize("size", [1, 2, 5, 50, 140, 141, 500, 601, 5000, 20_000])
def test_the_distribution_is_scipys(size):
    for distance in np.clip(np.linspace(0.01, 4, 40) / np.sqrt(size), 0, 1):
        truth = kstwo.sf(distance, size)
        assert kolmogorov_survival(float(distance), size) == pytest.approx(
            truth, abs=1e-10 if size <= 140 else 1e-6
        )


@pytest.mark.parametrize("size", [2001, 5000, 50_000])
def test_the_far_tail_keeps_its_digits(size):
    for z in (1.5, 2.0, 3.0, 6.0):
        distance = z / np.sqrt(size)
        assert kolmogorov_survival(distance, size) == pytest.approx(2 * smirnov(size, distance), rel=0.004)


def test_a_large_sample_is_judged_at_once():
    start = time.perf_counter()
    for z in (0.3, 1.0, 1.6, 3.0):
        ks_p_value(z / np.sqrt(500_000), 1e6, 1e6)
    assert time.perf_counter() - start < 0.05


@pytest.mark.parametrize(("distance", "size"), [(-0.1, 5), (1.1, 5), (float("nan"), 5), (0.5, 0)])
def test_no_distribution_outside_its_range(distance, size):
    with pytest.raises(ValueError, match="no distribution"):
        kolmogorov_survival(distance, size)


@pytest.mark.parametrize("n", [256, 1000, 20_000])
def test_from_counts_it_is_short_of_the_exact_one_by_a_bin_at_most(n):
    generator = np.random.default_rng(n)
    reference = generator.lognormal(size=n)
    cuts = quantile_cuts(reference)
    before = count(cuts, reference)
    assert ks_resolution(before, cuts) == pytest.approx(np.ceil(n / 256) / n, abs=1e-15)
    for window in (generator.lognormal(0.1, size=2000), generator.uniform(0, 9, 700), reference[:50] + 1e-9):
        exact = ks_2samp(reference, window).statistic
        low = ks_distance(before, count(cuts, window))
        assert low - 1e-12 <= exact <= low + ks_resolution(before, cuts) + 1e-12


def test_the_whole_resolution_can_be_missed():
    # All of the baseline at the top of a bin, all of the window below it in the same bin.
    cuts = np.array([0.0, 1.0])
    before, after = count(cuts, np.full(10, 1.0)), count(cuts, np.full(10, 0.5))
    assert ks_distance(before, after) == 0.0
    assert ks_resolution(before, cuts) == 1.0


def test_repeated_values_in_bins_of_their_own_cost_no_resolution():
    generator = np.random.default_rng(4)
    reference = generator.poisson(3, size=25_600).astype(float)
    cuts = quantile_cuts(reference, single_points=True)
    before = count(cuts, reference)
    assert ks_resolution(before, cuts) <= 1 / 256
    window = generator.normal(3, 2, size=1000)
    exact = ks_2samp(reference, window).statistic
    assert ks_distance(before, count(cuts, window)) == pytest.approx(exact, abs=1 / 256)


def test_a_p_value_from_counts_errs_on_the_quiet_side():
    generator = np.random.default_rng(5)
    reference, window = generator.normal(size=20_000), generator.normal(0.05, size=2000)
    cuts = quantile_cuts(reference)
    p = ks_p_value(ks_distance(count(cuts, reference), count(cuts, window)), 20_000, 2000)
    exact = ks_2samp(reference, window, method="asymp").pvalue
    assert exact <= p < 3 * exact + 0.05


def test_effective_sizes_make_the_same_distance_less_surprising():
    assert ks_p_value(0.05, 20_000, 2000) < ks_p_value(0.05, 20_000 / 3, 2000 / 3)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_a_size_must_be_a_size(size):
    with pytest.raises(ValueError, match="the window's sample size"):
        ks_p_value(0.1, 10.0, size)
