"""The model's answers as columns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from selfheal.observe.profiles.outputs import CONFIDENCE, LABEL, SCORE, output_columns


def test_a_binary_answer_has_score_class_and_confidence():
    columns = output_columns(np.array([0.25, 0.5, 1.0, 0.0]), ("no", "yes"))
    assert columns[SCORE].tolist() == [0.25, 0.5, 1.0, 0.0]
    assert columns[LABEL] == ["no", "yes", "yes", "no"]
    assert columns[CONFIDENCE].tolist() == [0.75, 0.5, 1.0, 1.0]


def test_a_multiclass_answer_has_class_and_confidence():
    columns = output_columns(np.array([[0.25, 0.5, 0.25], [0.5, 0.5, 0.0]]), ("a", "b", "c"))
    assert columns.keys() == {LABEL, CONFIDENCE}
    assert columns[LABEL] == ["b", "a"]
    assert columns[CONFIDENCE].tolist() == [0.5, 0.5]


def test_a_regression_has_its_value_alone():
    columns = output_columns(np.array([-3.5, 7.0]), ())
    assert columns.keys() == {SCORE}
    assert columns[SCORE].tolist() == [-3.5, 7.0]


@pytest.mark.parametrize("nothing", [math.nan, math.inf, -math.inf])
def test_no_answer_has_no_class(nothing):
    columns = output_columns(np.array([nothing, 0.75]), ("0", "1"))
    assert columns[LABEL] == [None, "1"]
    assert np.isnan(columns[CONFIDENCE]).tolist() == [True, False]


def test_a_row_with_a_gap_among_its_probabilities_has_no_class():
    columns = output_columns(np.array([[0.2, math.nan], [math.nan, math.nan], [0.1, 0.9]]), ("a", "b"))
    assert columns[LABEL] == [None, None, "b"]
    assert np.isnan(columns[CONFIDENCE]).tolist() == [True, True, False]


@pytest.mark.parametrize(("shape", "classes"), [((0,), ("0", "1")), ((0, 3), ("a", "b", "c")), ((0,), ())])
def test_no_rows_have_columns(shape, classes):
    assert {len(column) for column in output_columns(np.empty(shape), classes).values()} == {0}
