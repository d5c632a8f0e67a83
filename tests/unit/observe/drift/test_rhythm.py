"""What the training data say of days and weeks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import f_oneway

from selfheal.observe.drift.rhythm import REFERENCE_ROWS, Rhythm, _variance_p
from selfheal.observe.hours import DAY, WEEK
from selfheal.observe.profiles.layout import Layout, Numeric
from selfheal.observe.profiles.profile import Rows, merge, profile

ROWS = 40


def rhythm_of(level, days=29, rows=ROWS, first=15_706 * DAY, fixed=False):
    """The rhythm of training data whose mean by hour is `level(hour, generator)`."""
    generator = np.random.default_rng(4)
    numbers = np.arange(first, first + days * DAY)
    levels = [level(hour, generator) for hour in numbers]
    noise = np.linspace(-1, 1, rows) if fixed else None
    values = [mean + (generator.normal(size=rows) if noise is None else noise) for mean in levels]
    layout = Layout(features=(Numeric.of("x", np.concatenate(values)),))
    hours = [
        (int(hour), profile(layout, Rows(keys=[f"{hour}-{n}" for n in range(rows)], columns={"x": x})))
        for hour, x in zip(numbers, values, strict=True)
    ]
    return Rhythm.of(merge([each for _, each in hours]), hours, []), layout


def weekend(hour, _):
    return 0.5 if hour // DAY % 7 in (2, 3) else 0.0


def test_where_days_of_the_week_differ_the_period_is_a_week():
    assert rhythm_of(weekend)[0].watch.period == WEEK


def test_where_they_do_not_it_is_a_day():
    assert rhythm_of(lambda hour, _: 0.0)[0].watch.period == DAY
    assert rhythm_of(lambda hour, _: np.sin(2 * np.pi * hour / DAY))[0].watch.period == DAY


def test_days_that_differ_at_random_make_no_week():
    # Weather: each day has a level of its own, a whole deviation apart, and resembles the day before.
    days = {}

    def weather(hour, generator):
        before = days.get(hour // DAY - 1, 0.0)
        return days.setdefault(hour // DAY, 0.7 * before + generator.normal())

    assert rhythm_of(weather)[0].watch.period == DAY


def test_days_that_are_all_the_same_make_no_week_of_rounding_errors():
    assert rhythm_of(lambda hour, _: 0.1, fixed=True)[0].watch.period == DAY


@pytest.mark.parametrize("days", [1, 2, 14])
def test_two_weeks_are_the_least_that_can_tell(days):
    assert rhythm_of(weekend, days=days)[0].watch.period == DAY


def test_the_watch_has_learned_and_not_looked():
    found, _ = rhythm_of(weekend, days=21)
    assert found.watch.hour is None
    assert found.watch.rows.sum() == 21 * DAY * ROWS
    assert not found.watch.evidence.any()


def test_rows_are_kept_evenly_over_time():
    found, layout = rhythm_of(lambda hour, _: hour / DAY, days=8, first=0)
    assert found.codes.shape == (REFERENCE_ROWS, 1)
    middle = np.searchsorted(layout.features[0].cuts, 4.0)
    assert (found.codes < middle).mean() == pytest.approx(0.5, abs=0.02)


def test_a_rhythm_survives_json():
    before, layout = rhythm_of(weekend, days=3)
    after = Rhythm.from_json(json.loads(json.dumps(before.to_json())), layout)
    assert after.to_json() == before.to_json()
    assert np.array_equal(after.codes, before.codes)


def test_differences_of_a_rounding_error_are_none():
    weekday = np.arange(28) % 7
    means = np.where(weekday == 3, 0.1, np.nextafter(0.1, 1))[:, None]
    assert _variance_p(means, weekday)[0] > 0.5


def test_the_analysis_of_variance_is_scipys():
    generator = np.random.default_rng(6)
    weekday = np.arange(30) % 7
    means = generator.normal(size=(30, 3)) + np.outer(weekday, [0.0, 0.2, 1.0])
    for column, p in zip(means.T, _variance_p(means, weekday), strict=True):
        groups = [column[weekday == day] for day in range(7)]
        assert p == pytest.approx(f_oneway(*groups).pvalue, rel=1e-9)
