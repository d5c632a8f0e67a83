"""Hours from parts of files, and windows of hours."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.observe.hours import (
    PREDICTIONS,
    Hour,
    Window,
    hour_number,
    hour_parts,
    merge_hour,
    quiet_hour,
    shortest_window,
    usual_rows,
    window,
)
from selfheal.observe.performance.outcomes import microseconds
from selfheal.observe.profiles.layout import Layout
from selfheal.observe.profiles.profile import ProfileError
from selfheal.observe.reading.traffic import Schema, Traffic
from unit.samples import CHALLENGER, CHAMPION, NOW, baseline, hour, hours_before, predictions

SCHEMA, LAYOUT = baseline().schema, baseline().layout


def traffic(rows):
    """Captured rows, each (key, minute, x, c, score, package)."""
    keys, minutes, x, c, scores, packages = zip(*rows, strict=True)
    return Traffic(
        keys=keys,
        at=np.array([microseconds(NOW + timedelta(minutes=minute)) for minute in minutes], dtype=np.int64),
        columns={"x": np.array(x, dtype=float), "c": np.array(c, dtype=object)},
        packages=np.array(packages, dtype=object),
        values=np.array(scores, dtype=float),
        extra={"y": np.array([key.endswith("7") for key in keys])},
        absent={"c": np.array([each is None for each in c])},
    )


def row(key, minute=0, x=0.5, c="a", score=0.25, package=CHAMPION):
    return key, minute, x, c, score, package


def parts_of(*rows):
    return hour_parts(traffic(rows), SCHEMA, LAYOUT, CHAMPION)


rows = st.lists(
    st.tuples(
        st.integers(0, 10**9).map(str),
        st.integers(0, 59),
        st.floats(),
        st.none() | st.sampled_from(["a", "b", "new"]),
        st.floats(0, 1) | st.just(np.nan),
        st.sampled_from([CHAMPION, CHALLENGER, None]),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda each: each[0],
)


@given(rows, st.data())
def test_an_hour_is_the_same_however_its_rows_were_divided_into_files(drawn, data):
    (whole,) = parts_of(*drawn).values()
    order = data.draw(st.permutations(drawn))
    cuts = sorted({*data.draw(st.lists(st.integers(1, len(order)), max_size=4)), len(order)})
    files = [order[start:end] for start, end in zip([0, *cuts], cuts, strict=False) if start < end]
    parts = [part for file in files for part in parts_of(*file).values()]
    straight, turned = merge_hour(parts), merge_hour(parts[::-1])
    assert straight.to_json() == turned.to_json()
    same = replace(whole, predictions=whole.predictions.ordered())
    assert replace(straight, predictions=straight.predictions.ordered()).to_json() == same.to_json()
    assert Hour.from_json(json.loads(json.dumps(whole.to_json())), LAYOUT).to_json() == whole.to_json()


def test_rows_go_to_the_hour_of_their_inference():
    found = parts_of(row("a", 59), row("b", 60), row("c", -1), row("d", 61))
    assert {start: part.rows for start, part in found.items()} == {
        NOW - timedelta(hours=1): 1,
        NOW: 1,
        NOW + timedelta(hours=1): 2,
    }
    assert found[NOW + timedelta(hours=1)].newest == NOW + timedelta(minutes=61)


def test_a_key_that_comes_again_in_a_file_counts_once_and_is_counted_as_such():
    (part,) = parts_of(row("e1", x=0.25), row("e1", x=9.0), row("e2", x=0.25), row("e1", x=9.0)).values()
    assert (part.rows, part.duplicates, len(part.predictions)) == (2, 2, 2)
    assert part.profile.high[0] == 0.25


def test_only_the_champions_own_answers_are_its_predictions_and_outputs():
    (part,) = parts_of(row("mine", score=0.125), row("theirs", score=0.875, package=CHALLENGER)).values()
    assert part.predictions.keys == ("mine",)
    assert part.predictions.values.tolist() == [0.125]
    # Its inputs count all the same: drift is of the traffic, whoever answered.
    assert [part.profile.present(place) for place in range(5)] == [2, 2, 1, 1, 1]
    assert (part.unanswered, part.profile.high[2]) == (0, 0.125)


def test_requests_without_an_answer_are_counted_as_such():
    (part,) = parts_of(row("e1", score=np.nan, package=None), row("e2")).values()
    assert (part.rows, part.unanswered, len(part.predictions)) == (2, 1, 1)
    assert part.profile.missing[2] == 1


def test_columns_that_are_not_known_and_not_there_are_counted():
    (part,) = parts_of(row("7"), row("8", c=None), row("17")).values()
    assert (part.extra_rows, part.extra) == (2, ("y",))
    assert part.profile.absent.tolist() == [0, 1, 0, 0, 0]


def test_a_large_hour_keeps_a_uniform_sample_of_its_predictions():
    drawn = [row(str(key)) for key in range(PREDICTIONS + 1)]
    (whole,) = parts_of(*drawn).values()
    halves = [part for half in (drawn[:7000], drawn[7000:]) for part in parts_of(*half).values()]
    assert len(whole.predictions) == PREDICTIONS
    assert whole.rows == PREDICTIONS + 1
    merged = merge_hour(halves).predictions
    assert merged.ordered() == whole.predictions.ordered()
    assert 0.99 < merged.kept_share < 1


def test_a_multiclass_answer_is_profiled_by_its_class():
    layout = Layout(features=(*LAYOUT.features[:2], *LAYOUT.features[3:]))
    schema = Schema(features=SCHEMA.features, task="multiclass", classes=("0", "1"))
    plain = traffic([row("a"), row("b"), row("c", package=CHALLENGER)])
    many = replace(plain, values=np.array([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]]))
    (part,) = hour_parts(many, schema, layout, CHAMPION).values()
    assert part.profile.of(2).tolist() == [1, 1, 0]
    assert part.predictions.values.shape == (2, 2)


def test_an_hour_without_traffic_is_an_hour_and_changes_no_other():
    quiet, (part,) = quiet_hour(NOW, LAYOUT), parts_of(row("a")).values()
    assert (quiet.rows, quiet.newest) == (0, None)
    assert Hour.from_json(json.loads(json.dumps(quiet.to_json())), LAYOUT).to_json() == quiet.to_json()
    assert merge_hour([quiet, part]).to_json() == part.to_json()


def test_lines_that_could_not_be_read_add_up():
    (part,) = parts_of(row("a")).values()
    both = merge_hour([replace(part, malformed=2, golden=1), replace(quiet_hour(NOW, LAYOUT), malformed=3)])
    assert (both.malformed, both.golden) == (5, 1)
    assert Hour.from_json(json.loads(json.dumps(both.to_json())), LAYOUT).golden == 1


def test_an_hour_that_was_stored_before_golden_requests_were_counted_has_none():
    body = quiet_hour(NOW, LAYOUT).to_json()
    del body["golden"]
    assert Hour.from_json(body, LAYOUT).golden == 0


def test_parts_of_different_hours_are_not_one_hour():
    with pytest.raises(ValueError, match="2 hours"):
        merge_hour([quiet_hour(NOW, LAYOUT), quiet_hour(NOW + timedelta(hours=1), LAYOUT)])
    with pytest.raises(ValueError, match="0 hours"):
        merge_hour([])


def test_an_hour_of_another_layout_is_refused():
    other = Layout(features=LAYOUT.features[:2])
    with pytest.raises(ProfileError, match="layout"):
        Hour.from_json(quiet_hour(NOW, LAYOUT).to_json(), other)


def test_hours_are_numbered_from_the_epoch():
    assert hour_number(datetime(1970, 1, 2, 1, 59, tzinfo=timezone.utc)) == 25
    assert hour_number(datetime(1969, 12, 31, 23, 30, tzinfo=timezone.utc)) == -1
    east = timezone(timedelta(hours=5))
    assert hour_number(datetime(1970, 1, 1, 5, 30, tzinfo=east)) == 0


# --- windows


def hours_of(counts, now=NOW):
    reference = baseline()
    return [
        hour(reference, start, np.zeros(rows), ["a"] * rows, answers=predictions())
        for start, rows in zip(hours_before(now, len(counts)), counts, strict=True)
    ]


def test_the_window_is_the_shortest_that_has_enough():
    found = shortest_window(hours_of([100, 100, 30, 20, 50]), 90, 168, NOW)
    assert (found.hours, found.length_hours, found.rows) == (3, 3, 100)
    assert (found.start, found.end) == (NOW - timedelta(hours=3), NOW)
    assert found.profile.of(1)[LAYOUT.features[1].places["a"]] == 100
    assert found.counts.tolist() == found.profile.counts.tolist()


@pytest.mark.parametrize(
    ("least", "length"), [(1, 1), (24, 24), (25, 48), (48, 48), (49, 72), (72, 72), (73, 73), (10**6, 73)]
)
def test_beyond_a_day_it_has_whole_days_unless_there_are_no_more(least, length):
    assert shortest_window(hours_of([1] * 100), least, 73, NOW).length_hours == length


def test_hours_without_traffic_and_hours_that_are_not_there_take_their_time():
    hours = [each for place, each in enumerate(hours_of([60, 5, 0, 5, 0])) if place != 3]
    found = shortest_window(hours, 60, 168, NOW)
    assert (found.length_hours, found.observed_hours, found.hours, found.rows) == (5, 4, 2, 65)


def test_the_window_takes_all_where_nothing_is_enough():
    found = shortest_window(hours_of([10, 0, 20]), 1000, 48, NOW)
    assert (found.rows, found.hours, found.observed_hours, found.length_hours) == (30, 2, 3, 48)


def test_no_hour_makes_an_empty_window():
    found = shortest_window([], 100, 24, NOW)
    assert (found.hours, found.observed_hours, found.rows, found.malformed, found.newest) == (
        0,
        0,
        0,
        0,
        None,
    )
    assert (found.hours_of_week, found.extra) == ({}, ())
    with pytest.raises(ProfileError, match="no profile"):
        _ = found.profile


def test_only_hours_of_the_window_are_in_it():
    hours = hours_of([1, 2, 3, 4], now=NOW + timedelta(hours=1))
    found = window(hours, 2, NOW)
    assert [each.rows for each in found.parts] == [2, 3]
    assert shortest_window(hours, 10**6, 1, NOW).rows == 3


def test_the_hours_of_the_week_are_those_of_the_epochs_thursday():
    # 1 March 2013 is a Friday; its hour 11 is 24 + 11 hours into a week that begins on a Thursday.
    found = window(hours_of([5] + [0] * 165 + [3, 2, 7], NOW), 169, NOW)
    assert found.hours_of_week == Counter({35: 12, 33: 3, 34: 2})


def test_counts_of_a_window_are_those_of_its_hours():
    one, two = hours_of([3, 4])
    both = Window(
        parts=(
            replace(one, malformed=1, duplicates=2, extra_rows=3, extra=("b",), newest=NOW),
            replace(two, malformed=10, duplicates=20, extra_rows=30, extra=("a", "b")),
        ),
        start=one.start,
        end=NOW,
    )
    assert (both.malformed, both.duplicates, both.extra_rows) == (11, 22, 33)
    assert (both.extra, both.newest) == (("a", "b"), NOW)


class TestUsualRows:
    """Four days of 10 rows an hour by day and 1 by night, then the window."""

    @staticmethod
    def days(now=NOW):
        counts = [10 if 6 <= (now - timedelta(hours=back)).hour < 22 else 1 for back in range(96, 0, -1)]
        return hours_of(counts, now)

    def test_is_that_of_the_same_hours_of_the_day(self):
        night, noon = NOW.replace(hour=3), NOW.replace(hour=13)
        for now, usual in ((night, 1), (noon, 10)):
            hours = self.days(now)
            assert usual_rows(hours, window(hours, 1, now)) == usual
        hours = self.days()
        assert usual_rows(hours, window(hours, 24, NOW)) == pytest.approx((16 * 10 + 8) / 24)

    def test_is_not_known_from_fewer_than_three_days(self):
        hours = self.days()
        assert usual_rows(hours[-73:], window(hours, 1, NOW)) == 10
        assert usual_rows(hours[-72:], window(hours, 1, NOW)) is None
        assert usual_rows(hours, window([], 1, NOW)) is None
