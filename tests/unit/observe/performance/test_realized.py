"""Performance: a drop must be certain, and labels must have matured."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from selfheal.bounds import PolicyError
from selfheal.observe.performance.estimation import calibrate
from selfheal.observe.performance.metrics.measure import measure, names_and_values
from selfheal.observe.performance.metrics.names import METRICS, Task
from selfheal.observe.performance.outcomes import Joined, Outcomes, Predictions, join, microseconds
from selfheal.observe.performance.realized import (
    Realized,
    judged_metric,
    performance_report,
    performance_signal,
    quality_statistics,
)
from selfheal.observe.policy import PerformancePolicy
from selfheal.observe.signals import SignalKind, Status

POLICY = PerformancePolicy(min_labels=100)
PROMISE = {"log_loss": 0.5, "auc": 0.7, "rows": 1000}
NOW = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)


def joined(values, labels, matured=None, young=()):
    return Joined(
        values=np.asarray(values, dtype=float),
        labels=np.asarray(labels, dtype=float),
        young=np.asarray(young, dtype=float),
        matured=len(labels) if matured is None else matured,
        kept_share=1.0,
        delay_median_hours=2.0,
        delay_p90_hours=20.0,
    )


def judge(values, labels, promised=PROMISE, policy=POLICY, task=Task.BINARY, matured=None):
    return performance_signal(task, Realized.of(task, joined(values, labels, matured)), promised, policy)


def constant_loss(loss, rows=1000):
    """Scores of which every row costs `loss` nats."""
    return np.full(rows, math.exp(-loss)), np.ones(rows)


def noisy(rows, seed=1):
    """Scores of about 0.69 nats a row, with a wide spread."""
    generator = np.random.default_rng(seed)
    return generator.uniform(0.02, 0.98, size=rows), generator.integers(0, 2, size=rows).astype(float)


def ordered(area, rows, seed=0):
    """Scores whose area under the curve is about `area`."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, rows).astype(float)
    gap = 2**0.5 * {0.5: 0.0, 0.6: 0.2533, 0.7: 0.5244, 0.8: 0.8416}[area]
    return 1 / (1 + np.exp(-generator.normal(gap * labels, 1))), labels


# --- the judgement


@pytest.mark.parametrize(
    ("loss", "status"), [(0.4, Status.OK), (0.5, Status.OK), (0.55, Status.WARN), (0.58, Status.BREACH)]
)
def test_it_is_judged_against_what_the_champion_promised(loss, status):
    # The promise is 0.5, the limit 15 % above it.
    signal = judge(*constant_loss(loss))
    assert signal.status is status
    assert (signal.kind, signal.subject, signal.statistic) == (
        SignalKind.PERFORMANCE,
        "log_loss",
        "log_loss",
    )
    assert signal.value == pytest.approx(loss)
    assert signal.threshold == pytest.approx(0.575)
    assert signal.sample == 1000
    assert "promised 0.500" in signal.reason


def test_a_loss_beyond_the_limit_is_no_breach_while_chance_explains_it():
    few, many = (judge(*noisy(rows), promised={"log_loss": 0.75}) for rows in (100, 20_000))
    assert few.value > few.threshold > few.low
    assert few.status is not Status.BREACH
    assert many.low > many.threshold
    assert many.status is Status.BREACH


@pytest.mark.parametrize(
    ("area", "status"), [(0.8, Status.OK), (0.7, Status.OK), (0.6, Status.WARN), (0.5, Status.BREACH)]
)
def test_an_area_is_worse_when_it_falls(area, status):
    # Promised 0.7, so 0.595 is the limit; 0.6 is certainly lower than promised, not certainly beyond it.
    signal = judge(*ordered(area, 4000), policy=replace(POLICY, metric="auc"))
    assert signal.status is status
    assert signal.threshold == pytest.approx(0.595)
    expected = measure(Task.BINARY, *ordered(area, 4000)).estimates["auc"]
    assert signal.low == pytest.approx(expected.high(0.99), abs=1e-12)
    assert signal.subject == "auc"


@pytest.mark.parametrize(("noise", "status"), [(1.0, Status.OK), (1.12, Status.WARN), (1.5, Status.BREACH)])
def test_regression_is_judged_by_its_root_mean_square(noise, status):
    generator = np.random.default_rng(3)
    labels = generator.normal(0, 5, 5000)
    signal = judge(
        labels + noise * generator.normal(size=5000), labels, promised={"rmse": 1.02}, task=Task.REGRESSION
    )
    assert (signal.subject, signal.status) == ("rmse", status)


