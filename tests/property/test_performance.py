"""What must hold of performance whatever the predictions, the labels and their order."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from selfheal.observe.performance.estimation import Calibration, calibrate, estimate_performance
from selfheal.observe.performance.metrics.measure import measure, usable
from selfheal.observe.performance.metrics.names import LOWER_IS_BETTER, METRICS, Task
from selfheal.observe.performance.outcomes import HOUR, Outcomes, Predictions, join, microseconds
from selfheal.observe.performance.realized import Realized, performance_report, performance_signal
from selfheal.observe.policy import PerformancePolicy
from selfheal.observe.signals import Status

NOW = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
LATEST = microseconds(NOW)
keys = st.text(max_size=2) | st.sampled_from("abcdef")
moments = st.integers(LATEST - 60 * HOUR, LATEST + HOUR)
any_float = st.floats() | st.sampled_from([0.0, 0.5, 1.0])


@st.composite
def samples(draw, task, numbers=any_float):
    rows = draw(st.integers(0, 30))
    width = draw(st.integers(2, 4)) if task is Task.MULTICLASS else 0
    cells = np.array(draw(st.lists(numbers, min_size=rows * max(1, width), max_size=rows * max(1, width))))
    values = cells.reshape(rows, width) if width else cells.reshape(rows)
    labels = np.array(draw(st.lists(any_float, min_size=rows, max_size=rows)), dtype=float)
    if task is Task.MULTICLASS and draw(st.booleans()):
        values = np.where(np.abs(values) < 1e9, np.abs(values), 1.0) + 1e-3
        values = values / values.sum(axis=1, keepdims=True)
        labels = np.array(
            draw(st.lists(st.integers(0, width - 1), min_size=rows, max_size=rows)), dtype=float
        )
    return values, labels


@st.composite
def hours(draw):
    rows = draw(st.dictionaries(keys, st.tuples(moments, st.floats(0, 1)), max_size=12))
    return Predictions(
        keys=tuple(rows),
        at=np.array([at for at, _ in rows.values()], dtype=np.int64),
        values=np.array([value for _, value in rows.values()], dtype=float),
    )


@st.composite
def labels_of(draw):
    rows = draw(st.lists(st.tuples(keys, st.sampled_from([0.0, 1.0]), moments), max_size=20))
    return Outcomes(
        keys=tuple(key for key, _, _ in rows),
        labels=np.array([label for _, label, _ in rows], dtype=float),
        at=np.array([at for _, _, at in rows], dtype=np.int64),
    )


tasks = st.sampled_from(Task)


@given(st.data(), tasks)
def test_every_metric_is_defined_or_says_why_and_lies_in_its_interval(data, task):
    values, labels = data.draw(samples(task))
    good = usable(task, values, labels)
    found = measure(task, values[good], labels[good])
    assert set(found.estimates) | set(found.undefined) == set(METRICS[task])
    assert not set(found.estimates) & set(found.undefined)
    for name, estimate in found.estimates.items():
        assert math.isfinite(estimate.value)
        assert estimate.error >= 0
        assert estimate.rows == np.count_nonzero(good)
        if estimate.trials is not None:
            low, high = estimate.interval(0.975)
            assert 0 <= low <= estimate.value <= high <= 1, name


@given(st.data(), tasks, st.floats(allow_nan=True), st.none() | st.floats())
def test_nothing_that_is_not_a_number_passes(data, task, promise, promise_error):
    # Often enough that there are labels to judge, were they all usable.
    values, labels = (np.repeat(part, 30, axis=0) for part in data.draw(samples(task)))
    name = data.draw(st.sampled_from(METRICS[task]))
    policy = PerformancePolicy(metric=name, min_labels=30, min_coverage_percent=0)
    predictions = Predictions(
        keys=tuple(map(str, range(len(labels)))), at=np.full(len(labels), LATEST - 50 * HOUR), values=values
    )
    outcomes = Outcomes(keys=predictions.keys, labels=labels, at=predictions.at)
    promised = {name: promise} | ({} if promise_error is None else {f"{name}_error": promise_error})
    realized = Realized.of(task, join(predictions, outcomes, NOW, 24))
    signal = performance_signal(task, realized, promised, policy)
    report = performance_report(task, realized, promised, policy, None)
    json.dumps(report, allow_nan=False)
    if signal.status is not Status.NO_DATA:
        assert math.isfinite(signal.low)
        assert math.isfinite(signal.threshold)
        worse = 1 if name in LOWER_IS_BETTER else -1
        assert (signal.status is Status.BREACH) == (worse * (signal.low - signal.threshold) > 0)


# --- predictions and outcomes


@given(st.lists(hours(), max_size=4), st.integers(1, 8))
def test_cutting_and_merging_keep_the_same_rows_in_any_grouping(parts, rows):
    whole = Predictions.merge(parts).cut(rows)
    early = Predictions.merge([part.cut(rows) for part in parts]).cut(rows)
    assert early == whole
    if len(parts) > 1:
        left = Predictions.merge([Predictions.merge(parts[:2]).cut(rows), *parts[2:]]).cut(rows)
        assert left == whole
    assert len(whole) <= rows
    assert Predictions.from_json(json.loads(json.dumps(whole.to_json()))) == whole


@given(st.lists(hours(), max_size=4))
def test_merging_twice_changes_nothing(parts):
    merged = Predictions.merge(parts)
    assert Predictions.merge([merged, merged]) == merged
    assert len(set(merged.keys)) == len(merged) == len({key for part in parts for key in part.keys})


@given(hours(), labels_of(), st.integers(0, 48))
def test_the_join_is_that_of_a_dictionary(predictions, outcomes, mature_hours):
    joined = join(predictions, outcomes, NOW, mature_hours)
    last, first = {}, {}
    known = [row for row in zip(outcomes.keys, outcomes.labels, outcomes.at, strict=True) if row[2] <= LATEST]
    for key, label, at in sorted(known, key=lambda row: row[2]):
        last[key] = label
        first.setdefault(key, at)
    mature = [
        (key, at, value)
        for key, at, value in zip(predictions.keys, predictions.at, predictions.values, strict=True)
        if at <= LATEST - mature_hours * HOUR
    ]
    expected = [(value, last[key]) for key, _, value in mature if key in last]
    assert list(zip(joined.values, joined.labels, strict=True)) == expected
    assert joined.matured == len(mature)
    assert joined.matured + len(joined.young) == len(predictions)
    delays = [max(0, first[key] - at) / HOUR for key, at, _ in mature if key in last]
    if delays:
        assert math.isclose(joined.delay_median_hours, np.quantile(delays, 0.5), abs_tol=1e-9)


# --- the estimate


@settings(max_examples=50)
@given(st.data(), st.sampled_from([Task.BINARY, Task.MULTICLASS]))
def test_any_usable_holdout_calibrates_and_estimates_any_usable_window(data, task):
    values, labels = data.draw(samples(task, st.floats(0, 1)))
    good = usable(task, values, labels)
    values, labels = values[good], labels[good]
    if not len(labels):
        return
    calibration = calibrate(task, values, labels)
    soft = calibration.soft_labels(values)
    assert np.allclose(soft.sum(axis=1), 1)
    assert ((soft >= 0) & (soft <= 1)).all()
    found = estimate_performance(calibration, values)
    assert set(found.estimates) | set(found.undefined) == set(METRICS[task])
    assert all(math.isfinite(estimate.value) for estimate in found.estimates.values())
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration
