"""The e-detector: how often it cries wolf, how soon it sees, and what it does with nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.observe.drift.e_detector import add, by_feature, moved, nothing, ratios

FEATURES, SCORES = 20, 40
OWNER = np.repeat(np.arange(FEATURES), 2)


def months(count, looks, limit, rng, shift=0.0, since=0):
    """The first look at which anything moved in each of `count` months, `looks` where nothing did."""
    evidence = nothing(count * SCORES)
    owner = np.repeat(np.arange(count * FEATURES), 2)
    first = np.full(count, looks)
    for look in range(looks):
        z = rng.normal(size=(count, SCORES))
        if look >= since:
            z[:, 0] += shift
        evidence = add(evidence, ratios(z.ravel()))
        found = by_feature(evidence, owner, np.full(owner.size, 0.5), count * FEATURES).reshape(
            count, FEATURES
        )
        alarmed = np.array([moved(each, limit).any() for each in found])
        first = np.where(alarmed & (first == looks), look, first)
    return first


def test_false_alarms_come_no_more_often_than_stated():
    # 40 looks within which one month in five may alarm: 1,500 of them give the rate to a per cent.
    looks, share, count = 40, 0.2, 1500
    first = months(count, looks, looks / share, np.random.default_rng(1))
    rate = (first < looks).mean()
    assert rate <= share + 3 * np.sqrt(share * (1 - share) / count)
    # It is no bound that nothing comes near: a detector that never speaks would pass as well.
    assert rate > share / 10


def test_at_the_limit_of_a_month_they_are_rare():
    first = months(60, 720, 720 / 0.02, np.random.default_rng(2))
    assert (first < 720).sum() <= 4


@pytest.mark.parametrize(("shift", "delay"), [(1.0, 32), (2.0, 9), (4.0, 3), (8.0, 1)])
def test_a_shift_is_seen_the_sooner_the_larger_it_is(shift, delay):
    for sign in (1, -1):
        first = months(40, 30 + 2 * delay, 720 / 0.02, np.random.default_rng(3), sign * shift, since=30)
        assert np.median(first) - 29 <= delay


def test_without_a_look_evidence_stays_as_it_is():
    before = add(nothing(3), ratios(np.array([1.0, 2.0, 3.0])))
    after = add(before, ratios(np.array([np.nan, 0.5, np.nan])))
    assert np.array_equal(after[[0, 2]], before[[0, 2]])
    assert not np.array_equal(after[1], before[1])


@given(st.lists(st.floats(), min_size=1, max_size=300))
def test_evidence_is_always_a_number(stream):
    evidence = nothing(1)
    for z in stream:
        evidence = add(evidence, ratios(np.array([z])))
        assert np.isfinite(evidence).all()
        assert (evidence >= 0).all()


def test_however_long_it_lasted_evidence_fades_in_days():
    evidence = nothing(1)
    for _ in range(10_000):
        evidence = add(evidence, ratios(np.array([9.0])))
    looks = 0
    while by_feature(evidence, np.array([0]), np.ones(1), 1)[0] > 36_000:
        evidence, looks = add(evidence, ratios(np.array([0.0]))), looks + 1
    assert looks < 96


def e_benjamini_hochberg(evidence, limit):
    """The k features of the largest evidence, for the largest k at which the k-th is at least F / k times the limit."""
    order = sorted(range(len(evidence)), key=lambda place: -evidence[place])
    best = 0
    for k in range(1, len(evidence) + 1):
        if evidence[order[k - 1]] * k >= limit * len(evidence):
            best = k
    return sorted(order[:best])


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True), st.floats(1, 50))
def test_which_features_moved_is_benjamini_and_hochbergs_rule_of_evidence(evidence, limit):
    found = moved(np.array(evidence, dtype=float), limit)
    assert np.flatnonzero(found).tolist() == e_benjamini_hochberg(evidence, limit)


def test_no_feature_is_none_that_moved():
    assert moved(np.empty(0), 10.0).tolist() == []
    assert by_feature(nothing(0), np.empty(0, dtype=np.intp), np.empty(0), 3).tolist() == [0, 0, 0]


def test_the_evidence_of_a_feature_is_the_average_of_its_scores():
    one = add(nothing(1), ratios(np.array([3.0])))
    pair = add(nothing(2), ratios(np.array([3.0, np.nan])))
    alone = by_feature(one, np.array([0]), np.ones(1), 1)
    both = by_feature(pair, np.array([0, 0]), np.array([0.75, 0.25]), 2)
    assert both.tolist() == [0.75 * alone[0], 0.0]
