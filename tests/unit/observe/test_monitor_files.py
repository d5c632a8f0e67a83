"""The files in Model Monitor's formats."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from selfheal.observe.baseline import Baseline, Feature, NumericBins
from selfheal.observe.judgement import judge
from selfheal.observe.monitor_files import constraints, statistics, violations
from selfheal.observe.policy import ObservePolicy
from selfheal.observe.signals import SignalKind, Status
from unit.samples import NOW, baseline, hour, profile_of, signal

POLICY = ObservePolicy()


def test_statistics_are_in_model_monitors_form():
    reference = baseline()
    body = statistics(
        reference.features, profile_of(reference, [0.0, 1.0, np.nan, 99.0], ["b", "a", "b", None])
    )
    json.dumps(body)
    assert body["version"] == 0.0
    assert body["dataset"] == {"item_count": 4}
    numeric, categorical = body["features"]
    assert (numeric["name"], numeric["inferred_type"]) == ("x", "Fractional")
    assert numeric["numerical_statistics"]["common"] == {"num_present": 3, "num_missing": 1}
    buckets = numeric["numerical_statistics"]["distribution"]["kll"]["buckets"]
    assert all(bucket["lower_bound"] < bucket["upper_bound"] for bucket in buckets)
    assert len(buckets) == 10
    assert sum(bucket["count"] for bucket in buckets) == 3  # 99, beyond the training data, in the last
    assert buckets[-1]["count"] >= 1
    assert (categorical["name"], categorical["inferred_type"]) == ("c", "String")
    assert categorical["string_statistics"] == {
        "common": {"num_present": 3, "num_missing": 1},
        "distinct_count": 2,
        "distribution": {
            "categorical": {"buckets": [{"value": "a", "count": 1}, {"value": "b", "count": 2}]}
        },
    }


def buckets_of(training, window):
    """The distribution of a window, on bins made of training values."""
    feature = Feature("x", NumericBins.of(np.asarray(training, dtype=float)))
    body = statistics((feature,), {"x": feature.count(np.asarray(window, dtype=float))})
    return body["features"][0]["numerical_statistics"]["distribution"]["kll"]["buckets"]


@pytest.mark.parametrize(
    "training",
    [np.linspace(0, 1, 5000), np.arange(7.0), np.arange(10.0), np.arange(11.0), [0.0, 0.0, 1.0], [3.0]],
)
def test_buckets_are_at_most_ten_without_gaps_and_hold_every_value(training):
    training = np.asarray(training)
    window = [*training, training.min() - 5, training.max() + 5, training.max() + 5, np.nan]
    buckets = buckets_of(training, window)
    assert 1 <= len(buckets) <= 10
    assert sum(bucket["count"] for bucket in buckets) == len(training) + 3
    assert all(b["upper_bound"] == after["lower_bound"] for b, after in pairwise(buckets))
    assert buckets[0]["lower_bound"] <= training.min()
    assert buckets[-1]["upper_bound"] >= training.max()


def test_what_lies_beyond_the_training_range_counts_in_the_outermost_bucket():
    training = np.linspace(0, 1, 5000)
    counts = [bucket["count"] for bucket in buckets_of(training, [-99.0, -98.0, 99.0, 0.5])]
    assert (counts[0], counts[-1], sum(counts)) == (2, 1, 4)


def test_constraints_are_in_model_monitors_form():
    body = constraints(baseline(), POLICY)
    json.dumps(body)
    numeric, categorical = body["features"]
    assert numeric == {
        "name": "x",
        "inferred_type": "Fractional",
        "completeness": 1.0,
        "num_constraints": {"is_non_negative": False},
    }
    assert categorical["string_constraints"] == {"domains": ["a", "b", "c"]}
    monitoring = body["monitoring_config"]
    assert monitoring["evaluate_constraints"] == monitoring["emit_metrics"] == "Enabled"
    assert monitoring["domain_content_threshold"] == pytest.approx(0.95)
    comparison = monitoring["distribution_constraints"]
    assert comparison["comparison_threshold"] == POLICY.drift.ks_tolerance
    assert comparison["comparison_method"] in ("Simple", "Robust")
    assert comparison["categorical_drift_method"] in ("LInfinity", "ChiSquared")


def constraints_of(values):
    feature = Feature("x", NumericBins.of(values))
    reference = Baseline(
        features=(feature,), profile={"x": feature.count(values)}, metrics={}, window=("a", "b")
    )
    return constraints(reference, POLICY)["features"][0]


@pytest.mark.parametrize(
    ("smallest", "expected"), [(0.0, True), (0.5, True), (-1e-9, False), (-5.0, False), (-5e-324, False)]
)
def test_one_negative_value_in_training_is_enough_to_allow_them(smallest, expected):
    values = np.concatenate([[smallest], np.linspace(1, 2, 999)])
    assert constraints_of(values)["num_constraints"] == {"is_non_negative": expected}


def test_completeness_is_the_share_that_was_there():
    assert constraints_of(np.array([1.0, np.nan, 2.0, np.nan]))["completeness"] == 0.5


def test_only_data_signals_in_breach_are_violations():
    quality = SignalKind.DATA_QUALITY
    body = violations(
        [
            signal(SignalKind.DATA_DRIFT, Status.BREACH, "x", "ks"),
            signal(SignalKind.DATA_DRIFT, Status.BREACH, "c", "psi"),
            signal(quality, Status.BREACH, "x", "null_percent"),
            signal(quality, Status.BREACH, "c", "unseen_percent"),
            signal(quality, Status.BREACH, "records", "malformed_percent"),
            signal(SignalKind.DATA_DRIFT, Status.WARN, "y", "ks"),
            signal(quality, Status.OK, "y", "null_percent"),
            signal(SignalKind.DATA_DRIFT, Status.NO_DATA, "z", "ks"),
            signal(SignalKind.PERFORMANCE, Status.BREACH, "log_loss", "log_loss"),
        ]
    )
    assert [(v["feature_name"], v["constraint_check_type"]) for v in body["violations"]] == [
        ("x", "baseline_drift_check"),
        ("c", "baseline_drift_check"),
        ("x", "completeness_check"),
        ("c", "categorical_values_check"),
        ("records", "data_type_check"),
    ]
    assert all(set(v) == {"feature_name", "constraint_check_type", "description"} for v in body["violations"])


def test_every_data_breach_that_observe_can_find_is_a_violation():
    reference = baseline()
    broken = [hour(reference, NOW - timedelta(hours=1), np.full(2000, 50.0), ["new"] * 2000, malformed=500)]
    signals = judge(reference, broken, {}, POLICY, NOW)
    breached = [s for s in signals if s.status is Status.BREACH]
    assert len(violations(signals)["violations"]) == len(breached) == 4