def test_a_negative_promise_has_its_limit_on_the_worse_side():
    generator = np.random.default_rng(4)
    labels = generator.normal(size=2000)
    signal = judge(
        labels + 1.6 * generator.normal(size=2000),
        labels,
        promised={"r2": -0.5},
        task=Task.REGRESSION,
        policy=replace(POLICY, metric="r2"),
    )
    assert signal.threshold == pytest.approx(-0.575)
    assert signal.status is Status.BREACH


def test_several_classes_are_judged_by_their_log_loss():
    values = np.full((500, 4), 0.25)
    signal = judge(values, np.arange(500) % 4, promised={"log_loss": 1.0}, task=Task.MULTICLASS)
    assert signal.value == pytest.approx(math.log(4))
    assert signal.status is Status.BREACH


def test_a_small_holdout_does_not_raise_an_alarm_of_its_own():
    exact, sampled = (
        judge(*constant_loss(0.55), promised={"log_loss": 0.5, **error})
        for error in ({}, {"log_loss_error": 0.03})
    )
    assert exact.status is Status.WARN
    assert sampled.status is Status.OK
    assert sampled.low == pytest.approx(0.55 - 2.3263 * 0.03 * 1.15, abs=1e-4)


def test_quiet_champions_are_not_accused_more_often_than_the_policy_allows():
    # Promise and window are both samples of one unchanging model.
    policy = replace(POLICY, confidence=0.95, metric="log_loss")
    statuses = []
    for seed in range(400):
        holdout, window = noisy(300, seed), noisy(300, seed + 10_000)
        promised = dict(names_and_values(measure(Task.BINARY, *holdout)))
        statuses.append(judge(*window, promised=promised, policy=policy).status)
    assert statuses.count(Status.BREACH) == 0
    assert statuses.count(Status.WARN) <= 0.05 * 400 + 3 * (400 * 0.05 * 0.95) ** 0.5


# --- what cannot be judged


@pytest.mark.parametrize("rows", [0, 1, 99])
def test_too_few_labels_are_no_data(rows):
    signal = judge(*constant_loss(5.0, rows), matured=max(100, rows) if rows > 60 else rows)
    assert signal.status is Status.NO_DATA
    assert signal.value is None
    assert "100 are needed" in signal.reason


def test_labels_that_stopped_are_no_data_and_named():
    signal = judge(*constant_loss(5.0, 490), matured=1000)
    assert signal.status is Status.NO_DATA
    assert signal.reason.startswith("labels stopped or are late: 49.0 % of 1000")
    assert judge(*constant_loss(5.0, 500), matured=1000).status is Status.BREACH


def test_nothing_matured_is_no_data():
    signal = judge([], [], matured=0)
    assert signal.reason == "0 predictions are older than 24 h, 100 are needed"


def test_answers_that_are_no_numbers_lower_the_coverage_and_never_pass():
    scores, labels = constant_loss(0.1)
    scores[:600] = np.nan
    signal = judge(scores, labels)
    assert signal.status is Status.NO_DATA
    assert "600 unusable" in signal.reason
    scores, labels = constant_loss(0.6)
    scores[3] = np.nan
    signal = judge(scores, labels)
    assert (signal.status, signal.sample) == (Status.BREACH, 999)


def test_a_metric_that_one_class_does_not_define_is_no_data():
    signal = judge(*constant_loss(0.4), policy=replace(POLICY, metric="auc"))
    assert signal.status is Status.NO_DATA
    assert "both classes" in signal.reason


def test_without_a_promise_there_is_no_judgement():
    signal = judge(*constant_loss(5.0), promised={"auc": 0.7})
    assert signal.status is Status.NO_DATA
    assert "no log_loss" in signal.reason


@pytest.mark.parametrize(
    "promised",
    [
        {"log_loss": math.nan},
        {"log_loss": math.inf},
        {"log_loss": 0.5, "log_loss_error": math.nan},
        {"log_loss": 0.5, "log_loss_error": math.inf},
        {"log_loss": 0.5, "log_loss_error": -0.1},
    ],
)
@pytest.mark.parametrize("loss", [0.1, 5.0])
def test_a_promise_that_is_no_number_passes_nothing(promised, loss):
    assert judge(*constant_loss(loss), promised=promised).status is Status.NO_DATA


def test_a_metric_of_another_task_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"no metric 'rmse'; choose one of accuracy, .*brier"):
        judge(*constant_loss(0.5), policy=replace(POLICY, metric="rmse"))
    assert judged_metric(Task.REGRESSION, POLICY) == "rmse"


