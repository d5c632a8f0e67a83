"""Bins: where values fall, what the bins are made from, and which layouts are one."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from selfheal.observe.profiles.layout import (
    BINS,
    CATEGORIES,
    OUTER,
    BaselineError,
    Categorical,
    Layout,
    Numeric,
    Role,
)

LARGEST = sys.float_info.max


def inner(feature, values):
    return feature.count(np.sort(np.asarray(values, dtype=float)))[feature.inner]


def test_a_bin_ends_at_its_cut():
    feature = Numeric(name="x", cuts=np.array([0.0, 1.0, 2.0]), unit=1.0)
    # (-inf, 0], (0, 1], (1, 2], (2, inf)
    assert feature.count(np.array([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0])).tolist() == [2, 2, 2, 1]


def test_distinct_values_make_bins_of_equal_share():
    values = np.random.default_rng(0).permutation(np.arange(BINS * 10, dtype=float))
    assert inner(Numeric.of("x", values), values).tolist() == [10] * BINS


def test_no_bin_that_spans_several_numbers_holds_more_than_its_share():
    # A value of one and a half bins, with a continuum below it: it fills no second quantile.
    values = np.concatenate((np.linspace(0, 1, 2410), np.full(150, 0.5)))
    feature = Numeric.of("x", values)
    counts = feature.count(np.sort(values))
    spans = np.nextafter(feature.cuts[:-1], np.inf) < feature.cuts[1:]
    assert counts[1:-1][spans].max() <= values.size / BINS
    assert 150 <= counts[1:-1][~spans].max() <= 151


@pytest.mark.parametrize("value", [0.0, -0.0, 7.0, -1e300, 5e-324, LARGEST])
def test_a_constant_has_one_bin_to_itself(value):
    feature = Numeric.of("x", np.full(100, value))
    neighbours = [math.nextafter(value, -math.inf), math.nextafter(value, math.inf)]
    assert inner(feature, [value]).tolist() == [1]
    assert inner(feature, [each for each in neighbours if math.isfinite(each)]).tolist() == [0]


def test_the_smallest_of_all_floats_has_a_bin_too():
    feature = Numeric.of("x", np.array([-LARGEST, 0.0]))
    assert np.isfinite(feature.cuts).all()
    assert feature.count(np.array([-LARGEST, 0.0])).sum() == 2


def test_far_values_keep_their_place_on_either_side():
    feature = Numeric.of("x", np.linspace(0, 1, 1000))
    places = [int(np.flatnonzero(feature.count(np.array([x])))[0]) for x in (-2.0, -1.1, 0.5, 1.5, 3.0, 30.0)]
    assert places == sorted(set(places))
    assert places[0] < OUTER < places[2] < feature.size - OUTER < places[3]


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf, math.nan]])
def test_a_column_without_a_number_makes_no_bins(values):
    with pytest.raises(BaselineError, match="x: no finite value"):
        Numeric.of("x", np.array(values, dtype=float))


def test_what_is_not_finite_makes_no_bins():
    values = np.arange(50.0)
    dirty = np.concatenate((values, [math.nan, math.inf, -math.inf]))
    assert np.array_equal(Numeric.of("x", dirty).cuts, Numeric.of("x", values).cuts)


def test_categories_are_in_order_of_frequency_then_name():
    assert Categorical.of("c", {"b": 2, "a": 2, "z": 9}).categories == ("z", "a", "b")


def test_a_column_without_a_value_makes_no_categories():
    with pytest.raises(BaselineError, match="c: no value"):
        Categorical.of("c", {})


@pytest.mark.parametrize(("kinds", "is_open"), [(CATEGORIES, False), (CATEGORIES + 1, True), (10**5, True)])
def test_no_more_categories_are_kept_than_the_cap(kinds, is_open):
    feature = Categorical.of("c", {str(kind): 1 for kind in range(kinds)})
    assert (feature.size, feature.is_open) == (CATEGORIES + 1, is_open)


FEATURES = (Numeric.of("x", np.arange(9.0)), Categorical.of("c", {"a": 1, "b": 2}))
LAYOUT = Layout(features=FEATURES)


@pytest.mark.parametrize(
    "other",
    [
        FEATURES[::-1],
        FEATURES[:1],
        (replace(FEATURES[0], name="y"), FEATURES[1]),
        (replace(FEATURES[0], cuts=np.nextafter(FEATURES[0].cuts, np.inf)), FEATURES[1]),
        (replace(FEATURES[0], unit=1.0), FEATURES[1]),
        (replace(FEATURES[0], role=Role.OUTPUT), FEATURES[1]),
        (FEATURES[0], replace(FEATURES[1], categories=("a", "b"))),
        (FEATURES[0], replace(FEATURES[1], is_open=True)),
    ],
)
def test_layouts_that_differ_in_anything_have_different_digests(other):
    assert Layout(features=other).digest != LAYOUT.digest


def test_a_layout_survives_json_to_the_bit():
    again = Layout.from_json(json.loads(json.dumps(LAYOUT.to_json())))
    assert again.digest == LAYOUT.digest
    assert np.array_equal(again.features[0].cuts, FEATURES[0].cuts)
    assert again.features[1] == FEATURES[1]


def test_bins_of_features_lie_one_after_the_other():
    assert LAYOUT.bins(0) == slice(0, FEATURES[0].size)
    assert LAYOUT.bins(1) == slice(FEATURES[0].size, LAYOUT.size)


def test_a_layout_has_features_of_different_names():
    with pytest.raises(BaselineError, match="at least one"):
        Layout(features=())
    with pytest.raises(BaselineError, match="two features have one name: x"):
        Layout(features=(FEATURES[0], FEATURES[0]))


def test_a_negative_zero_is_zero_in_whatever_order_they_come():
    one, other = (
        Layout(features=(Numeric.of("x", np.array(values)),)) for values in ([0.0, -0.0], [-0.0, 0.0])
    )
    assert one.digest == other.digest
