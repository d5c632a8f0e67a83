"""The training data by hour of the week."""

from __future__ import annotations

import json

import numpy as np
import pytest

from selfheal.observe.drift.seasons import CATEGORIES, Coarse, Seasons
from selfheal.observe.profiles.layout import Categorical, Layout, Numeric
from selfheal.observe.profiles.profile import Rows, profile

LAYOUT = Layout(
    features=(
        Numeric.of("x", np.linspace(0, 1, 2560)),
        Categorical.of("c", {"a": 2, "b": 1}),
        Categorical.of("id", {str(n): 1 for n in range(CATEGORIES)}),
        Numeric.of("k", np.ones(3)),
    )
)
COARSE = Coarse(LAYOUT)


def of(x, c="a"):
    keys = [str(key) for key in range(len(x))]
    columns = {"x": np.asarray(x, dtype=float), "c": [c] * len(x), "k": np.ones(len(x))}
    return profile(LAYOUT, Rows(keys=keys, columns=columns))


def test_eight_bins_go_together_and_what_lies_beyond_on_either_side():
    found = COARSE.count(of([-5.0, -0.1, *np.linspace(0, 1, 2560), 1.1, 7.0, 9.0]).counts)
    assert found[COARSE.bins(0)].tolist() == [2, *[80] * 32, 3]
    assert found[COARSE.bins(1)].tolist() == [2565, 0, 0]
    assert found[COARSE.bins(3)].tolist() == [0, 2565, 0]


def test_a_column_of_too_many_categories_has_no_coarse_bins():
    assert COARSE.bins(2).start == COARSE.bins(2).stop
    assert COARSE.size == 34 + 3 + 3
    assert (
        Coarse(Layout(features=LAYOUT.features[2:3])).count(np.ones(CATEGORIES + 1, dtype=np.int64)).size == 0
    )


def seasons():
    """A night hour of 100 low values and a noon hour of 900 high ones, and a thin one."""
    hours = [(168 * week + 3, of(np.full(25, 0.25))) for week in range(4)]
    hours += [(168 * week + 12, of(np.full(225, 0.75))) for week in range(4)]
    return Seasons.of(LAYOUT, [*hours, (20, of(np.full(2, 0.5)))])


def test_weeks_add_up_by_their_hours():
    found = seasons()
    assert (found.rows[3], found.rows[12], found.rows[20], found.rows.sum()) == (100, 900, 2, 1002)
    assert (found.counts[:, COARSE.bins(0)].sum(axis=1) == found.rows).all()


def test_a_mixture_has_the_windows_shares_of_its_hours():
    found = seasons().like({3: 10, 12: 10}, least=30)
    x = found[COARSE.bins(0)]
    low, high = x[x > 0]
    assert low == high
    # A hundred rows stand for one half: the mixture is worth no more than 1 / (0.5² / 100 + 0.5² / 900).
    assert x.sum() == pytest.approx(360, abs=1)


def test_of_one_hour_it_is_that_hour():
    assert seasons().like({12: 7}, least=900)[COARSE.bins(0)].sum() == 900


@pytest.mark.parametrize(
    ("weights", "least"),
    [
        ({}, 30),
        ({4: 5}, 30),  # never seen in training
        ({3: 5, 4: 1}, 30),
        ({3: 10}, 101),
        ({20: 999, 12: 1}, 30),  # two rows stand for nearly all
    ],
)
def test_hours_that_training_does_not_cover_are_like_nothing(weights, least):
    assert seasons().like(weights, least) is None


def test_seasons_survive_json():
    before = seasons()
    after = Seasons.from_json(json.loads(json.dumps(before.to_json())))
    assert np.array_equal(after.rows, before.rows)
    assert np.array_equal(after.counts, before.counts)
