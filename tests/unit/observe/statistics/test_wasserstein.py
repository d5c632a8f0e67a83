"""The distance from raw values against SciPy's, and from counts against the values behind them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance as scipys

from selfheal.observe.statistics.wasserstein import (
    normalized,
    wasserstein_distance,
    wasserstein_from_counts,
)
from unit.observe.statistics.samples import count, quantile_cuts, with_far_cuts


@pytest.mark.parametrize(("n", "m"), [(1, 1), (5, 3), (1000, 700)])
@pytest.mark.parametrize("decimals", [0, 12])
def test_from_raw_values_it_is_scipys(n, m, decimals):
    generator = np.random.default_rng(n)
    x, y = generator.normal(size=n).round(decimals), generator.exponential(size=m).round(decimals)
    assert wasserstein_distance(x, y) == pytest.approx(scipys(x, y), abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.3, 5.0])
def test_from_counts_it_is_close_to_the_exact_one(shift):
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=20_000), generator.normal(shift, 1.2, size=3000)
    cuts = with_far_cuts(quantile_cuts(x))
    value = wasserstein_from_counts(count(cuts, x), count(cuts, y), cuts)
    assert value == pytest.approx(scipys(x, y), abs=0.02, rel=0.01)


def test_from_counts_it_is_that_of_evenly_spread_values():
    # Sides that lead each other in turn, so that the functions cross within a bin.
    cuts = np.array([0.0, 1.0, 3.0, 4.0])
    before, after = np.array([0, 30, 10, 60, 0]), np.array([0, 10, 70, 20, 0])

    def spread(counts):
        edges = zip(cuts[:-1], cuts[1:], counts[1:-1], strict=True)
        return np.concatenate(
            [low + (high - low) * (np.arange(k * 200) + 0.5) / (k * 200) for low, high, k in edges]
        )

    exact = scipys(spread(before), spread(after))
    assert wasserstein_from_counts(before, after, cuts) == pytest.approx(exact, rel=1e-5)


def test_unbounded_bins_lie_at_their_cut():
    assert wasserstein_from_counts(np.array([4, 0, 0]), np.array([0, 0, 4]), np.array([1.0, 3.5])) == 2.5


@pytest.mark.parametrize(
    ("cuts", "reason"),
    [
        ([1.0], "there are counts of 3"),
        ([1.0, 1.0], "ascending"),
        ([1.0, np.inf], "finite"),
        ([2.0, 1.0], "asc"),
    ],
)
def test_cuts_must_fit(cuts, reason):
    with pytest.raises(ValueError, match=reason):
        wasserstein_from_counts(np.array([1, 1, 1]), np.array([1, 1, 1]), np.array(cuts))


@pytest.mark.parametrize("bad", [[], [np.nan], [np.inf]])
def test_only_finite_values_have_a_distance(bad):
    with pytest.raises(ValueError, match="at least one finite value"):
        wasserstein_distance(np.array([1.0]), np.array(bad))


def test_a_span_beyond_floats_is_refused():
    with pytest.raises(ValueError, match="farther than a float"):
        wasserstein_distance(np.array([-1.7e308]), np.array([1.7e308]))
    with pytest.raises(ValueError, match="finite"):
        wasserstein_from_counts(np.array([1, 1, 1]), np.array([1, 1, 1]), np.array([-1.7e308, 1.7e308]))


def test_without_deviation_any_distance_is_infinite_and_none_is_none():
    assert normalized(3.0, 1.5) == 2.0
    assert normalized(3.0, 0.0) == np.inf
    assert normalized(0.0, 0.0) == 0.0
    with pytest.raises(ValueError, match="no normalized distance"):
        normalized(float("nan"), 1.0)
