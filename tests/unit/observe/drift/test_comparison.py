"""Like with like: what a window of a feature is held against."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from selfheal.observe.drift.comparison import UNKNOWN, Comparer, Habits
from selfheal.observe.drift.feature_drift import drift_signals
from selfheal.observe.drift.joint import codes_of
from selfheal.observe.hours import DAY, WEEK, window
from selfheal.observe.policy import DriftPolicy
from selfheal.observe.signals import Status
from selfheal.observe.statistics.kolmogorov_smirnov import ks_distance
from unit.observe.world import World
from unit.samples import NOW, baseline, hour, hours_before

REFERENCE = baseline()
FEATURES = len(REFERENCE.layout.features)


def hours_of(count, rows=100):
    generator = np.random.default_rng(3)
    return [
        hour(REFERENCE, start, generator.normal(size=rows), generator.choice(["a", "b", "c"], size=rows))
        for start in hours_before(NOW, count)
    ]


def comparison(count, effect=1.0, has_rhythm=False, period=DAY, min_rows=100, reference=REFERENCE, rows=100):
    habits = Habits(effects=[effect] * FEATURES, has_rhythm=[has_rhythm] * FEATURES, period_hours=period)
    return Comparer(reference, habits, window(hours_of(count, rows), count, NOW), min_rows).compare(0)


def test_a_steady_feature_is_held_against_all_of_training():
    found = comparison(3)
    assert np.array_equal(found.before, REFERENCE.profile.of(0))
    assert (found.n, found.m) == (5000, 300)


def test_rows_that_resemble_one_another_count_for_less_and_the_less_the_farther_apart_they_lie():
    # Training has 25 rows an hour.
    assert REFERENCE.rhythm.hourly_rows == 25
    for rows, before in ((100, 1 + 3 * 25 / 100), (25, 4.0), (10, 4.0)):
        found = comparison(12, effect=4.0, rows=rows)
        assert (found.effect_before, found.effect_after) == (before, 4.0)
        assert (found.n, found.m) == (5000 / before, 12 * rows / 4)


@pytest.mark.parametrize("has_rhythm", [False, True])
def test_the_distance_is_that_of_the_counts(has_rhythm):
    found = comparison(12, has_rhythm=has_rhythm, min_rows=30)
    assert found.distance == pytest.approx(ks_distance(found.before, found.after), abs=1e-12)
    assert 0 < found.distance < 0.2


def test_a_feature_with_a_rhythm_is_held_against_the_same_hours():
    found = comparison(3, has_rhythm=True, min_rows=30, rows=40)
    hours = [each.number % WEEK for each in hours_of(3)]
    assert found.before.sum() == pytest.approx(REFERENCE.rhythm.seasons.rows[hours].sum(), abs=3)
    assert (found.before.size, found.after.sum()) == (34, 120)


@pytest.mark.parametrize(
    ("count", "period", "judged"),
    [
        (24, DAY, True),
        (23, DAY, False),
        (36, DAY, False),
        (48, DAY, True),
        (48, WEEK, False),
        (168, WEEK, True),
    ],
)
def test_where_training_does_not_cover_them_whole_days_or_weeks_alone_are_judged(count, period, judged):
    # Training as a whole holds 5,000 rows.
    found = comparison(count, has_rhythm=True, period=period, min_rows=5001, rows=300)
    assert (found is not None) == judged
    if judged:
        assert np.array_equal(found.before, REFERENCE.profile.of(0))


def test_without_a_rhythm_on_record_hours_are_alike():
    bare = replace(REFERENCE, rhythm=None)
    for habits in (
        Habits.of(REFERENCE, None, wandering=True),
        Habits.of(bare, REFERENCE.rhythm.watch, wandering=True),
    ):
        assert (list(habits.effects), any(habits.has_rhythm)) == ([1.0] * FEATURES, False)
    assert comparison(24, has_rhythm=True, reference=bare).before.sum() == 5000
    assert comparison(5, has_rhythm=True, reference=bare) is None


def test_while_it_is_not_known_how_rows_count_they_count_for_little():
    found = comparison(3, effect=math.nan)
    assert (found.effect_after, found.m) == (UNKNOWN, 300 / UNKNOWN)


def test_too_little_is_not_compared():
    assert comparison(3, min_rows=301) is None
    assert comparison(0) is None
    gaps = [hour(REFERENCE, start, [np.nan] * 60 + [0.0] * 40, ["a"] * 100) for start in hours_before(NOW, 1)]
    habits = Habits.of(REFERENCE, None, wandering=True)
    for least, judged in ((80, True), (81, False)):
        found = Comparer(REFERENCE, habits, window(gaps, 1, NOW), least).compare(0)
        assert (found is not None) == judged


def test_rows_of_a_window_are_those_of_its_hours():
    assert codes_of(window(hours_of(3, rows=10), 3, NOW)).shape == (30, FEATURES)


def test_a_night_is_no_drift_and_a_noon_at_night_is():
    world = World(season=1.5, days=21)
    world.run(72)
    for _ in range(DAY):
        world.run(1)
        assert {signal.status for signal in world.signals("x")} <= {Status.OK, Status.NO_DATA}
    night = world.level(world.next_hour)
    world.run(1, shift=-2 * night if abs(night) > 0.5 else 2.0)
    (found,) = world.signals("x")
    assert found.status in (Status.WARN, Status.BREACH)


def test_a_day_and_a_half_of_a_seasonal_feature_that_training_does_not_cover_is_not_judged():
    world = World(season=1.5, days=21)
    world.run(DAY + 12)
    thin = replace(world.baseline.rhythm.seasons, rows=np.zeros(168, dtype=np.int64))
    bare = replace(world.baseline, rhythm=replace(world.baseline.rhythm, seasons=thin))
    watch = world.standing.watch
    statuses = []
    for length in (DAY, DAY + 12):
        signals = drift_signals(
            bare, [window(world.hours, length, world.now)], watch, DriftPolicy(min_rows=500)
        )
        statuses.append(next(signal.status for signal in signals if signal.subject == "x"))
    assert statuses == [Status.OK, Status.NO_DATA]


def test_what_the_first_hours_are_like_is_taken_from_training():
    # A drift in the first hours of traffic would look like a rhythm, and hide itself.
    world = World(days=8)
    world.run(DAY // 2)
    world.run(DAY // 2, shift=3.0)
    assert not any(Habits.of(world.baseline, world.standing.watch, wandering=True).has_rhythm)
    seasonal = World(season=1.0, days=8)
    seasonal.run(1)
    habits = Habits.of(seasonal.baseline, seasonal.standing.watch, wandering=True)
    assert habits.has_rhythm == [True, False, False]


def test_a_champion_with_unknown_rows_breaches_only_for_what_is_plain():
    for shift, status in ((0.2, Status.OK), (2.0, Status.BREACH)):
        world = World(days=8)
        world.run(6, shift=shift)
        assert world.signals("x")[0].status is status
