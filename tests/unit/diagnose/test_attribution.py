"""Attribution: the drift of a feature counts as far as the model relies on it."""

from __future__ import annotations

import math

import pytest

from selfheal.diagnose.attribution import sentences, shares
from selfheal.observe.signals import SignalKind, Status
from unit.samples import signal


def moved(name, low, threshold=0.1, statistic="ks", value=None):
    return signal(
        SignalKind.DATA_DRIFT,
        Status.BREACH,
        name,
        statistic,
        low=low,
        value=low if value is None else value,
        threshold=threshold,
    )


def told(signals, importance):
    return [(each.feature, round(each.share, 6)) for each in shares(signals, importance)]


def test_importance_decides_between_features_that_moved_alike():
    both = [moved("little", 0.2), moved("much", 0.2)]
    assert told(both, {"little": 0.1, "much": 0.3}) == [("much", 0.75), ("little", 0.25)]


def test_drift_decides_between_features_that_matter_alike():
    both = [moved("near", 0.2), moved("far", 0.6)]
    assert told(both, {"near": 0.5, "far": 0.5}) == [("far", 0.75), ("near", 0.25)]


def test_distances_of_two_scales_are_held_against_their_own_tolerances():
    both = [moved("number", 0.2), moved("category", 0.5, threshold=0.25, statistic="psi")]
    assert told(both, None) == [("category", 0.5), ("number", 0.5)]


def test_what_may_be_chance_explains_nothing():
    assert told([moved("noisy", 0.11, value=0.9), moved("sure", 0.33, value=0.34)], None) == [
        ("sure", 0.75),
        ("noisy", 0.25),
    ]


def test_a_feature_that_the_model_does_not_use_explains_nothing():
    both = [moved("unused", 0.9), moved("used", 0.2)]
    assert told(both, {"used": 0.4}) == [("used", 1.0), ("unused", 0.0)]
    assert not any("unused" in line for line in sentences(both, {"used": 0.4}))


def test_a_plain_rule_has_a_distance_and_no_bound():
    plain = signal(SignalKind.DATA_DRIFT, Status.BREACH, "x", "psi", value=0.5, threshold=0.25)
    assert shares([plain], None)[0].tolerances == 2


@pytest.mark.parametrize(
    ("statistic", "low", "threshold"),
    [
        ("p_value", 0.001, 0.05),
        ("ks", math.nan, 0.1),
        ("ks", 0.2, math.nan),
        ("ks", 0.2, 0.0),
        ("ks", None, 0.1),
        ("ks", 0.2, None),
    ],
)
def test_what_cannot_be_weighed_is_named(statistic, low, threshold):
    odd = signal(SignalKind.DATA_DRIFT, Status.BREACH, "odd", statistic, low=low, threshold=threshold)
    assert [each.feature for each in shares([odd, moved("x", 0.2)], None)] == ["x"]
    assert "how far beyond its tolerance is not known of odd" in sentences([odd, moved("x", 0.2)], None)


def test_what_people_read():
    both = [moved("temp_f", 0.23), moved("hour", 0.2)]
    assert sentences(both, {"temp_f": 0.31, "hour": 0.05}) == (
        "temp_f explains 88 % of the drift: it moved at least 2.3 times its tolerance, and 31 % of the model's "
        "gain comes from it",
        "hour explains 12 % of the drift: it moved at least 2.0 times its tolerance, and 5 % of the model's "
        "gain comes from it",
    )


def test_without_importances_the_order_is_of_drift_alone_and_says_so():
    assert sentences([moved("a", 0.2), moved("b", 0.6)], None) == (
        "b explains 75 % of the drift: it moved at least 6.0 times its tolerance",
        "a explains 25 % of the drift: it moved at least 2.0 times its tolerance",
        "what the model relies on is not known: features are ordered by their drift alone",
    )


def test_a_model_that_uses_none_of_them_is_told():
    assert sentences([moved("x", 0.2)], {"other": 1.0}) == ("the model uses none of the features that moved",)


def test_five_features_are_told_and_the_rest_counted():
    many = [moved(f"f{number}", 0.2) for number in range(8)]
    said = sentences(many, {f"f{number}": 1 / 8 for number in range(8)})
    assert len(said) == 6
    assert said[-1] == "3 more features explain the remaining 38 %"
