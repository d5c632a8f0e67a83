"""What must hold of economics, of the rails on money and flapping, and of the kill switch, whatever they are given."""

from __future__ import annotations

import json
import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import NOW, signal

from selfheal.aws.controls import kill_switch
from selfheal.observe.performance.metrics.names import KNOWN_METRICS, LOWER_IS_BETTER
from selfheal.observe.signals import SignalKind, Status
from selfheal.remediate.economics import certain_loss, weigh_retraining
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.rails import Action, Opening, Rails, recurrences, stopped_by
from selfheal.remediate.value_policy import ValuePolicy
from selfheal.verdict import Verdict

numbers = st.none() | st.floats(allow_nan=True, allow_infinity=True)
performances = st.builds(
    signal,
    kind=st.just(SignalKind.PERFORMANCE),
    status=st.sampled_from(Status),
    statistic=st.sampled_from(KNOWN_METRICS),
    value=numbers,
    low=numbers,
    threshold=numbers,
)
rates = st.none() | st.floats(0, 1e12)
stated = st.builds(
    ValuePolicy,
    per_prediction_usd=st.floats(1e-9, 1e6),
    horizon_days=st.integers(1, 365),
    training_usd=st.floats(0, 1e6),
    rollout_usd=st.floats(0, 1e6),
)


@given(st.lists(performances, max_size=1), rates, stated, st.floats(0.1, 1000))
def test_a_retraining_passes_only_with_every_number_known_and_more_lost_than_paid(
    signals, rate, policy, worse_percent
):
    found = weigh_retraining(signals, rate, policy, worse_percent=worse_percent)
    passes = found.stop() is None
    assert passes is (found.lost_usd is not None and found.lost_usd > found.cost_usd)
    assert (found.verdict is Verdict.INCONCLUSIVE) is (found.lost_usd is None)
    json.dumps(found.to_json(), allow_nan=False)


@given(st.sampled_from(KNOWN_METRICS), st.floats(0.01, 10), st.floats(0.001, 10), st.floats(0.1, 99))
def test_the_loss_is_the_distance_to_the_promise(metric, promise, drop, worse_percent):
    worse = 1 if metric in LOWER_IS_BETTER else -1
    threshold = promise * (1 + worse * worse_percent / 100)
    judged = signal(
        SignalKind.PERFORMANCE, statistic=metric, value=0.0, low=promise + worse * drop, threshold=threshold
    )
    assert certain_loss(judged, worse_percent) == pytest.approx(drop, rel=1e-6, abs=1e-9)


@given(st.lists(st.integers(0, 60 * 24 * 60), max_size=8), st.floats(0, 1000), st.floats(0, 10_000))
def test_no_month_of_retrainings_costs_more_than_the_cap(minutes_ago, price, cap):
    rails = Rails(
        money_usd_per_30_days=cap, retrain_cooldown_minutes=0, retrains_per_day=99, retrains_per_30_days=99
    )
    history = [
        Action(remedy=Remedy.RETRAIN, incident=f"i{n}", at=NOW - timedelta(minutes=ago), succeeded=True)
        for n, ago in enumerate(minutes_ago)
    ]
    month = sum(1 for ago in minutes_ago if ago < 30 * 24 * 60)
    stopped = stopped_by(Remedy.RETRAIN, rails, history, NOW, price) is not None
    assert stopped is (month * price + price > cap)


openings = st.builds(
    Opening,
    incident=st.sampled_from("abcd"),
    at=st.integers(0, 60 * 48).map(lambda minutes: NOW - timedelta(minutes=minutes)),
    kind=st.sampled_from([SignalKind.LATENCY, SignalKind.ERRORS]),
    subject=st.sampled_from(["x", "y"]),
)


@given(openings, st.lists(openings, max_size=12), st.randoms())
def test_recurrences_depend_on_neither_order_nor_repetition(opening, others, random):
    count = recurrences(opening, others, NOW)
    shuffled = [*others, *others]
    random.shuffle(shuffled)
    assert recurrences(opening, shuffled, NOW) == count
    assert 1 <= count <= len({each.incident for each in others} | {opening.incident})


@given(st.text(max_size=40) | st.recursive(st.none() | st.text(), st.lists, max_leaves=3).map(json.dumps))
def test_no_text_but_off_sets_healing_free(text):
    assert (kill_switch(text, NOW) is None) is (text == "off")


@given(st.text(min_size=1), st.text(min_size=1), st.timedeltas(timedelta(days=-99), timedelta(days=99)))
def test_a_switch_is_off_only_once_its_time_is_over(who, why, left):
    text = json.dumps({"who": who, "why": why, "until": (NOW + left).isoformat()})
    off = kill_switch(text, NOW) is None
    assert off is (left <= timedelta(0) and bool(who.strip()) and bool(why.strip()))


def test_nan_is_never_a_loss():
    judged = signal(SignalKind.PERFORMANCE, statistic="log_loss", low=math.nan, threshold=math.nan)
    assert certain_loss(judged, 15) is None
