"""Data quality: broken input is told apart from input that merely moved."""

from __future__ import annotations

import math

import numpy as np
import pytest

from selfheal.observe.hours import Window, latest_window
from selfheal.observe.policy import QualityPolicy
from selfheal.observe.quality import quality_signals
from selfheal.observe.signals import SignalKind, Status
from unit.samples import NOW, baseline, hour, hours_before, profile_of

POLICY = QualityPolicy()


def judge(x, c, malformed=0):
    reference = baseline()
    (start,) = hours_before(NOW, 1)
    window = latest_window([hour(reference, start, x, c, malformed=malformed)], POLICY.min_rows, NOW)
    return {(s.subject, s.statistic): s for s in quality_signals(reference, window, POLICY)}


def breaches(signals):
    return {key for key, signal in signals.items() if signal.status is Status.BREACH}


def test_clean_traffic_is_ok_however_far_it_moved():
    signals = judge(np.full(500, 99.0), ["a"] * 500)
    assert {signal.status for signal in signals.values()} == {Status.OK}
    assert {signal.kind for signal in signals.values()} == {SignalKind.DATA_QUALITY}
    assert set(signals) == {
        ("records", "malformed_percent"),
        ("x", "null_percent"),
        ("c", "null_percent"),
        ("c", "unseen_percent"),
    }


def test_nulls_beyond_training_are_a_breach_of_that_feature():
    x = np.zeros(500)
    x[:60] = np.nan
    signals = judge(x, ["a"] * 500)
    assert breaches(signals) == {("x", "null_percent")}
    assert signals["x", "null_percent"].value == pytest.approx(12.0)
    assert signals["x", "null_percent"].threshold == pytest.approx(10.0)


def test_a_limit_that_is_just_reached_is_kept():
    x = np.zeros(500)
    x[:50] = np.nan
    assert breaches(judge(x, ["a"] * 500)) == set()


def test_nulls_that_training_had_too_are_no_breach():
    reference = baseline()
    half = np.where(np.arange(1000) % 2, np.nan, 0.0)
    learned = type(reference)(
        features=reference.features,
        profile=profile_of(reference, half, ["a"] * 1000),
        metrics={},
        window=reference.window,
    )
    window = Window(hours=1, rows=1000, malformed=0, profile=profile_of(reference, half, ["a"] * 1000))
    assert {s.status for s in quality_signals(learned, window, POLICY)} == {Status.OK}


def test_categories_that_training_never_saw_are_a_breach_and_named():
    signals = judge(np.zeros(500), ["zz"] * 20 + ["yy"] * 10 + ["a"] * 470)
    assert breaches(signals) == {("c", "unseen_percent")}
    assert "(zz, yy)" in signals["c", "unseen_percent"].reason


def test_lines_that_cannot_be_read_are_a_breach():
    signals = judge(np.zeros(500), ["a"] * 500, malformed=6)
    assert breaches(signals) == {("records", "malformed_percent")}
    assert "6 of 506" in signals["records", "malformed_percent"].reason


def test_traffic_of_which_nothing_can_be_read_is_a_breach():
    assert breaches(judge([], [], malformed=300)) == {("records", "malformed_percent")}


@pytest.mark.parametrize("rows", [0, 1, 199])
def test_too_few_rows_are_no_data(rows):
    signals = judge(np.full(rows, np.nan), [None] * rows)
    assert [signal.status for signal in signals.values()] == [Status.NO_DATA]
    assert next(iter(signals.values())).value is None


def test_no_hours_are_no_data():
    (signal,) = quality_signals(baseline(), latest_window([], POLICY.min_rows, NOW), POLICY)
    assert signal.status is Status.NO_DATA


def test_a_limit_that_is_no_number_passes_nothing():
    # The settings refuse it; should it come about all the same, it must not read as "fine".
    policy = QualityPolicy()
    object.__setattr__(policy, "malformed_percent", math.nan)
    reference = baseline()
    window = latest_window(
        [hour(reference, hours_before(NOW, 1)[0], np.zeros(500), ["a"] * 500)], policy.min_rows, NOW
    )
    signals = {s.statistic: s for s in quality_signals(reference, window, policy)}
    assert signals["malformed_percent"].status is Status.BREACH
