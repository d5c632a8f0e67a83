"""Performance: outcomes joined to predictions, and a drop that must be certain."""

from __future__ import annotations

import math

import numpy as np
import pytest

from selfheal.observe.performance import join, performance_signal
from selfheal.observe.policy import PerformancePolicy
from selfheal.observe.signals import Status
from unit.samples import baseline

POLICY = PerformancePolicy(min_labels=100)


def constant_loss(loss, rows=1000):
    """Scores of which every row costs `loss` nats."""
    return np.full(rows, math.exp(-loss)), np.ones(rows)


def noisy(rows, seed=1):
    """Scores of about 0.69 nats a row, with a wide spread."""
    generator = np.random.default_rng(seed)
    return generator.uniform(0.02, 0.98, size=rows), generator.integers(0, 2, size=rows).astype(float)


def test_outcomes_are_joined_by_key_in_the_order_of_the_predictions():
    scores, labels = join([("a", 0.1), ("b", 0.2), ("c", 0.3)], {"c": 1.0, "a": 0.0, "other": 1.0})
    assert scores.tolist() == [0.1, 0.3]
    assert labels.tolist() == [0.0, 1.0]


def test_nothing_joins_to_nothing():
    scores, labels = join([("a", 0.1)], {})
    assert scores.shape == labels.shape == (0,)


@pytest.mark.parametrize(
    ("loss", "status"), [(0.4, Status.OK), (0.5, Status.OK), (0.55, Status.WARN), (0.58, Status.BREACH)]
)
def test_it_is_judged_against_what_the_champion_promised(loss, status):
    # The promise is 0.5, the limit 15 % above it.
    signal = performance_signal(baseline(), *constant_loss(loss), POLICY)
    assert signal.status is status
    assert signal.value == pytest.approx(loss)
    assert signal.threshold == pytest.approx(0.575)
    assert "promised 0.500" in signal.reason


def test_a_loss_beyond_the_limit_is_no_breach_while_chance_explains_it():
    few = performance_signal(baseline(metrics={"log_loss": 0.75}), *noisy(100), POLICY)
    many = performance_signal(baseline(metrics={"log_loss": 0.75}), *noisy(20_000), POLICY)
    assert few.value > few.threshold > few.low
    assert few.status is not Status.BREACH
    assert many.low > many.threshold
    assert many.status is Status.BREACH


@pytest.mark.parametrize("rows", [0, 1, 99])
def test_too_few_labels_are_no_data(rows):
    signal = performance_signal(baseline(), *constant_loss(5.0, rows), POLICY)
    assert signal.status is Status.NO_DATA
    assert signal.value is None
    assert "100 are needed" in signal.reason


def test_without_a_promise_there_is_no_judgement():
    signal = performance_signal(baseline(metrics={"auc": 0.7}), *constant_loss(5.0), POLICY)
    assert signal.status is Status.NO_DATA
    assert "no log loss" in signal.reason


@pytest.mark.parametrize("promise", [math.nan, math.inf])
def test_a_promise_that_is_no_number_passes_nothing(promise):
    signal = performance_signal(baseline(metrics={"log_loss": promise}), *constant_loss(0.1), POLICY)
    assert signal.status is Status.NO_DATA


def test_a_score_that_is_no_number_passes_nothing():
    scores, labels = constant_loss(0.1)
    scores[3] = np.nan
    assert performance_signal(baseline(), scores, labels, POLICY).status is Status.NO_DATA


def test_the_area_is_told_only_where_there_are_both_classes():
    assert "AUC" not in performance_signal(baseline(), *constant_loss(0.4), POLICY).reason
    assert "AUC" in performance_signal(baseline(), *noisy(500), POLICY).reason
