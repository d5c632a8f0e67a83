"""Retraining pays or is not done."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from selfheal.bounds import PolicyError
from selfheal.observe.performance.metrics.names import DEFAULT_METRIC, Task
from selfheal.observe.performance.outcomes import join
from selfheal.observe.performance.realized import Realized, performance_signal
from selfheal.observe.policy import PerformancePolicy
from selfheal.observe.signals import SignalKind, Status
from selfheal.remediate.economics import Economics, certain_loss, weigh_retraining
from selfheal.remediate.value_policy import ValuePolicy
from selfheal.verdict import Verdict
from unit.samples import NOW, outcomes, predictions, signal

# 0.1 of log loss at 1,000 predictions a day and 0.02 USD each: 2 USD a day.
POLICY = ValuePolicy(per_prediction_usd=0.02, horizon_days=30, training_usd=40, rollout_usd=15)
DAILY = 1000.0


def performance(low=0.6, threshold=0.575, status=Status.BREACH, metric="log_loss", **more):
    return signal(
        SignalKind.PERFORMANCE, status, metric, metric, value=0.7, low=low, threshold=threshold, **more
    )


def weigh(*signals, daily=DAILY, policy=POLICY, worse_percent=15):
    return weigh_retraining(signals, daily, policy, worse_percent=worse_percent)


def test_a_retraining_that_pays_has_its_numbers():
    found = weigh(performance())
    assert (found.verdict, found.stop()) == (Verdict.PASS, None)
    assert found.loss == pytest.approx(0.1)
    assert found.lost_usd == pytest.approx(0.1 * 0.02 * 1000 * 30)
    assert (found.metric, found.predictions_per_day, found.cost_usd) == ("log_loss", DAILY, 55)
    assert "pays: log_loss is worse by 0.1 for certain" in found.reason
    assert "loses 60.00 USD in 30 d; training and rollout cost 55.00 USD" in found.reason


def test_one_that_does_not_says_so():
    found = weigh(performance(), daily=900)
    assert found.verdict is Verdict.FAIL
    assert found.stop() == found.reason
    assert "does not pay" in found.reason
    assert "loses 54.00 USD" in found.reason


def test_what_costs_as_much_as_it_saves_does_not_pay():
    exact = ValuePolicy(per_prediction_usd=0.5, horizon_days=1, training_usd=64, rollout_usd=0)
    even = performance(low=0.25, threshold=0.25)
    assert weigh(even, daily=512, policy=exact, worse_percent=100).lost_usd == 32
    assert weigh(even, daily=1024, policy=exact, worse_percent=100).verdict is Verdict.FAIL
    assert weigh(even, daily=1025, policy=exact, worse_percent=100).verdict is Verdict.PASS


def test_a_loss_that_is_not_certain_is_none():
    found = weigh(performance(low=0.45, status=Status.OK))
    assert (found.loss, found.lost_usd, found.verdict) == (0, 0, Verdict.FAIL)


def test_a_horizon_twice_as_long_loses_twice_as_much():
    longer = ValuePolicy(per_prediction_usd=0.02, horizon_days=60)
    assert weigh(performance(), policy=longer).lost_usd == pytest.approx(2 * 60)


@pytest.mark.parametrize(
    ("signals", "daily", "why"),
    [
        ([], DAILY, "no performance within a day"),
        ([signal(SignalKind.DATA_DRIFT)], DAILY, "no performance within a day"),
        ([performance(None, None, Status.NO_DATA, reason="labels stopped")], DAILY, "labels stopped"),
        ([performance(low=math.nan)], DAILY, "does not follow"),
        ([performance(threshold=math.inf)], DAILY, "does not follow"),
        ([performance(metric="happiness")], DAILY, "does not follow from the limit of happiness"),
        ([performance()], None, "counted no traffic"),
    ],
)
def test_what_is_not_known_never_pays(signals, daily, why):
    found = weigh(*signals, daily=daily)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.lost_usd is None
    assert found.stop().startswith("whether a retraining pays is not known: ")
    assert why in found.reason


@pytest.mark.parametrize("usd", [None, 0])
def test_without_a_value_nothing_is_stopped_and_that_is_said(usd):
    found = weigh(policy=ValuePolicy(per_prediction_usd=usd, training_usd=9), daily=None)
    assert (found.verdict, found.stop(), found.cost_usd) == (Verdict.PASS, None, 9)
    assert "per_prediction_usd is not stated" in found.reason


@pytest.mark.parametrize("daily", [-1, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(daily):
    with pytest.raises(ValueError, match="predictions_per_day = "):
        weigh(performance(), daily=daily)


def test_a_retraining_that_costs_nothing_pays_for_any_loss():
    free = ValuePolicy(per_prediction_usd=1e-6)
    assert weigh(performance(), policy=free).verdict is Verdict.PASS
    assert weigh(performance(), policy=free, daily=0).verdict is Verdict.FAIL


@pytest.mark.parametrize("found", [weigh(performance()), weigh(), weigh(policy=ValuePolicy())])
def test_it_goes_into_the_ledger_and_comes_out_again(found):
    assert Economics.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


# What a champion promised, by metric, and what the window then shows.
PROMISES = [
    ("log_loss", 0.45, 15),
    ("log_loss", 0.45, 250),
    ("brier", 0.15, 100),
    ("auc", 0.99, 15),
    ("accuracy", 0.95, 99),
    ("log_loss", 0.0, 15),
]


@pytest.mark.parametrize(("metric", "promise", "worse_percent"), PROMISES)
def test_the_loss_is_held_against_what_observe_held_the_metric_against(metric, promise, worse_percent):
    policy = PerformancePolicy(metric=metric, worse_percent=worse_percent, min_labels=50, mature_hours=0)
    judged = performance_signal(Task.BINARY, _window(), {metric: promise, f"{metric}_error": 0.01}, policy)
    worse = 1 if metric in ("log_loss", "brier") else -1
    expected = max(0.0, worse * (judged.low - promise))
    assert certain_loss(judged, worse_percent) == pytest.approx(expected, abs=1e-12)
    assert expected > 0


@pytest.mark.parametrize("promise", [0.8, -0.4])
def test_a_promise_below_zero_is_found_too(promise):
    threshold = promise - abs(promise) * 0.15
    judged = performance(metric="r2", low=promise - 0.5, threshold=threshold)
    assert certain_loss(judged, 15) == pytest.approx(0.5)


def test_a_limit_that_two_promises_share_tells_neither():
    assert certain_loss(performance(metric="r2", low=-1, threshold=-0.5), 150) is None


def test_every_default_metric_has_a_loss():
    for metric in DEFAULT_METRIC.values():
        assert certain_loss(performance(metric=metric), 15) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("per_prediction_usd", -0.01),
        ("per_prediction_usd", math.nan),
        ("per_prediction_usd", math.inf),
        ("horizon_days", 0),
        ("horizon_days", 366),
        ("training_usd", -1),
        ("rollout_usd", math.nan),
    ],
)
def test_prices_that_cannot_be_are_refused_by_name(field, value):
    with pytest.raises(PolicyError, match=field):
        ValuePolicy(**{field: value})


def _window(rows=400):
    """Answers that are wrong more often than not, beside their labels."""
    generator = np.random.default_rng(7)
    labels = generator.integers(0, 2, rows).astype(float)
    scores = np.clip(0.5 - 0.3 * (labels - 0.5) + generator.normal(0, 0.15, rows), 0.02, 0.98)
    return Realized.of(Task.BINARY, join(predictions(scores), outcomes(labels), NOW, 0))
