"""The files in Model Monitor's formats: written, and read back."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from selfheal.observe.baseline import Baseline
from selfheal.observe.hours import Hour, Window
from selfheal.observe.performance.outcomes import Predictions
from selfheal.observe.policy import ObservePolicy, QualityPolicy
from selfheal.observe.profiles.layout import BaselineError, Categorical, Layout, Numeric, Role
from selfheal.observe.profiles.profile import Rows, empty, profile
from selfheal.observe.quality.constraints import constraints_of
from selfheal.observe.quality.data_quality import quality_signals
from selfheal.observe.quality.monitor_baseline import read_monitor_baseline
from selfheal.observe.quality.monitor_files import constraints, statistics, violations
from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.observe.statistics.kolmogorov_smirnov import ks_distance

POLICY = ObservePolicy()
NOW = datetime(2013, 3, 1, 12, tzinfo=timezone.utc)
DATA = Path(__file__).parent / "data"
STATISTICS = (DATA / "statistics.json").read_text(encoding="utf-8")
CONSTRAINTS = (DATA / "constraints.json").read_text(encoding="utf-8")


def profiled(features, columns):
    rows = len(next(iter(columns.values())))
    keys = [str(row) for row in range(rows)]
    return profile(Layout(features=tuple(features)), Rows(keys=keys, columns=columns))


def numeric(training, window):
    """Statistics of a window of one numeric feature, on bins made of training values."""
    feature = Numeric.of("x", np.asarray(training, dtype=float))
    body = statistics(profiled([feature], {"x": np.asarray(window, dtype=float)}))
    json.dumps(body, allow_nan=False)
    return body["features"][0]["numerical_statistics"]


def buckets_of(training, window):
    return numeric(training, window)["distribution"]["kll"]["buckets"]


class TestStatistics:
    def test_are_in_model_monitors_form_and_of_the_inputs(self):
        features = [
            Numeric.of("x", np.linspace(-1, 1, 1000)),
            Categorical.of("c", {"a": 2, "b": 1}),
            Numeric.of("score", np.array([0.5]), Role.OUTPUT),
        ]
        columns = {"x": np.array([0.0, 0.5, np.nan, 1.5]), "c": ["b", "a", "zz", None], "score": np.ones(4)}
        body = statistics(profiled(features, columns))
        assert body["version"] == 0.0
        assert body["dataset"] == {"item_count": 4}
        x, c = body["features"]
        assert (x["name"], x["inferred_type"], c["inferred_type"]) == ("x", "Fractional", "String")
        assert set(x["numerical_statistics"]) == {
            "common", "mean", "sum", "std_dev", "min", "max", "distribution"
        }  # fmt: skip
        assert x["numerical_statistics"]["common"] == {"num_present": 3, "num_missing": 1}
        assert c["string_statistics"] == {
            "common": {"num_present": 3, "num_missing": 1},
            "distinct_count": 3,
            "distribution": {
                "categorical": {"buckets": [{"value": "a", "count": 1}, {"value": "b", "count": 1}]}
            },
        }

    def test_moments_are_those_of_numpy(self):
        values = np.random.default_rng(1).gamma(2, 5, 3000)
        found = numeric(values, values)
        assert found["mean"] == pytest.approx(values.mean(), rel=1e-8)
        assert found["sum"] == pytest.approx(values.sum(), rel=1e-8)
        assert found["std_dev"] == pytest.approx(values.std(), rel=1e-8)
        assert (found["min"], found["max"]) == (values.min(), values.max())

    @pytest.mark.parametrize("name", ["normal", "skewed", "moved", "whole", "few"])
    def test_buckets_hold_what_numpy_counts(self, name):
        rng = np.random.default_rng(2)
        training, window = {
            "normal": (rng.normal(size=50_000), rng.normal(size=20_000)),
            "skewed": (rng.lognormal(0, 1, 50_000), rng.lognormal(0, 1, 20_000)),
            "moved": (rng.normal(size=50_000), rng.normal(0.5, 1.5, 20_000)),
            "whole": (rng.integers(0, 100, 50_000), rng.integers(0, 100, 20_000)),
            "few": (rng.integers(1, 8, 50_000), rng.integers(1, 8, 20_000)),
        }[name]
        found = buckets_of(training, window)
        bounds = np.linspace(window.min(), window.max(), 11)
        assert [b["lower_bound"] for b in found] == pytest.approx(bounds[:-1])
        expected = np.histogram(window, bounds)[0]
        # What the bins of a bucket's two bounds hold, and nothing where every value has its own bin.
        fullest = np.histogram(window, np.unique(Numeric.of("x", training.astype(float)).cuts))[0].max()
        tolerance = 0 if name in ("few", "whole") else 2 * fullest
        assert np.abs(np.array([b["count"] for b in found]) - expected).max() <= tolerance

    @pytest.mark.parametrize(
        "training",
        [
            *(np.linspace(0, 1, 5000), np.arange(7.0), [0.0, 0.0, 1.0], [3.0]),
            *([-1.7e308, 1.7e308], [5e-324, 1.0], [0.0, 2.2250738585e-313], [9.999999999999998e307, 1e308]),
        ],
    )
    def test_buckets_are_ten_without_gaps_and_hold_every_value(self, training):
        window = [*training, min(training) / 2, max(training) * 1.01, np.nan]
        found = buckets_of(training, window)
        assert len(found) == 10
        assert sum(bucket["count"] for bucket in found) == len(window) - 1
        assert all(bucket["count"] >= 0 for bucket in found)
        assert all(b["upper_bound"] == after["lower_bound"] for b, after in pairwise(found))

    def test_one_value_has_one_bucket_and_none_has_none(self):
        assert buckets_of([1.0, 2.0], [7.0, 7.0]) == [{"lower_bound": 7.0, "upper_bound": 7.0, "count": 2}]
        nothing = numeric([1.0, 2.0], [np.nan])
        assert nothing == {
            "common": {"num_present": 0, "num_missing": 1}, "distribution": {"kll": {"buckets": []}}
        }  # fmt: skip

    def test_a_sum_beyond_a_float_is_the_largest_one(self):
        assert numeric([1e308], [1.7e308] * 3)["sum"] == np.finfo(float).max


class TestConstraints:
    def test_are_in_model_monitors_form(self):
        features = [Numeric.of("x", np.array([1.0, 2.0])), Categorical.of("c", {"b": 2, "a": 1})]
        reference = profiled(features, {"x": np.array([1.0, 2.0, np.nan, 1.0]), "c": ["a", "b", "b", "b"]})
        body = constraints(Baseline(profile=reference, metrics={}, window=("a", "b")), POLICY)
        assert body["features"] == [
            {
                "name": "x",
                "inferred_type": "Integral",
                "completeness": 0.75,
                "num_constraints": {"is_non_negative": True},
            },
            {
                "name": "c",
                "inferred_type": "String",
                "completeness": 1.0,
                "string_constraints": {"domains": ["a", "b"]},
            },
        ]
        monitoring = body["monitoring_config"]
        assert monitoring["domain_content_threshold"] == pytest.approx(0.95)
        assert monitoring["datatype_check_threshold"] == pytest.approx(0.99)
        assert monitoring["distribution_constraints"]["comparison_threshold"] == POLICY.drift.ks_tolerance


def signal(kind, statistic, status=Status.BREACH):
    return Signal(kind=kind, subject="x", statistic=statistic, status=status, reason=f"{statistic}!")


class TestViolations:
    def test_are_the_data_breaches_with_their_nearest_check(self):
        quality, drift = SignalKind.DATA_QUALITY, SignalKind.DATA_DRIFT
        expected = {
            (drift, "ks"): "baseline_drift_check",
            (quality, "absent_percent"): "missing_column_check",
            (quality, "extra_column_percent"): "extra_column_check",
            (quality, "null_percent"): "completeness_check",
            (quality, "invalid_percent"): "data_type_check",
            (quality, "unseen_percent"): "categorical_values_check",
            (quality, "mean_shift_percent"): "baseline_drift_check",
        }
        body = violations([signal(*key) for key in expected])
        assert [v["constraint_check_type"] for v in body["violations"]] == list(expected.values())
        assert body["violations"][0] == {
            "feature_name": "x", "constraint_check_type": "baseline_drift_check", "description": "ks!"
        }  # fmt: skip

    @pytest.mark.parametrize("status", [Status.OK, Status.WARN, Status.NO_DATA])
    def test_what_is_no_breach_is_none(self, status):
        assert violations([signal(SignalKind.DATA_DRIFT, "ks", status)]) == {"violations": []}

    def test_what_model_monitor_has_no_word_for_is_left_out(self):
        quality = ("volume_times", "silent_hours", "duplicate_percent")
        kinds = [(SignalKind.PERFORMANCE, "log_loss"), (SignalKind.PREDICTION_DRIFT, "ks")]
        kinds += [(SignalKind.DATA_QUALITY, statistic) for statistic in quality]
        assert violations([signal(*each) for each in kinds]) == {"violations": []}


def moved(change, text=STATISTICS):
    """One of the files, changed."""
    body = json.loads(text)
    change(body)
    return json.dumps(body)


def fare(body):
    return body["features"][0]["numerical_statistics"]


def cities(body):
    return body["features"][3]["string_statistics"]["distribution"]["categorical"]["buckets"]


def window_of(layout, columns):
    rows = len(next(iter(columns.values())))
    seen = profile(layout, Rows(keys=[str(row) for row in range(rows)], columns=columns))
    start = NOW - timedelta(hours=1)
    hour = Hour(start=start, profile=seen, predictions=Predictions.merge([]), newest=start)
    return Window(parts=(hour,), start=start, end=NOW)


def like_training(rows=2000, seed=3):
    rng = np.random.default_rng(seed)
    return {
        "fare": rng.gamma(3, 9, rows),
        "age": rng.integers(18, 80, rows).astype(float),
        "delta": rng.normal(0, 3, rows),
        "city": list(rng.choice(["Lyon", "Köln", "Łódź", "東京"], rows, p=[0.45, 0.3, 0.24, 0.01])),
        "order": [f"o{seed}-{row}" for row in range(rows)],
    }


class TestReading:
    def test_gives_features_counts_and_moments(self):
        found = read_monitor_baseline(STATISTICS, CONSTRAINTS)
        reference = found.profile
        assert reference.layout.names == ("fare", "age", "delta", "city", "order")
        assert reference.rows == 2000
        assert [reference.present(place) for place in range(5)] == [2000, 1960, 2000, 2000, 2000]
        assert reference.missing.tolist() == [0, 40, 0, 0, 0]
        for place, feature in enumerate(json.loads(STATISTICS)["features"][:3]):
            numbers = feature["numerical_statistics"]
            assert reference.moments(place) == pytest.approx((numbers["mean"], numbers["std_dev"]), rel=1e-6)
            assert reference.low[place] == numbers["min"]
        assert found.from_sketch == {"fare"}
        assert np.count_nonzero(reference.of(0)) > 200
        assert np.count_nonzero(reference.of(1)) == 10

    def test_constraints_are_those_of_the_file(self):
        found = read_monitor_baseline(STATISTICS, CONSTRAINTS).constraints
        assert (found["fare"].non_negative, found["delta"].non_negative) == (True, False)
        assert found["age"].completeness == 0.95
        assert "Oslo" in found["city"].domain
        assert found["order"].domain is None

    def test_traffic_like_training_is_near_and_ok(self):
        found = read_monitor_baseline(STATISTICS, CONSTRAINTS)
        window = window_of(found.profile.layout, like_training())
        for place in range(4):
            assert ks_distance(found.profile.of(place), window.profile.of(place)) < 0.05
        baseline = Baseline(profile=found.profile, metrics={}, window=("a", "b"))
        signals = quality_signals(baseline, window, QualityPolicy(), NOW, constraints=found.constraints)
        assert {s.status for s in signals} <= {Status.OK, Status.NO_DATA}

    def test_broken_traffic_is_a_breach_of_the_files_own_constraints(self):
        found = read_monitor_baseline(STATISTICS, CONSTRAINTS)
        columns = like_training()
        columns["fare"] *= -1
        columns["age"][:800] = np.nan
        columns["city"][:400] = ["Oslo"] * 200 + ["Atlantis"] * 200
        window = window_of(found.profile.layout, columns)
        baseline = Baseline(profile=found.profile, metrics={}, window=("a", "b"))
        signals = quality_signals(baseline, window, QualityPolicy(), NOW, constraints=found.constraints)
        breached = {(s.subject, s.statistic) for s in signals if s.status is Status.BREACH}
        assert breached >= {("fare", "negative_percent"), ("age", "null_percent"), ("city", "unseen_percent")}
        unseen = next(s for s in signals if (s.subject, s.statistic) == ("city", "unseen_percent"))
        assert unseen.value == pytest.approx(10.0)
        assert ks_distance(found.profile.of(0), window.profile.of(0)) > 0.9

    def test_a_feature_without_constraints_is_not_judged(self):
        rules = moved(lambda body: body["features"].pop(0), CONSTRAINTS)
        found = read_monitor_baseline(STATISTICS, rules)
        assert "fare" not in found.constraints
        window = window_of(found.profile.layout, like_training())
        baseline = Baseline(profile=found.profile, metrics={}, window=("a", "b"))
        signals = quality_signals(baseline, window, QualityPolicy(), NOW, constraints=found.constraints)
        assert "fare" not in {s.subject for s in signals}

    def test_a_sketch_of_another_tool_gives_way_to_the_buckets(self):
        def change(body):
            body["features"][0]["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"] = [
                [0.0, 1.0]
            ]

        assert read_monitor_baseline(moved(change), CONSTRAINTS).from_sketch == set()

    def test_whole_numbers_on_a_buckets_bound_belong_to_the_bucket_above(self):
        rng = np.random.default_rng(5)
        column = rng.integers(0, 11, 5000).astype(float)
        written = statistics(profiled([Numeric.of("n", column)], {"n": column}))
        found = read_monitor_baseline(json.dumps(written), json.dumps({"features": []}))
        window = window_of(found.profile.layout, {"n": rng.integers(0, 11, 5000).astype(float)})
        assert ks_distance(found.profile.of(0), window.profile.of(0)) < 0.04

    def test_what_we_write_can_be_read(self):
        rng = np.random.default_rng(6)
        columns = {"x": rng.normal(size=5000), "k": np.zeros(5000), "c": list(rng.choice(["a", "b"], 5000))}
        features = [
            Numeric.of("x", columns["x"]),
            Numeric.of("k", columns["k"]),
            Categorical.of("c", {"a": 2, "b": 1}),
        ]
        reference = profiled(features, columns)
        baseline = Baseline(profile=reference, metrics={}, window=("a", "b"))
        found = read_monitor_baseline(
            json.dumps(statistics(reference)), json.dumps(constraints(baseline, POLICY))
        )
        assert found.constraints.keys() == constraints_of(reference).keys()
        assert statistics(found.profile)["features"][2] == statistics(reference)["features"][2]
        assert found.profile.moments(0) == pytest.approx(reference.moments(0), rel=1e-6)
        assert found.profile.of(1).sum() == 5000
        assert empty(found.profile.layout).rows == 0

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            (lambda b: b.pop("dataset"), "statistics.json: dataset is None"),
            (lambda b: b["features"][1].pop("name"), r"features\[1\]\.name is None"),
            (lambda b: b["features"][0].update(inferred_type="Money"), r"inferred_type is 'Money'"),
            (lambda b: fare(b).update(mean="high"), r"\.mean is 'high': expected a number"),
            (lambda b: fare(b).update(mean=True), r"\.mean is True: expected a number"),
            (lambda b: fare(b).update(min=1e9), r"\.min is .*: expected no more than max"),
            (lambda b: fare(b)["common"].update(num_missing=7), "add up to dataset.item_count"),
            (lambda b: fare(b)["common"].update(num_missing=-1), "whole number from zero"),
            (lambda b: fare(b)["distribution"]["kll"].update(buckets=[]), r"kll\.buckets is \[\]"),
            (lambda b: cities(b)[0].update(count=9999), "no more than num_present"),
            (lambda b: b["features"].append(copy.deepcopy(b["features"][0])), "two are named fare"),
            (lambda b: b.update(features=[]), "at least one feature"),
            (lambda b: b["features"].pop(), r"constraints.json: features\[4\]\.name is 'order'"),
        ],
    )
    def test_a_file_that_cannot_be_used_says_where_and_what(self, change, complaint):
        with pytest.raises(BaselineError, match=complaint):
            read_monitor_baseline(moved(change), CONSTRAINTS)

    @pytest.mark.parametrize("text", ["", "[]", "{broken", "null", b"\xff"])
    def test_what_is_no_json_object_is_refused_by_name(self, text):
        with pytest.raises(BaselineError, match=r"^statistics\.json: "):
            read_monitor_baseline(text, CONSTRAINTS)
        with pytest.raises(BaselineError, match=r"^constraints\.json: "):
            read_monitor_baseline(STATISTICS, text)

    def test_a_column_without_a_value_has_to_be_taken_out(self):
        def change(body):
            body["features"][0]["numerical_statistics"]["common"] = {"num_present": 0, "num_missing": 2000}

        with pytest.raises(BaselineError, match="take the feature out of both files"):
            read_monitor_baseline(moved(change), CONSTRAINTS)
