"""Baselines: what they say of payloads, how they are made, stored and refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from selfheal.observe.baseline import Baseline
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.profiles.layout import BaselineError, Role
from selfheal.observe.profiles.profile import empty
from selfheal.observe.reference import Champion, make_baseline
from unit.samples import METRICS, TRAINED_FROM, baseline, hour_number, outputs_of, profile, rows_of

CHAMPION = Champion(metrics=METRICS, window=("2013-01-01T00:00:00+00:00", "2013-01-02T00:00:00+00:00"))


def again(before):
    return Baseline.from_json(json.loads(json.dumps(before.to_json())))


def test_a_baseline_survives_json_to_the_bit():
    before = baseline()
    after = again(before)
    assert after.to_json() == before.to_json()
    assert after.layout.digest == before.layout.digest
    assert (after.metrics, after.window, after.task) == (before.metrics, before.window, before.task)


def test_a_baseline_without_hours_survives_json():
    before = replace(baseline(), rhythm=None, calibrator={"a": 1}, task=Task.MULTICLASS, classes=("p", "q"))
    after = again(before)
    assert (after.rhythm, after.calibrator, after.task) == (None, {"a": 1}, Task.MULTICLASS)
    assert after.to_json() == before.to_json()


def test_payloads_hold_the_inputs_alone():
    assert baseline().schema.features == (("x", True), ("c", False))
    assert baseline().schema.task == "binary"


def test_the_rows_of_one_side_are_no_gaps_in_the_columns_of_the_other():
    reference = baseline().profile
    assert reference.rows == 5000
    assert reference.missing.tolist() == [0] * 5
    for place, feature in enumerate(reference.layout.features):
        assert reference.present(place) == (1000 if feature.role is Role.OUTPUT else 5000)


def test_gaps_of_either_side_are_kept():
    layout, first = baseline().layout, hour_number(TRAINED_FROM)
    trained = [(first, profile(layout, rows_of([1.0, np.nan], ["a", None])))]
    answered = [(first + 1, profile(layout, outputs_of([0.5, np.nan, np.nan])))]
    made = make_baseline(trained, answered, CHAMPION)
    assert made.profile.missing.tolist() == [1, 1, 2, 2, 2]
    assert len(made.profile.sample.hashes) == 2


def test_a_model_that_answered_nothing_yet_has_a_baseline_of_its_inputs():
    layout, first = baseline().layout, hour_number(TRAINED_FROM)
    made = make_baseline([(first, profile(layout, rows_of([1.0, 2.0], ["a", "b"])))], [], CHAMPION)
    assert [made.profile.present(place) for place in range(5)] == [2, 2, 0, 0, 0]
    assert again(made).to_json() == made.to_json()


def test_no_training_row_makes_no_baseline():
    with pytest.raises(BaselineError, match="no training row"):
        make_baseline([], [(0, empty(baseline().layout))], CHAMPION)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"version": 1}, "version 1 is not 4: train again"),
        ({"layout": None}, "not a baseline"),
        ({"layout": []}, "at least one feature"),
        ({"layout": [{"name": "x"}]}, "role"),
        ({"profile": {}}, "not a profile"),
        ({"profile": {"layout": "0123"}}, "layout 0123"),
        ({"window": ["2013-01-01"]}, "not a baseline"),
        ({"metrics": 3}, "not a baseline"),
        ({"task": "guessing"}, "guessing"),
        ({"rhythm": {"watch": 3}}, "not the state of a watch"),
        ({"rhythm": {"seasons": {}}}, "not a baseline"),
        ({"rhythm": "fast"}, "not a baseline"),
        ({"paces": {"x": {"scale": 1}}}, "not a baseline"),
        ({"paces": None}, "not a baseline"),
    ],
)
def test_what_is_no_baseline_is_refused(broken, message):
    with pytest.raises(BaselineError, match=message):
        Baseline.from_json({**baseline().to_json(), **broken})


@pytest.mark.parametrize("body", [{}, [], "baseline", None, 3])
def test_what_is_no_object_is_refused(body):
    with pytest.raises(BaselineError, match="not a baseline"):
        Baseline.from_json(body)
