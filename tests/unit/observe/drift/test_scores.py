"""Scores of a feature's bins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, rankdata, skew

from selfheal.observe.drift.scores import Scores
from selfheal.observe.profiles.layout import Categorical, Layout, Numeric
from selfheal.observe.profiles.profile import Rows, empty, profile


def scored(column, categories=None):
    feature = Categorical.of("f", categories) if categories else Numeric.of("f", column)
    layout = Layout(features=(feature,))
    rows = [name for name, count in categories.items() for _ in range(count)] if categories else column
    found = profile(layout, Rows(keys=[str(key) for key in range(len(rows))], columns={"f": rows}))
    return found, Scores.of(found)


COLUMNS = [
    np.random.default_rng(0).normal(size=4000),
    np.random.default_rng(1).poisson(2, size=4000).astype(float),
]


@pytest.mark.parametrize("column", [*COLUMNS, np.array([1.0, 2.0, 3.0])])
def test_over_the_training_data_they_have_mean_0_and_variance_1(column):
    found, scores = scored(column)
    share = found.of(0) / found.rows
    assert share @ scores.weights[0] == pytest.approx(0, abs=1e-12)
    assert share @ scores.weights[0] ** 2 == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("column", COLUMNS)
def test_of_spread_what_a_shift_of_location_explains_is_taken_off(column):
    found, scores = scored(column)
    for shift in (-0.1, -0.05, 0.05, 0.1):
        tilted = found.of(0) * np.exp(shift * scores.weights[0][:, 0])
        level, spread = scores.means(replace(found, counts=np.rint(1e12 * tilted / tilted.sum())))
        assert abs(spread) < abs(shift) ** 2
        assert level == pytest.approx(shift, rel=0.15)


def test_spread_is_the_same_at_every_time_of_the_day():
    """Hours of a strong daily season, which differ in their level alone."""
    hour = norm.ppf((np.arange(500) + 0.5) / 500)
    levels = np.sin(2 * np.pi * np.arange(24) / 24)
    found, scores = scored((hour + levels[:, None]).ravel())
    windows = [profile(found.layout, Rows(keys=[""] * 500, columns={"f": hour + each})) for each in levels]
    locations, spreads = np.array([scores.means(window) for window in windows]).T
    assert np.ptp(locations) > 1.5
    assert np.ptp(spreads) < 0.06


@pytest.mark.parametrize("column", COLUMNS)
def test_small_windows_of_the_training_data_have_mean_0_on_average(column):
    found, scores = scored(column)
    drawn = np.random.default_rng(6).multinomial(8, found.of(0) / found.rows, size=4000)
    means = np.array([scores.means(replace(found, counts=counts)) for counts in drawn])
    # In standard deviations of such a window; five standard errors would be 0.08.
    assert np.abs(means.mean(axis=0) / means.std(axis=0)).max() < 0.1


def test_spread_is_nearly_normal_in_small_windows():
    found, scores = scored(COLUMNS[0])
    drawn = np.random.default_rng(7).multinomial(8, found.of(0) / found.rows, size=20_000)
    spreads = np.array([scores.means(replace(found, counts=counts))[1] for counts in drawn])
    assert abs(skew(spreads)) < 0.1
    assert spreads.std() == pytest.approx(1 / np.sqrt(8), rel=0.1)


def test_a_doubled_variance_is_nearly_all_seen():
    column = norm.ppf((np.arange(4000) + 0.5) / 4000)
    found, scores = scored(column)
    wide = profile(found.layout, Rows(keys=[""] * 4000, columns={"f": column * np.sqrt(2)}))
    level, spread = scores.means(wide)
    assert level == pytest.approx(0, abs=0.01)
    # Of normal rows: the distance from the mean has variance 1 - 2/pi, its expectation squared is 2/pi.
    unbounded = (2 ** (1 / 3) - 1) / (2 / 3 * np.sqrt(np.pi / 2 - 1))
    assert 0.9 * unbounded < spread < unbounded


def test_of_a_single_value_the_spread_is_no_surprise():
    found, scores = scored(COLUMNS[0])
    one = profile(found.layout, Rows(keys=["a"], columns={"f": [1.5]}))
    level, spread = scores.means(one)
    assert level > 1
    assert spread == 0


def test_few_values_are_described_by_their_location():
    rng = np.random.default_rng(8)
    assert scored(rng.integers(4, size=1000).astype(float))[1].owner.tolist() == [0]
    assert scored(rng.integers(5, size=1000).astype(float))[1].owner.tolist() == [0, 0]


def test_location_is_the_normal_score_of_the_rank():
    column = np.random.default_rng(2).lognormal(size=2560)
    found, scores = scored(column)
    # Ranks by scipy, of the middles of bins of ten values each.
    u = (np.floor((rankdata(column) - 1) / 10) * 10 + 5.5) / 2561
    place = np.searchsorted(found.layout.features[0].cuts, column)
    raw = norm.ppf(u)
    assert scores.weights[0][place, 0] == pytest.approx((raw - raw.mean()) / raw.std(), abs=1e-9)


def test_they_do_not_know_units():
    column = np.random.default_rng(3).normal(size=3000)
    for other in (column * 1.8 + 32, np.exp(column)):
        assert np.allclose(scored(column)[1].weights[0][128:-128], scored(other)[1].weights[0][128:-128])


def test_far_values_weigh_no_more_than_the_ends_of_training():
    _, scores = scored(np.random.default_rng(4).normal(size=1000))
    assert np.isfinite(scores.weights[0]).all()
    assert np.abs(scores.weights[0]).max() < 4


@pytest.mark.parametrize("column", [np.full(50, 7.0), np.array([7.0])])
def test_a_constant_has_none(column):
    found, scores = scored(column)
    assert scores.weights[0].shape == (found.layout.features[0].size, 0)
    assert scores.means(found).shape == scores.owner.shape == (0,)


def test_common_categories_have_one_each_and_rare_ones_one_together():
    _, scores = scored(None, {"a": 500, "b": 400, **{f"rare {n}": 10 for n in range(10)}})
    weights = scores.weights[0]
    assert weights.shape == (13, 3)
    # Each tells its own bins from all others; unseen ones are among the rare.
    assert [len(np.unique(column.round(9))) for column in weights.T] == [2, 2, 2]
    assert np.unique(weights[2:, 2].round(9)).size == 1


def test_of_two_categories_one_says_it_all():
    assert scored(None, {"yes": 30, "no": 70})[1].weights[0].shape == (3, 1)


def test_a_category_that_is_nearly_everything_has_none():
    assert scored(None, {"usual": 999, "odd": 1})[1].weights[0].shape[1] == 0


def test_a_window_without_a_value_has_no_mean():
    found, scores = scored(np.arange(100.0))
    assert np.isnan(scores.means(empty(found.layout))).tolist() == [True, True]
    assert Scores.of(empty(found.layout)).owner.size == 0


def test_each_score_knows_its_feature():
    rng = np.random.default_rng(5)
    features = (
        Numeric.of("x", rng.normal(size=99)),
        Numeric.of("k", np.ones(9)),
        Categorical.of("c", {"a": 1, "b": 1, "d": 1}),
    )
    blank = empty(Layout(features=features))
    sizes = [f.size for f in features]
    counts = np.concatenate([np.full(size, 3) for size in sizes])
    counts[sizes[0] : sizes[0] + sizes[1]] = 0
    found = Scores.of(replace(blank, counts=counts))
    assert found.owner.tolist() == [0, 0, 2, 2, 2, 2]
    # The spread of x has its location beside it; a share stands for itself.
    assert found.level.tolist() == [0, 0, 2, 3, 4, 5]
    assert [spread is not None for spread in found.spreads] == [True, False, False]


def test_a_features_shares_add_up_and_location_has_the_larger_one():
    layout = Layout(
        features=(
            Numeric.of("x", np.random.default_rng(1).normal(size=5000)),
            Categorical.of("c", {"a": 50, "b": 30, "d": 20}),
            Numeric.of("constant", np.zeros(100)),
        )
    )
    columns = {
        "x": np.random.default_rng(1).normal(size=100),
        "c": ["a"] * 50 + ["b"] * 30 + ["d"] * 20,
        "constant": np.zeros(100),
    }
    scores = Scores.of(profile(layout, Rows(keys=[str(key) for key in range(100)], columns=columns)))
    assert np.bincount(scores.owner, weights=scores.share, minlength=3) == pytest.approx([1, 1, 0])
    assert scores.share[0] > scores.share[1] > 0
    assert np.ptp(scores.share[scores.owner == 1]) == 0
