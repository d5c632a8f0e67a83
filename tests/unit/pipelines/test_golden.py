"""The golden set that evaluation writes: rows that show what there is."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipelines.steps.golden import ROWS, chosen, golden_set, line
from pipelines.steps.workload import Workload
from selfheal.verify.golden import GoldenSetError
from unit.pipelines.conftest import rows


@pytest.fixture
def workload(inside):
    return Workload.load()


def score(asked):
    return np.linspace(0.1, 0.9, len(asked))


def test_it_shows_tails_categories_and_what_is_missing(workload):
    train = rows()
    shown = train.iloc[chosen(train, workload)]
    assert len(shown) == ROWS
    x, all_x = (pd.to_numeric(each["x"], errors="coerce") for each in (shown, train))
    assert x.min() <= all_x.quantile(0.01)
    assert x.max() >= all_x.quantile(0.99)
    assert set(shown["c"]) == {"a", "b", "c", ""}
    assert (shown["x"] == "").any()


def test_a_rare_category_is_shown_and_of_more_than_there_is_room_for_the_frequent_ones(workload):
    train = rows()
    train.loc[17, "c"] = "rare"
    assert 17 in chosen(train, workload)
    # Each name as often as its number says.
    many = pd.concat([rows(hours=n).assign(c=f"n{n:03d}") for n in range(1, 3 * ROWS)], ignore_index=True)
    shown = set(many.iloc[chosen(many, workload)]["c"])
    assert len(shown) >= ROWS - 3
    assert sum(name > f"n{2 * ROWS:03d}" for name in shown) >= 0.9 * ROWS


def test_the_same_training_set_makes_the_same_golden_set(workload):
    train = rows()
    assert golden_set(train, workload, score) == golden_set(train.copy(), workload, score)
    assert golden_set(train, workload, score) != golden_set(rows(seed=2), workload, score)


def test_of_few_rows_it_takes_all(workload):
    few = rows(hours=5)
    assert chosen(few, workload) == [0, 1, 2, 3, 4]


def test_a_feature_that_is_always_missing_is_shown_as_that(workload):
    train = rows().assign(x="")
    assert len(chosen(train, workload)) == ROWS


def test_answers_are_the_models_own_in_the_order_of_the_rows(workload):
    asked = []
    found = golden_set(rows(), workload, lambda each: asked.extend(each) or score(each))
    assert [next(csv.reader([row])) for row in found.rows] == asked
    assert list(found.answers) == score(asked).tolist()


def test_a_model_without_a_finite_answer_is_not_registered(workload):
    with pytest.raises(GoldenSetError, match="not a finite number"):
        golden_set(rows(), workload, lambda each: np.full(len(each), np.nan))


@pytest.mark.parametrize("row", [["1.5", "a"], ["", ""], ["a,b", 'say "x"'], [""]])
def test_a_row_is_read_again_as_it_was_written(row):
    assert next(csv.reader([line(row)])) == row


def test_one_column_alone_may_be_the_whole_payload(workload):
    alone = replace(workload, features=(("x", "numeric"),))
    assert len(golden_set(rows(), alone, score).rows) == ROWS
