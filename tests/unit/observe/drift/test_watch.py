"""The watch, from hour to hour: what it learns, what it is sure of, and when it keeps still."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from selfheal.observe.drift import e_detector, wander
from selfheal.observe.drift import watch as module
from selfheal.observe.drift.scores import Scores, Spread
from selfheal.observe.drift.watch import Watch, design_effects, fresh, learn, look, swings
from selfheal.observe.hours import DAY, WEEK
from selfheal.observe.profiles.layout import Categorical, Layout, Numeric
from selfheal.observe.profiles.profile import Rows, empty, merge, profile

LIMIT = 36_000.0
ROWS = 200
# A day to fill the pools of all hours, two until their errors are known, and a few hours that are judged.
QUIET = 80


class World:
    """A feature x and a category c, hour by hour."""

    def __init__(self, rows=20_000, period=DAY, season=0.0, scale=lambda x: x, trained=0):
        self.rng, self.season, self.scale = np.random.default_rng(7), season, scale
        hours = [self._draw(hour, rows // max(1, trained)) for hour in range(trained or 1)]
        x = np.concatenate([x for x, _ in hours])
        self.layout = Layout(features=(Numeric.of("x", x), Categorical.of("c", {"a": 3, "b": 2, "d": 1})))
        profiles = [self.profile(*each) for each in hours]
        self.reference = merge(profiles)
        self.scores = Scores.of(self.reference)
        self.watch = fresh(self.scores, period)
        for hour, each in enumerate(profiles):
            self.watch = learn(self.watch, self.scores, hour, each)
        self.hour = len(hours) - 1

    def _draw(self, hour, rows, shift=0.0):
        level = shift + self.season * np.sin(2 * np.pi * hour / DAY)
        c = self.rng.choice(["a", "b", "d"], size=rows, p=[0.5, 0.3, 0.2])
        return self.scale(self.rng.normal(level, 1, size=rows)), c

    def profile(self, x, c):
        keys = [str(key) for key in range(len(x))]
        return profile(self.layout, Rows(keys=keys, columns={"x": x, "c": c.tolist()}))

    def next(self, rows=ROWS, shift=0.0, x=None):
        self.hour += 1
        drawn, c = self._draw(self.hour, rows, shift)
        window = self.profile(drawn if x is None else x, c)
        self.watch = look(self.watch, self.scores, self.hour, window, LIMIT)
        return self.watch.moved.tolist()

    def run(self, hours, **more):
        """Moved or not, hour by hour, of the feature x."""
        return [self.next(**more)[0] for _ in range(hours)]


def text_of(watch):
    return json.dumps(watch.to_json())


def test_an_hour_is_looked_at_once_and_in_order():
    world = World()
    world.run(3)
    for hour in (world.hour, world.hour - 1):
        with pytest.raises(ValueError, match=f"hour {hour} was looked at already"):
            look(world.watch, world.scores, hour, empty(world.layout), LIMIT)


def test_an_hour_without_rows_moves_nothing_but_the_clock():
    world = World()
    world.run(30)
    after = look(world.watch, world.scores, world.hour + 1, empty(world.layout), LIMIT)
    assert after.hour == world.hour + 1
    for field in fields(Watch):
        if field.name not in ("hour", "calm", "wander"):
            assert np.array_equal(getattr(after, field.name), getattr(world.watch, field.name)), field.name
    assert np.array_equal(after.wander.squares, world.watch.wander.squares)
    assert np.array_equal(wander.weights(after.wander), wander.weights(world.watch.wander))


@pytest.mark.parametrize("period", [DAY, WEEK])
def test_pools_are_the_means_of_the_rows_in_them(period):
    world, generator = World(), np.random.default_rng(1)
    watch, kept = fresh(world.scores, period), {}
    for hour in range(0, 3 * WEEK, 7):
        rows = int(generator.integers(0, 40))
        x = np.where(generator.random(rows) < 0.2, np.nan, generator.normal(size=rows))
        window = world.profile(x, generator.choice(["a", "b", "d"], size=rows))
        watch = learn(watch, world.scores, hour, window)
        kept.setdefault(hour % period, []).append(window)
    for slot, windows in kept.items():
        pooled = merge(windows)
        assert watch.rows[slot].tolist() == [pooled.present(0), pooled.present(1)]
        hourly = np.array([np.nan_to_num(world.scores.means(each)) for each in windows])
        rows = np.array([[each.present(place) for place in world.scores.owner] for each in windows])
        expected = (rows * hourly).sum(axis=0) / np.maximum(1, rows.sum(axis=0))
        assert watch.means[slot] == pytest.approx(expected, abs=1e-12)
        # All but that of spread, which is not linear, are those of the rows together.
        linear = [0, *range(2, expected.size)]
        assert watch.means[slot][linear] == pytest.approx(
            np.nan_to_num(world.scores.means(pooled))[linear], abs=1e-12
        )


def test_what_is_seen_does_not_depend_on_units():
    plain, odd = World(), World(scale=lambda x: np.exp(x / 3) * 1000)
    for hours, shift in ((QUIET, 0.0), (10, 0.3)):
        assert plain.run(hours, shift=shift) == odd.run(hours, shift=shift)
    assert plain.watch.moved[0]
    assert np.allclose(plain.watch.evidence, odd.watch.evidence, rtol=1e-6)


def test_the_same_hours_give_the_same_state_and_it_survives_json_to_the_bit():
    one, other = World(), World()
    one.run(30)
    for _ in range(30):
        # Stored and read after every hour, as it is in service.
        other.next()
        other.watch = Watch.from_json(json.loads(text_of(other.watch)))
    assert text_of(one.watch) == text_of(other.watch)
    assert other.watch.period == DAY


@pytest.mark.parametrize(
    "body",
    [{}, {"hour": 3}, [], None, {**fresh(World().scores, DAY).to_json(), "rows": "AAAA"}],
)
def test_what_is_no_state_is_refused(body):
    with pytest.raises(ValueError, match=r"state of a watch|multiple"):
        Watch.from_json(body)


# --- alarms


def test_a_shift_of_half_a_deviation_is_seen_at_once_and_a_small_one_soon():
    for shift, delay in ((0.5, 1), (0.25, 5)):
        world = World()
        assert not any(world.run(QUIET))
        assert world.run(12, shift=shift).index(True) < delay
    world = World()
    world.run(QUIET, rows=2000)
    assert world.run(12, rows=2000, shift=0.1).index(True) < 4


def test_a_quiet_watch_with_a_daily_season_stays_quiet():
    world = World(season=1.0, trained=10 * DAY, rows=10 * DAY * 40)
    assert not any(world.run(200))
    assert (swings(world.watch, world.scores) > [0.5, -1]).all()
    assert world.run(3, shift=0.6).index(True) < 3


def test_hours_that_differ_no_more_than_chance_have_no_swing():
    world = World(trained=10 * DAY, rows=10 * DAY * 40)
    world.run(30)
    assert (swings(world.watch, world.scores) < 0.06).all()


def autocorrelated(generator, rows, memory, last):
    noise = generator.normal(size=rows) * np.sqrt(1 - memory**2)
    x = np.empty(rows)
    for row in range(rows):
        last = x[row] = memory * last + noise[row]
    return x, last


def test_rows_that_resemble_their_neighbours_raise_no_alarm_and_count_for_less():
    generator, memory, last = np.random.default_rng(9), 0.8, 0.0
    world = World()
    for _ in range(220):
        x, last = autocorrelated(generator, ROWS, memory, last)
        assert not world.next(x=x)[0]
    effects = design_effects(world.watch, world.scores, wandering=True)
    # (1 + r) / (1 - r) rows count as one, of the score that is nearly linear.
    assert 6 < effects[0] < 13
    assert effects[1] < 1.6


def wandering(generator, hours, sd, shift=0.0, level=0.0):
    """Hours whose level remembers 0.8 of the hour before."""
    for _ in range(hours):
        level = 0.8 * level + 0.6 * sd * generator.normal()
        yield generator.normal(level + shift, 1, size=ROWS)


def test_hours_that_resemble_their_neighbours_raise_no_alarm_and_what_carries_over_is_left_out():
    world = World()
    assert not any(world.next(x=x)[0] for x in wandering(np.random.default_rng(11), 300, 0.2))
    # In variances of sampling: the level has 8. Of an hour, a Kalman filter leaves 1 + p, with
    # p = 0.8² p / (1 + p) + 8 (1 - 0.8²).
    these, lasting = (design_effects(world.watch, world.scores, wandering=each)[0] for each in (False, True))
    assert these == pytest.approx(4.36, rel=0.3)
    assert lasting == pytest.approx(1 + 8 * 1.8 / 0.2, rel=0.4)


def test_independent_rows_count_as_they_are():
    world = World()
    world.run(300)
    for wandering in (False, True):
        assert (design_effects(world.watch, world.scores, wandering=wandering) < 1.4).all()


def test_how_rows_count_is_not_known_from_few_hours():
    world = World(trained=2 * DAY)
    world.run(module.SETTLED - 1)
    assert np.isnan(design_effects(world.watch, world.scores, wandering=True)).all()
    world.run(1)
    assert (design_effects(world.watch, world.scores, wandering=True) >= 1).all()


def test_what_moved_is_not_learned_from_and_calms_down_when_the_traffic_does():
    world = World()
    world.run(QUIET)
    before = world.watch
    assert all(world.run(40, shift=1.0))
    # Not a row of the drift was learned, of the hour that showed it neither.
    assert np.array_equal(world.watch.rows[:, 0], before.rows[:, 0])
    assert np.array_equal(world.watch.means[:, :2], before.means[:, :2])
    assert np.array_equal(world.watch.wander.squares[:, :2], before.wander.squares[:, :2])
    assert np.array_equal(world.watch.wander.fit[:, :2], before.wander.fit[:, :2])
    assert world.watch.looks[0] == before.looks[0]
    # What did not move goes on being learned from.
    assert world.watch.rows[:, 1].sum() == before.rows[:, 1].sum() + 40 * ROWS
    assert world.watch.calm[0] == before.hour
    back = world.run(120)
    assert not any(back[-DAY:])
    assert world.watch.calm[0] > world.hour - DAY
    assert world.run(3, shift=0.5)[0]


def test_one_wild_hour_does_not_blind_the_watch():
    world = World()
    world.run(QUIET)
    world.next(x=np.full(ROWS, 1e6))
    for _ in range(120):
        world.next()
    assert design_effects(world.watch, world.scores, wandering=True)[0] < 2
    assert world.run(3, shift=0.5)[0]


def test_a_feature_that_is_gone_says_nothing():
    world = World()
    world.run(QUIET)
    before = world.watch.evidence[:2].copy()
    for _ in range(5):
        assert not world.next(x=np.full(ROWS, np.nan))[0]
    assert np.array_equal(world.watch.evidence[:2], before)


def test_a_level_that_wanders_far_is_not_told_as_a_change_of_spread():
    world, most = World(), 0.0
    for x in wandering(np.random.default_rng(12), 300, 1.0):
        world.next(x=x)
        most = max(most, world.watch.evidence[1].max())
    assert not world.watch.moved[0]
    assert most < LIMIT / 100


def test_a_doubled_variance_is_seen_at_once():
    world, generator = World(), np.random.default_rng(13)
    world.run(QUIET)
    assert world.next(x=generator.normal(0, np.sqrt(2), size=ROWS))[0]
    location, spread = world.watch.evidence[:2].max(axis=1)
    assert location < LIMIT / 100
    assert spread > LIMIT


def test_an_hour_of_a_few_rows_is_learned_from_and_not_judged():
    world = World()
    world.run(QUIET)
    before = world.watch
    world.next(x=np.full(ROWS, np.nan), rows=ROWS)
    x = np.concatenate((np.full(module.FEWEST - 1, 50.0), np.full(ROWS - module.FEWEST + 1, np.nan)))
    assert not world.next(x=x)[0]
    assert np.array_equal(world.watch.evidence[:2], before.evidence[:2])
    assert world.watch.rows[:, 0].sum() == before.rows[:, 0].sum() + module.FEWEST - 1


def test_an_hour_is_judged_once_its_pool_is_as_large():
    world = World(rows=2400, trained=24)
    assert not any(world.run(DAY, rows=101, shift=3.0))
    assert np.array_equal(world.watch.looks, [0, 0])


# --- the error as a normal score


def one_score():
    return Scores(weights=(np.zeros((2, 1)),), curves=(None,))


def knowing(looks, *scales):
    """A watch after so many looks, sure that hours are independent, the errors' variance known from them."""
    spread = Spread(usual=1.0, deviation=1.0, slope=0.0, bend=0.0)
    scores = Scores(weights=(np.zeros((2, 1)),), spreads=(None if len(scales) == 1 else spread,))
    blank = fresh(scores, DAY)
    fit = np.where(np.arange(len(blank.wander.fit))[:, None] == 0, 0.0, -1e9)
    squares = np.broadcast_to(looks * np.array(scales), (len(fit), len(scales)))
    told = replace(blank.wander, squares=squares, fit=np.broadcast_to(fit, squares.shape))
    return replace(blank, looks=np.array([float(looks)]), wander=told), scores


