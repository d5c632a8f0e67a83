"""Profiles of odd columns, of many rows, and of rows that do not belong together."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from selfheal.observe.profiles.layout import Categorical, Layout, Numeric
from selfheal.observe.profiles.profile import EXAMPLES, Profile, ProfileError, Rows, empty, merge, profile
from selfheal.observe.profiles.row_sample import SIZE

KIB = 1024
LAYOUT = Layout(
    features=(
        Numeric.of("x", np.linspace(-1, 1, 1000)),
        Categorical.of("c", {"a": 3, "b": 1}),
        Categorical.of("id", {str(key): 1 for key in range(2000)}),
    )
)


def profile_of(**columns):
    rows = len(next(iter(columns.values())))
    return profile(LAYOUT, Rows(keys=[str(key) for key in range(rows)], columns=columns))


def test_nothing_that_is_not_a_number_is_counted():
    found = profile_of(x=np.array([math.nan, math.inf, -math.inf, 0.5, -0.0]))
    assert (found.present(0), found.missing[0], found.negative[0]) == (2, 3, 0)
    assert (found.low[0], found.high[0], found.moments(0)) == (0.0, 0.5, (0.25, 0.25))
    assert math.copysign(1, found.low[0]) == 1


@pytest.mark.parametrize("rows", [0, 1, 100])
def test_a_column_of_nulls_is_missing_and_has_no_moments(rows):
    found = profile_of(x=np.full(rows, math.nan), c=[None] * rows)
    assert found.missing.tolist() == [rows] * 3
    assert (found.low[0], found.high[0]) == (math.inf, -math.inf)
    with pytest.raises(ValueError, match="no values"):
        found.moments(0)


def test_categories_have_no_mean():
    with pytest.raises(ValueError, match="c is categorical"):
        profile_of(c=["a"]).moments(1)


def test_what_training_never_saw_is_counted_and_a_few_are_kept():
    found = profile_of(c=["a", "b", None, *(f"new {n:03}" for n in range(100, 0, -1))])
    assert found.of(1).tolist() == [1, 1, 100]
    assert found.unseen == {"c": tuple(f"new {n:03}" for n in range(1, EXAMPLES + 1))}


def test_where_training_had_too_many_categories_another_is_nothing_new():
    found = profile_of(id=["never seen"])
    assert found.of(2)[-1] == 1
    assert found.unseen == {}


def test_a_novel_for_a_category_is_cut_short_the_same_in_every_division():
    novels = ["x" * 10**6 + str(n) for n in range(30)]
    parts = merge([profile_of(c=novels[:10]), profile_of(c=novels[10:])])
    assert parts.unseen == profile_of(c=novels).unseen
    assert len(json.dumps(parts.to_json()["unseen"])) < KIB


def test_a_million_new_categories_take_seconds_and_no_space():
    started = time.perf_counter()
    found = profile_of(c=[f"session {n}" for n in range(10**6)])
    assert time.perf_counter() - started < 20
    assert found.of(1)[-1] == 10**6
    assert len(json.dumps(found.to_json())) < 16 * KIB


def test_integers_beyond_the_floats_are_counted():
    layout = Layout(features=(Numeric.of("n", np.array([2**53 + 1, 2**60, -(2**70)], dtype=float)),))
    found = profile(layout, Rows(keys="abc", columns={"n": np.array([2**53 + 2, 2**63, 2**80], dtype=float)}))
    assert found.present(0) == 3
    assert found.sums[0] * layout.features[0].unit == pytest.approx(float(2**53 + 2 + 2**63 + 2**80))


def test_text_and_gaps_in_the_payload_are_counted():
    mask = np.array([True, False])
    rows = Rows(keys="ab", columns={"x": np.array([math.nan, 1.0])}, invalid={"x": mask}, absent={"c": ~mask})
    found = profile(LAYOUT, rows)
    assert (found.invalid.tolist(), found.absent.tolist()) == ([1, 0, 0], [0, 1, 0])
    assert found.missing.tolist() == [1, 2, 2]


@pytest.mark.parametrize("where", ["columns", "invalid", "absent"])
def test_columns_of_another_length_are_refused(where):
    with pytest.raises(ProfileError, match="x has 2 rows where there are 3 keys"):
        Rows(**{"keys": "abc", "columns": {}, where: {"x": np.zeros(2)}})


def test_nothing_is_merged_and_other_layouts_are_refused():
    with pytest.raises(ProfileError, match="no profile"):
        merge([])
    other = Layout(features=LAYOUT.features[:2])
    with pytest.raises(ProfileError, match=f"{other.digest}.*{LAYOUT.digest}"):
        merge([empty(LAYOUT), empty(other)])
    with pytest.raises(ProfileError, match=f"of layout {LAYOUT.digest}, not of {other.digest}"):
        Profile.from_json(empty(LAYOUT).to_json(), other)


BODY = profile_of(x=np.arange(5.0), c=list("abcab")).to_json()


@pytest.mark.parametrize(
    "broken",
    [
        {"counts": "hello"},
        {"counts": "1eJxjAAAAAQAB"},
        {"counts": None},
        {"missing": [1]},
        {"missing": ["a", "b", "c"]},
        {"sums": [1, 2]},
        {"low": [1.0]},
        {"invalid": {"7": 1}},
        {"invalid": [1]},
        {"sample": {"hashes": BODY["sample"]["hashes"], "codes": ""}},
        {"sample": None},
        {"rows": "many"},
    ],
)
def test_what_is_no_profile_is_refused(broken):
    with pytest.raises(ProfileError):
        Profile.from_json({**BODY, **broken}, LAYOUT)


@pytest.mark.parametrize("body", [{}, [], "profile", None, 3])
def test_what_is_no_object_is_refused(body):
    with pytest.raises(ProfileError, match="not a profile"):
        Profile.from_json(body, LAYOUT)


def _counted(layout, rows, rng):
    """What a profile of so many independent rows of the training distribution holds."""
    shares = np.concatenate(
        [np.isin(np.arange(f.size), np.arange(f.size)[f.inner]) / (f.size - 258) for f in layout.features]
    )
    codes = rng.integers(130, 380, size=(SIZE, len(layout.features)), dtype=np.uint16)
    hashes = np.sort(rng.integers(0, 2**64, size=SIZE, dtype=np.uint64))
    blank = empty(layout)
    return replace(
        blank,
        rows=rows,
        counts=rng.poisson(rows * shares).astype(np.int64),
        missing=np.full(len(layout.features), rows // 10),
        invalid=np.full(len(layout.features), rows // 7),
        absent=np.full(len(layout.features), rows // 9),
        negative=np.full(len(layout.features), rows // 2),
        sums=tuple(int(each) * 2**30 for each in rng.integers(0, rows, len(layout.features))),
        squares=tuple(int(each) * 2**62 for each in rng.integers(0, rows, len(layout.features))),
        low=rng.normal(size=len(layout.features)),
        high=rng.normal(size=len(layout.features)),
        sample=replace(blank.sample, hashes=hashes, codes=codes),
    )


@pytest.mark.parametrize("rows", [40, 2000, 1_000_000, 100_000_000])
def test_fifty_features_take_less_than_64_kib(rows):
    rng = np.random.default_rng(3)
    layout = Layout(
        features=tuple(Numeric.of(f"a rather long name {n}", rng.normal(size=5120)) for n in range(50))
    )
    found = _counted(layout, rows, rng)
    assert found.counts.sum() == pytest.approx(50 * rows, rel=0.1)
    assert len(json.dumps(found.to_json())) < 64 * KIB


def test_fifty_categorical_features_take_less_than_64_kib_with_news_in_all_of_them():
    rng = np.random.default_rng(4)
    names = [f"category {n}" for n in range(900)]
    layout = Layout(features=tuple(Categorical.of(f"c{n}", Counter(names)) for n in range(50)))
    columns = {f"c{n}": [*rng.choice(names, 5000), *(f"news {m}" for m in range(50))] for n in range(50)}
    found = profile(layout, Rows(keys=[str(key) for key in range(5050)], columns=columns))
    assert len(json.dumps(found.to_json())) < 64 * KIB


def test_a_week_of_wide_hours_is_merged_in_a_moment():
    rng = np.random.default_rng(5)
    layout = Layout(features=tuple(Numeric.of(f"x{n}", rng.normal(size=5120)) for n in range(50)))
    hours = [_counted(layout, 2000, rng) for _ in range(168)]
    started = time.perf_counter()
    week = merge(hours)
    assert time.perf_counter() - started < 2
    assert week.rows == 168 * 2000
    assert len(week.sample.codes) == SIZE


def test_news_come_in_the_layouts_order_merged_or_not():
    layout = Layout(features=tuple(Categorical.of(name, {"a": 1}) for name in "zmb"))
    whole = profile(layout, Rows(keys="k", columns={name: ["new"] for name in "bmz"}))
    assert list(merge([whole, empty(layout)]).unseen) == list(whole.unseen) == ["z", "m", "b"]
