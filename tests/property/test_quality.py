"""Data quality and Model Monitor's files, whatever the values."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from selfheal.observe.baseline import Baseline
from selfheal.observe.hours import Hour, Window
from selfheal.observe.performance.outcomes import Predictions
from selfheal.observe.policy import ObservePolicy, QualityPolicy
from selfheal.observe.profiles.layout import Categorical, Layout, Numeric
from selfheal.observe.profiles.profile import Rows, profile
from selfheal.observe.quality.checks.columns import beyond
from selfheal.observe.quality.checks.proportion import lower_share, upper_share
from selfheal.observe.quality.constraints import constraints_of
from selfheal.observe.quality.data_quality import Context, quality_signals
from selfheal.observe.quality.monitor_baseline import read_monitor_baseline
from selfheal.observe.quality.monitor_files import constraints, statistics, violations
from selfheal.observe.signals import Status

NOW = datetime(2013, 3, 1, 12, tzinfo=timezone.utc)
POLICY = QualityPolicy(min_rows=30)

anything = st.floats(allow_nan=True, allow_infinity=True)
# The lowest float has nothing below it that a bin could begin at.
numbers = st.floats(-1e308, 1e308)
texts = st.text(max_size=4)


def baseline_of(values, words):
    """A baseline of a numeric and a categorical feature; the shorter column is filled up with gaps."""
    rows = max(len(values), len(words))
    columns = {
        "x": np.array(values + [math.nan] * (rows - len(values)), dtype=float),
        "größe": words + [None] * (rows - len(words)),
    }
    features = (
        Numeric.of("x", columns["x"]),
        Categorical.of("größe", {word: words.count(word) for word in words}),
    )
    keys = [str(row) for row in range(rows)]
    reference = profile(Layout(features=features), Rows(keys=keys, columns=columns))
    return Baseline(profile=reference, metrics={}, window=("a", "b"))


def window_of(baseline, values, words, malformed=0, newest=None):
    rows = min(len(values), len(words))
    columns = {"x": np.array(values[:rows], dtype=float), "größe": words[:rows]}
    seen = profile(baseline.layout, Rows(keys=[str(row) for row in range(rows)], columns=columns))
    start = NOW - timedelta(hours=48)
    hour = Hour(
        start=start, profile=seen, predictions=Predictions.merge([]), malformed=malformed, newest=newest
    )
    return Window(parts=(hour,), start=start, end=NOW)


baselines = st.builds(
    baseline_of, st.lists(numbers, min_size=1, max_size=60), st.lists(texts, min_size=1, max_size=60)
)


@given(
    baselines,
    st.lists(anything, max_size=8),
    st.lists(st.none() | texts, max_size=8),
    st.integers(0, 50),
    st.none() | anything,
)
@settings(max_examples=150, deadline=None)
def test_every_window_has_a_defined_answer(baseline, values, words, malformed, usual):
    repeat = 10 if values and words else 1
    window = window_of(
        baseline, values * repeat, words * repeat, malformed, NOW if values and words else None
    )
    signals = quality_signals(baseline, window, POLICY, NOW, Context(usual_rows_per_hour=usual))
    assert signals
    assert len({(signal.subject, signal.statistic) for signal in signals}) == len(signals)
    for signal in signals:
        json.dumps(signal.to_json(), allow_nan=False)
        if signal.status is Status.BREACH and signal.threshold is not None:
            assert signal.low > signal.threshold
        if signal.status is Status.OK and signal.low is not None and signal.statistic.endswith("_percent"):
            assert signal.low <= signal.threshold or signal.statistic == "mean_shift_percent"
    json.dumps(violations(signals))


@given(baselines)
@settings(max_examples=100, deadline=None)
def test_a_window_that_is_training_itself_is_never_in_breach(baseline):
    start = NOW - timedelta(hours=24)
    hour = Hour(start=start, profile=baseline.profile, predictions=Predictions.merge([]), newest=NOW)
    signals = quality_signals(baseline, Window(parts=(hour,), start=start, end=NOW), POLICY, NOW)
    assert not [signal for signal in signals if signal.status in (Status.BREACH, Status.WARN)]


@given(st.integers(1, 10_000), st.data(), st.floats(1e-12, 0.4))
def test_bounds_enclose_the_share_and_narrow_with_alpha(total, data, alpha):
    count = data.draw(st.integers(0, total))
    low, high = lower_share(count, total, alpha), upper_share(count, total, alpha)
    assert 0 <= low <= count / total <= high <= 1
    assert lower_share(count, total, alpha / 2) <= low
    assert upper_share(count, total, alpha / 2) >= high


@given(st.lists(numbers, min_size=1, max_size=50), st.floats(0, 1000), st.floats(0, 1000))
def test_a_wider_margin_leaves_fewer_outside_and_training_is_inside(values, margin, more):
    training = np.array(values)
    feature = Numeric.of("x", training)
    window = feature.count(np.sort(np.concatenate([training * 0.5, training])))
    assert beyond(feature, feature.count(np.sort(training)), 0.0) == 0
    assert beyond(feature, window, margin + more) <= beyond(feature, window, margin)


@given(baselines, st.lists(anything, min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_statistics_are_json_and_their_buckets_hold_every_value(baseline, values):
    window = window_of(baseline, values, ["w"] * len(values)).profile
    body = statistics(window)
    json.dumps(body, allow_nan=False)
    finite = sum(map(math.isfinite, values))
    found = body["features"][0]["numerical_statistics"]["distribution"]["kll"]["buckets"]
    assert sum(bucket["count"] for bucket in found) == finite
    assert all(b["lower_bound"] <= b["upper_bound"] and b["count"] >= 0 for b in found)
    if found:
        bounds = (min(filter(math.isfinite, values)), max(filter(math.isfinite, values)))
        assert (found[0]["lower_bound"], found[-1]["upper_bound"]) == bounds


@given(baselines)
@settings(max_examples=150, deadline=None)
def test_what_is_written_reads_back_with_the_same_rows_and_constraints(baseline):
    written = [json.dumps(statistics(baseline.profile)), json.dumps(constraints(baseline, ObservePolicy()))]
    found = read_monitor_baseline(*written)
    assert found.profile.rows == baseline.profile.rows
    assert found.profile.missing.tolist() == baseline.profile.missing.tolist()
    assert [found.profile.present(place) for place in range(2)] == [
        baseline.profile.present(place) for place in range(2)
    ]
    ours = constraints_of(baseline.profile)
    assert {name: (c.completeness, c.non_negative) for name, c in found.constraints.items()} == {
        name: (c.completeness, c.non_negative) for name, c in ours.items()
    }
    cuts = found.profile.layout.features[0].cuts
    assert (np.diff(cuts) >= 0).all()