def ratios_of(watch, scores, errors, present=ROWS):
    worth = np.full(len(errors), float(present))
    sight = module._Sight.of(watch, scores, np.array(errors), worth, 1)
    return sight.ratios(watch, scores, np.array([float(present)]))


@pytest.mark.parametrize("looks", [48, 50, 200])
@pytest.mark.parametrize("error", [-30.0, -2.0, 0.0, 0.3, 5.0])
def test_an_error_has_the_normal_quantile_of_its_students_t(looks, error):
    tail = student.sf(abs(error) / np.sqrt(2.0), looks)
    z = np.sign(error) * norm.isf(max(tail, 1e-300))
    assert ratios_of(*knowing(looks, 2.0), [error])[0] == pytest.approx(e_detector.ratios(np.array(z)))


def test_too_few_errors_have_none_and_a_missing_one_has_none():
    assert np.isnan(ratios_of(*knowing(47, 1.0), [1.0])).all()
    assert np.isfinite(ratios_of(*knowing(48, 1.0), [1.0])).all()
    assert np.isnan(ratios_of(*knowing(48, 1.0), [np.nan])).all()
    assert np.isnan(ratios_of(*knowing(48, 0.0), [0.0])).all()


@pytest.mark.parametrize(("rows", "judged"), [(60, False), (70, True)])
def test_spread_is_judged_where_the_level_hardly_wanders(rows, judged):
    # Ten rows count as one: in hours of 60 the level has 10/60 of a row's variance, more than WANDERS.
    found = ratios_of(*knowing(100, 10.0, 1.0), [1.0, 1.0], present=rows)
    assert np.isfinite(found).all(axis=1).tolist() == [True, judged]


def test_the_evidence_is_what_the_models_say_together():
    watch, scores = knowing(100, 1.0)
    agreed = ratios_of(watch, scores, [3.0])
    other = np.where(np.arange(len(watch.wander.fit))[:, None] == 5, 0.0, watch.wander.fit)
    wavering = replace(watch, wander=replace(watch.wander, fit=other))
    # A model in which hours wander is less surprised: together they are less sure than the first alone.
    up = e_detector.SHIFTS.argmax()
    assert 1 < ratios_of(wavering, scores, [3.0])[0, up] < agreed[0, up]
