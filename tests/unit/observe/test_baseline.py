"""Bins, columns and profiles: what counts where, and what is missing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from selfheal.observe.baseline import Baseline, BaselineError, Column, Feature, NumericBins, Sample, merge
from unit.samples import baseline


def test_values_fall_into_the_bin_that_ends_at_them():
    bins = NumericBins(np.array([0.0, 1.0, 2.0]))
    counts = bins.count(np.array([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0]))
    # (-inf, 0], (0, 1], (1, 2], (2, inf)
    assert counts.tolist() == [2, 2, 2, 1]


def test_the_training_data_lie_between_the_outer_bins():
    values = np.random.default_rng(0).normal(size=3000)
    counts = NumericBins.of(values).count(values)
    assert counts[0] == 0
    assert counts[-1] == 0
    assert counts.sum() == values.size


def test_bins_of_distinct_values_are_of_equal_share():
    values = np.random.default_rng(0).permutation(np.arange(256 * 10, dtype=float))
    assert set(NumericBins.of(values).count(values)[1:-1].tolist()) == {10}


def test_a_value_beyond_training_is_counted_as_beyond():
    bins = NumericBins.of(np.array([1.0, 2.0, 3.0]))
    assert bins.count(np.array([0.999, 3.001])).tolist()[0] == 1
    assert bins.count(np.array([0.999, 3.001])).tolist()[-1] == 1


def test_constants_make_one_bin():
    bins = NumericBins.of(np.full(100, 7.0))
    assert len(bins.edges) == 2
    assert bins.count(np.array([6.9, 7.0, 7.1])).tolist() == [1, 1, 1]


def test_one_row_makes_one_bin():
    assert NumericBins.of(np.array([3.0])).count(np.array([3.0])).tolist() == [0, 1, 0]


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [np.inf, -np.inf, np.nan]])
def test_no_finite_value_makes_no_bins(values):
    with pytest.raises(BaselineError, match="no finite value"):
        NumericBins.of(np.array(values, dtype=float))


def test_nan_and_infinities_are_missing_numbers():
    feature = Feature("x", NumericBins.of(np.arange(10.0)))
    column = feature.count(np.array([1.0, np.nan, np.inf, -np.inf, 2.0]))
    assert (column.present, column.missing, column.rows) == (2, 3, 5)


def test_none_is_a_missing_category_and_unseen_ones_are_kept():
    column = Feature("c", None).count(["a", None, "new", "a"])
    assert column.counts == {"a": 2, "new": 1}
    assert (column.present, column.missing) == (3, 1)


def test_no_rows_are_no_rows():
    numeric, categorical = Feature("x", NumericBins.of(np.arange(10.0))), Feature("c", None)
    assert numeric.count(np.array([])).rows == 0
    assert categorical.count([]).rows == 0
    assert Sample().profile([numeric, categorical])["x"].rows == 0


def test_a_feature_without_a_column_is_all_missing():
    features = baseline().features
    profile = Sample(columns={"x": np.arange(3.0)}).profile(features)
    assert profile["c"] == Column({}, 3)
    assert profile["x"].present == 3


def test_columns_on_other_bins_are_not_merged():
    with pytest.raises(BaselineError, match="3 and 4"):
        Column(np.zeros(3, dtype=np.int64), 0) + Column(np.zeros(4, dtype=np.int64), 0)


def test_numbers_and_categories_are_not_merged():
    with pytest.raises(BaselineError, match="numeric and a categorical"):
        Column(np.zeros(3, dtype=np.int64), 0) + Column({}, 0)


def test_no_profiles_merge_to_nothing():
    assert merge([]) == {}


def test_a_baseline_survives_json():
    before = baseline()
    after = Baseline.from_json(json.loads(json.dumps(before.to_json())))
    assert after.names == ("x", "c")
    assert after.metrics == before.metrics
    assert after.window == before.window
    assert np.array_equal(after.features[0].bins.edges, before.features[0].bins.edges)
    assert np.array_equal(after.profile["x"].counts, before.profile["x"].counts)
    assert after.profile["c"] == before.profile["c"]


def test_edges_survive_json_to_the_bit():
    values = np.array([-0.1, 0.1 + 0.2, 1e-300, 1e300])
    bins = NumericBins.of(values)
    features = (Feature("x", bins),)
    before = Baseline(
        features=features, profile={"x": features[0].count(values)}, metrics={}, window=("a", "b")
    )
    after = Baseline.from_json(json.loads(json.dumps(before.to_json())))
    assert after.features[0].bins.count(values).tolist() == bins.count(values).tolist()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"version": 2}, "version 2"),
        ({"features": None}, "not a baseline"),
        ({"features": [{"name": "x"}]}, "edges"),
        ({"window": ["2013-01-01"]}, "not a baseline"),
        ({"metrics": 3}, "not a baseline"),
    ],
)
def test_what_is_no_baseline_is_refused(broken, message):
    with pytest.raises(BaselineError, match=message):
        Baseline.from_json({**baseline().to_json(), **broken})


@pytest.mark.parametrize("body", [{}, [], "baseline", None, 3])
def test_what_is_no_object_is_refused(body):
    with pytest.raises(BaselineError, match="not a baseline"):
        Baseline.from_json(body)
