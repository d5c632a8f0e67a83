"""What the classifier sees that margins do not show, and that it sees nothing where nothing is."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.metrics import roc_auc_score

from selfheal.observe.statistics.domain_classifier import _midrank, domain_classifier


def normal(seed, rows=2000, features=20):
    return np.random.default_rng(seed).normal(size=(rows, features))


def correlated(rows, first, second, correlation):
    rows[:, second] = correlation * rows[:, first] + np.sqrt(1 - correlation**2) * rows[:, second]
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_a_changed_correlation_is_found_and_named(seed):
    before, after = normal(seed), correlated(normal(100 + seed), 4, 11, 0.5)
    result = domain_classifier(before, after, alpha=0.001, seed=seed)
    assert result.p_value < 1e-6
    assert result.low > 0.5
    assert result.drivers[0].columns == (4, 11)
    assert result.drivers[0].share > 0.5
    # Every margin is as before.
    assert all(kstest(before[:, j], after[:, j]).pvalue > 1e-3 for j in (4, 11))


def test_units_outliers_and_monotone_maps_do_not_matter():
    before, after = normal(1), correlated(normal(2), 4, 11, 0.5)
    plain = domain_classifier(before, after, 0.01, seed=0)
    assert domain_classifier(np.exp(before), np.exp(after), 0.01, seed=0) == plain


def test_under_no_change_p_is_uniform():
    # Features that depend on one another, repeat and are missing; sides of unequal size.
    generator = np.random.default_rng(3)

    def rows(count):
        values = correlated(generator.normal(size=(count, 6)), 0, 1, 0.8)
        values[:, 2] = values[:, 2].round()
        values[generator.random(count) < 0.1, 3] = np.nan
        return values

    p = [domain_classifier(rows(150), rows(90), 0.05, seed).p_value for seed in range(300)]
    assert kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.04)


def test_the_low_bound_is_above_the_truth_no_more_often_than_it_may():
    # Under no change every discriminant's AUC on fresh rows is a half.
    above = [
        domain_classifier(normal(2 * s, 120, 4), normal(2 * s + 1, 120, 4), 0.1, s).low > 0.5
        for s in range(300)
    ]
    assert np.mean(above) < 0.1 + 3 * np.sqrt(0.09 / 300)


@pytest.mark.parametrize(
    ("change", "columns", "missing"),
    [
        (lambda rows: rows + 0.3 * np.eye(20)[6], (6,), False),
        (lambda rows: rows * (1 + 0.4 * np.eye(20)[6]), (6, 6), False),
        (lambda rows: np.where((np.arange(20) == 6) & (rows[:, :1] > 0.8), np.nan, rows), (6,), True),
    ],
    ids=["mean", "spread", "missing"],
)
def test_the_driver_says_what_changed(change, columns, missing):
    result = domain_classifier(normal(4), change(normal(5)), 0.01, seed=0)
    assert result.p_value < 1e-4
    assert (result.drivers[0].columns, result.drivers[0].missing) == (columns, missing)


def test_the_same_seed_gives_the_same_result():
    assert domain_classifier(normal(1), normal(2), 0.05, 7) == domain_classifier(
        normal(1), normal(2), 0.05, 7
    )


def test_its_auc_is_sklearns():
    generator = np.random.default_rng(6)
    low, high = np.sort(generator.normal(size=80).round(1)), generator.normal(0.5, size=50).round(1)
    labels = np.repeat([0, 1], [80, 50])
    assert _midrank(low, high).mean() == pytest.approx(roc_auc_score(labels, np.append(low, high)))


def test_constants_and_all_missing_tell_nothing_apart():
    rows = np.column_stack([np.full(100, 3.0), np.full(100, np.nan)])
    result = domain_classifier(rows, rows, 0.05, 0)
    assert (result.auc, result.p_value, result.low, result.drivers) == (0.5, 0.5, 0.5, ())


def test_a_feature_that_separates_the_sides_does_so_fully():
    before, after = np.zeros((50, 1)), np.ones((60, 1))
    assert domain_classifier(before, after, 0.05, 0).auc == 1.0


def test_infinities_are_extreme_values():
    before, after = normal(1, 100, 2), normal(2, 100, 2)
    before[0, 0], after[3, 1] = np.inf, -np.inf
    assert 0 <= domain_classifier(before, after, 0.05, 0).p_value <= 1


def test_fifty_features_take_half_a_second():
    before, after = normal(1, 2000, 50), normal(2, 2000, 50)
    start = time.perf_counter()
    domain_classifier(before, after, 0.05, 0)
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (np.zeros((50, 2)), np.zeros((50, 3)), "same features"),
        (np.zeros((50, 0)), np.zeros((50, 0)), "at least one feature"),
        (np.zeros((50, 2)), np.zeros((11, 2)), "11 rows; 12 are needed"),
        (np.zeros(50), np.zeros(50), "two tables"),
    ],
)
def test_tables_must_be_comparable(before, after, reason):
    with pytest.raises(ValueError, match=reason):
        domain_classifier(before, after, 0.05, 0)
