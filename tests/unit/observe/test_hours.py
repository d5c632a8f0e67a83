"""Hours and windows of hours."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np

from selfheal.observe.capture import Inference, Rejected
from selfheal.observe.hours import Hour, latest_window, observe_hour
from unit.samples import CHALLENGER, CHAMPION, NOW, baseline, hour, hours_before


def inference(key, score=0.5, package=CHAMPION, fields=("0.1", "a")):
    return Inference(key=key, at=NOW, fields=fields, score=score, model_package=package)


def test_an_event_captured_twice_counts_once():
    observed = observe_hour(
        NOW, [inference("e1"), inference("e1"), inference("e2")], [], baseline(), CHAMPION
    )
    assert observed.rows == 2
    assert observed.profile["x"].rows == 2
    assert len(observed.predictions) == 2


def test_only_the_champions_own_answers_are_its_predictions():
    inferences = [inference("mine", 0.1), inference("theirs", 0.9, CHALLENGER)]
    observed = observe_hour(NOW, inferences, [], baseline(), CHAMPION)
    assert observed.predictions == (("mine", 0.1),)
    # Its inputs count all the same: drift is of the traffic, whoever answered.
    assert observed.rows == observed.profile["c"].rows == 2


def test_requests_without_an_answer_are_counted_as_such():
    observed = observe_hour(NOW, [inference("e1", None, None), inference("e2")], [], baseline(), CHAMPION)
    assert (observed.rows, observed.unanswered) == (2, 1)
    assert observed.predictions == (("e2", 0.5),)


def test_refused_lines_are_counted():
    rejected = [Rejected("a.jsonl", 1, "not JSON", "{")]
    assert observe_hour(NOW, [], rejected, baseline(), CHAMPION).malformed == 1


def test_an_empty_hour_is_an_hour():
    observed = observe_hour(NOW, [], [], baseline(), CHAMPION)
    assert (observed.rows, observed.unanswered, observed.malformed) == (0, 0, 0)
    assert observed.profile["x"].rows == observed.profile["c"].rows == 0


def test_an_hour_survives_json():
    before = observe_hour(
        NOW, [inference("e1", 0.1 + 0.2), inference("e2", None, None)], [], baseline(), CHAMPION
    )
    after = Hour.from_json(json.loads(json.dumps(before.to_json())))
    assert (after.start, after.rows, after.unanswered) == (before.start, 2, 1)
    assert after.predictions == before.predictions
    assert np.array_equal(after.profile["x"].counts, before.profile["x"].counts)
    assert after.profile["c"] == before.profile["c"]


def window_of(rows_by_hour, min_rows):
    reference = baseline()
    hours = [
        hour(reference, start, np.zeros(rows), ["a"] * rows)
        for start, rows in zip(hours_before(NOW, len(rows_by_hour)), rows_by_hour, strict=True)
    ]
    return latest_window(hours, min_rows, NOW)


def test_the_window_is_the_shortest_that_has_enough():
    window = window_of([100, 100, 30, 20, 50], min_rows=90)
    assert (window.hours, window.rows) == (3, 100)
    assert window.profile["c"].counts == {"a": 100}


def test_the_window_takes_all_where_nothing_is_enough():
    window = window_of([10, 0, 20], min_rows=1000)
    assert (window.hours, window.rows) == (3, 30)


def test_no_hour_makes_an_empty_window():
    window = latest_window([], 100, NOW)
    assert (window.hours, window.rows, window.malformed) == (0, 0, 0)
    assert window.profile == {}


def test_the_hour_that_has_not_closed_is_left_out():
    reference = baseline()
    hours = [
        hour(reference, NOW - timedelta(hours=1), [0.0], ["a"]),
        hour(reference, NOW, [0.0, 0.0], ["b", "b"]),
    ]
    assert latest_window(hours, 100, NOW).profile["c"].counts == {"a": 1}
