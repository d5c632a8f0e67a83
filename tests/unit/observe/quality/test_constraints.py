"""What training allows of each input."""

from __future__ import annotations

import numpy as np
import pytest

from selfheal.observe.profiles.layout import CATEGORIES, Categorical, Layout, Numeric, Role
from selfheal.observe.profiles.profile import Rows, profile
from selfheal.observe.quality.constraints import InferredType, constraints_of, inferred_type


def profile_of(feature, values):
    keys = [str(row) for row in range(len(values))]
    return profile(Layout(features=(feature,)), Rows(keys=keys, columns={feature.name: values}))


def constraint(values):
    values = np.asarray(values, dtype=float)
    return constraints_of(profile_of(Numeric.of("x", values), values))["x"]


@pytest.mark.parametrize(
    ("smallest", "expected"), [(0.0, True), (0.5, True), (-1e-9, False), (-5.0, False), (-5e-324, False)]
)
def test_one_negative_value_in_training_is_enough_to_allow_them(smallest, expected):
    assert constraint([smallest, *np.linspace(1, 2, 999)]).non_negative is expected


def test_completeness_is_the_share_that_was_there():
    assert constraint([1.0, np.nan, 2.0, np.nan]).completeness == 0.5


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.0, 2.0, -7.0, 1e12], InferredType.INTEGRAL),
        ([1.0, 2.5, 3.5], InferredType.FRACTIONAL),
        ([0.0, 0.5, 0.5, 4.0], InferredType.FRACTIONAL),  # a whole sum, but not of squares
        ([0.0, 0.25, 0.75, 4.0], InferredType.FRACTIONAL),
    ],
)
def test_numbers_are_integral_where_all_of_them_are(values, kind):
    assert constraint(values).inferred_type is kind


def test_text_is_text_even_of_numbers():
    feature = Categorical.of("c", {"1": 2, "2": 1})
    assert inferred_type(profile_of(feature, ["1", "2", "1"]), 0) is InferredType.STRING


def test_no_values_are_no_sign_of_anything():
    feature = Numeric.of("x", np.array([1.0]))
    found = constraints_of(profile_of(feature, np.array([np.nan])))["x"]
    assert (found.completeness, found.non_negative, found.inferred_type) == (
        0.0,
        False,
        InferredType.FRACTIONAL,
    )
    assert constraints_of(profile_of(feature, np.array([])))["x"].completeness == 0.0


def test_a_domain_is_that_of_a_column_that_can_be_listed():
    few = Categorical.of("c", {"a": 1, "b": 2})
    assert constraints_of(profile_of(few, ["a", "b", "b"]))["c"].domain == ("b", "a")
    many = Categorical.of("c", {str(value): 1 for value in range(CATEGORIES + 1)})
    assert constraints_of(profile_of(many, ["1"]))["c"].domain is None


def test_outputs_have_no_constraints():
    feature = Numeric.of("score", np.array([0.5]), Role.OUTPUT)
    assert constraints_of(profile_of(feature, np.array([0.5]))) == {}