def test_the_policy_names_what_cannot_be():
    with pytest.raises(PolicyError) as caught:
        PerformancePolicy(metric="loss", mature_hours=math.nan, min_coverage_percent=101)
    assert [problem.field for problem in caught.value.problems] == [
        "metric",
        "min_coverage_percent",
        "mature_hours",
    ]


# --- the report


def traffic(rows, seed, drift=0.0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=rows)
    labels = (generator.random(rows) < 1 / (1 + np.exp(-1.5 * x - drift))).astype(float)
    return 1 / (1 + np.exp(-2.5 * x)), labels


def report(task, values, labels, calibration, matured=None, young=()):
    realized = Realized.of(task, joined(values, labels, matured, young))
    return performance_report(task, realized, PROMISE, POLICY, calibration)


def test_a_report_puts_realized_beside_estimated_and_promised():
    calibration = calibrate(Task.BINARY, *traffic(5000, 1))
    found = report(Task.BINARY, *traffic(2000, 2), calibration, matured=2500, young=[0.2, 0.7, math.nan])
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found["metrics"]) == set(METRICS[Task.BINARY])
    loss = found["metrics"]["log_loss"]
    assert loss["realized"]["low"] < loss["realized"]["value"] < loss["realized"]["high"]
    assert loss["estimated"]["rows"] == loss["realized"]["rows"] == 2000
    assert loss["estimated"]["low"] < loss["realized"]["value"] < loss["estimated"]["high"]
    assert loss["ahead"]["rows"] == 2
    assert loss["promised"] == 0.5
    assert found["rows"] == {"matured": 2500, "labelled": 2000, "unusable": 0, "unmatured": 3}
    assert found["coverage_percent"] == 80.0
    assert found["label_delay_hours"] == {"median": 2.0, "p90": 20.0}


def test_concept_drift_shows_as_realized_and_estimated_falling_apart():
    calibration = calibrate(Task.BINARY, *traffic(5000, 1))
    loss = report(Task.BINARY, *traffic(2000, 2, drift=1.5), calibration)["metrics"]["log_loss"]
    assert loss["realized"]["low"] > loss["estimated"]["high"]


def test_an_empty_window_has_a_report():
    found = report(Task.BINARY, [], [], calibrate(Task.BINARY, *traffic(500, 1)))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["coverage_percent"] is None
    assert found["metrics"]["auc"]["realized"] is None
    assert found["metrics"]["auc"]["undefined"] == "there are no rows"


def test_a_single_row_has_bounds_that_are_null():
    found = report(Task.REGRESSION, [1.0], [3.0], None)["metrics"]
    assert found["rmse"]["realized"] == {"value": 2.0, "low": None, "high": None, "rows": 1}
    assert found["rmse"]["estimated"] is None
    assert found["r2"]["undefined"] == "R² needs labels that vary"


def test_the_window_in_model_monitors_form():
    realized = Realized.of(Task.BINARY, joined([0.1, 0.9, 0.8, math.nan], [0, 1, 0, 1]))
    section = quality_statistics(Task.BINARY, realized)["binary_classification_metrics"]
    assert section["confusion_matrix"] == {"0": {"0": 1, "1": 1}, "1": {"0": 0, "1": 1}}
    assert section["precision"]["value"] == 0.5


def test_from_predictions_and_late_labels_to_a_signal():
    scores, labels = traffic(2000, 5, drift=2.0)
    keys = tuple(f"k{place}" for place in range(2000))
    at = microseconds(NOW - timedelta(hours=40)) + np.arange(2000)
    predictions = Predictions(keys=keys, at=at, values=scores)
    # A fifth of the labels never comes; the first to come were all wrong and are corrected.
    late = np.full(1600, microseconds(NOW - timedelta(hours=1)))
    known = Outcomes(keys=keys[:1600], labels=labels[:1600], at=late)
    wrong = Outcomes(keys=keys[:1600], labels=1 - labels[:1600], at=late - 1)
    found = join(predictions, Outcomes.merge([known, wrong]), NOW, POLICY.mature_hours)
    signal = performance_signal(Task.BINARY, Realized.of(Task.BINARY, found), PROMISE, POLICY)
    assert signal.value == pytest.approx(
        measure(Task.BINARY, scores[:1600], labels[:1600]).estimates["log_loss"].value
    )
    assert (signal.status, signal.sample) == (Status.BREACH, 1600)
