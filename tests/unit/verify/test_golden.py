"""A golden set is answered as recorded, or the row is named with both answers."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.reading.traffic import Schema
from selfheal.verdict import Verdict
from selfheal.verify.golden import GoldenSet, GoldenSetError, judge_golden
from unit.samples import CHALLENGER, CHAMPION, answer

SCHEMA = Schema(features=(("x", True), ("c", False)))
GOLDEN = GoldenSet(rows=("1.5,a", "2.5,b", ",c"), answers=(0.25, 0.5, 0.75))
TOLERANCE = 1e-4


def found(text, golden=GOLDEN, schema=SCHEMA, is_json=True):
    return judge_golden(golden, CHAMPION, text, is_json, schema, TOLERANCE)


def test_as_recorded():
    finding = found(answer(0.25, 0.5, 0.75))
    assert finding.verdict is Verdict.PASS
    assert finding.reasons == ("the golden set (3 rows) is answered as recorded",)


@pytest.mark.parametrize(("off", "verdict"), [(0.00009, Verdict.PASS), (0.0002, Verdict.FAIL)])
def test_within_the_tolerance(off, verdict):
    assert found(answer(0.25, 0.5 + off, 0.75)).verdict is verdict


def test_a_mismatch_names_the_row_and_both_answers():
    (reason,) = found(answer(0.25, 0.9, 0.1)).reasons
    assert "2 of 3 rows" in reason
    assert "'2.5,b' 0.9 where 0.5 was recorded" in reason


def test_another_package_answers():
    finding = found(answer(0.25, 0.5, 0.75, package=CHALLENGER))
    assert finding.verdict is Verdict.FAIL
    assert CHALLENGER in finding.reasons[0]


def test_an_answer_that_names_no_package_is_judged_by_its_numbers():
    assert found("[0.25, 0.5, 0.75]").verdict is Verdict.PASS
    assert found("0.25\n0.5\n0.75", is_json=False).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "text", ["", "no JSON", answer(0.25, 0.5), '{"predictions": [0.25, 0.5, NaN]}', '{"predictions": 1}']
)
def test_what_is_no_answer_to_every_row_is_none(text):
    assert found(text).verdict is Verdict.FAIL


def test_classes_are_compared_one_by_one():
    schema = Schema(features=(("x", True),), task=Task.MULTICLASS, classes=("a", "b"))
    golden = GoldenSet(rows=("1",), answers=([0.25, 0.75],))
    assert found('{"predictions": [[0.25, 0.75]]}', golden, schema).verdict is Verdict.PASS
    assert found('{"predictions": [[0.75, 0.25]]}', golden, schema).verdict is Verdict.FAIL


def test_large_quantities_are_compared_relatively():
    schema = Schema(features=(("x", True),), task=Task.REGRESSION)
    golden = GoldenSet(rows=("1",), answers=(1e6,))
    assert found("[1000050]", golden, schema).verdict is Verdict.PASS
    assert found("[1000200]", golden, schema).verdict is Verdict.FAIL


@given(st.lists(st.tuples(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False)), min_size=1))
def test_it_is_read_as_it_was_written(pairs):
    golden = GoldenSet(rows=tuple(r for r, _ in pairs), answers=tuple(a for _, a in pairs))
    assert GoldenSet.from_json(json.loads(json.dumps(golden.to_json()))) == golden


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rows": [], "answers": []},
        {"rows": ["1"], "answers": []},
        {"rows": ["1"], "answers": [math.nan]},
        {"rows": ["1"], "answers": [[0.5, math.inf]]},
        {"rows": ["1"], "answers": ["0.5"]},
        {"rows": 1, "answers": 1},
        [],
    ],
)
def test_what_is_no_golden_set_is_refused(body):
    with pytest.raises(GoldenSetError):
        GoldenSet.from_json(body)
