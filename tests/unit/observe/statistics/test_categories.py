"""What is new, what is gone, and whether chance explains it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom

from selfheal.observe.statistics.categories import align_categories, compare_categories


def test_new_and_vanished_are_named_with_their_rows():
    change = compare_categories({"a": 90, "b": 10, "z": 0}, {"a": 45, "é": 4, "z": 1, "": 0})
    assert [(one.name, one.rows, one.share) for one in change.new] == [("é", 4, 0.08), ("z", 1, 0.02)]
    assert [(one.name, one.rows, one.share) for one in change.vanished] == [("b", 10, 0.1)]


@pytest.mark.parametrize(("n", "m", "rows"), [(20_000, 2000, 1), (1000, 100, 40), (50, 5000, 3)])
def test_the_chance_is_fishers(n, m, rows):
    change = compare_categories({"a": n - rows, "b": rows}, {"a": m})
    # All `rows` of b among the n rows of the baseline, out of n + m.
    assert change.vanished[0].chance == pytest.approx(hypergeom.pmf(0, n + m, rows, m), rel=1e-9)


def test_the_chance_holds_in_simulation():
    generator = np.random.default_rng(1)
    gone, judged = 0, 0
    for _ in range(4000):
        before, after = generator.binomial(500, 0.02), generator.binomial(100, 0.02)
        judged += before > 0
        if before and not after:
            chance = compare_categories({"a": 500 - before, "b": before}, {"a": 100}).vanished[0].chance
            gone += chance <= 0.1
    assert gone <= 0.11 * judged


def test_a_million_categories_are_compared_in_a_moment():
    change = compare_categories({"a": 5}, {str(i): 1 for i in range(200_000)})
    assert len(change.new) == 200_000
    assert change.vanished[0].name == "a"


def test_empty_and_negative_are_refused():
    with pytest.raises(ValueError, match="window is empty"):
        compare_categories({"a": 1}, {"a": 0})
    with pytest.raises(ValueError, match="baseline holds a negative count of 'b'"):
        compare_categories({"a": 1, "b": -1}, {"a": 1})


def test_both_sides_are_aligned_on_all_names():
    before, after = align_categories({"b": 2, "a": 1}, {"c": 3, "a": 4})
    assert (before.tolist(), after.tolist()) == ([1, 2, 0], [4, 0, 3])
