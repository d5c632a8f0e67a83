"""What is known of a champion's traffic, moved on from hour to hour."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from selfheal.observe.drift.joint import SUBJECT
from selfheal.observe.drift.standing import Standing, advance, drift_of, drift_windows, first_standing
from selfheal.observe.policy import DriftPolicy
from selfheal.observe.signals import Status
from unit.observe.world import World

POLICY = DriftPolicy()


def text_of(standing):
    return json.dumps(standing.to_json())


@pytest.fixture(scope="module")
def world():
    found = World()
    found.run(72)
    return found


def test_hours_that_were_seen_change_nothing(world):
    again = advance(world.baseline, world.standing, world.hours, POLICY)
    assert text_of(again) == text_of(world.standing)


@pytest.mark.parametrize("step", [1, 7, 72])
def test_it_is_the_same_in_however_many_steps_it_came(world, step):
    standing = first_standing(world.baseline)
    for end in range(step, 72 + step, step):
        standing = advance(world.baseline, standing, world.hours[:end], POLICY)
        standing = Standing.from_json(json.loads(text_of(standing)))
    assert text_of(standing) == text_of(world.standing)


def test_hours_after_a_gap_are_caught_up_with(world):
    behind = advance(world.baseline, first_standing(world.baseline), world.hours[:20], POLICY)
    assert text_of(advance(world.baseline, behind, world.hours[10:], POLICY)) != text_of(behind)
    assert text_of(advance(world.baseline, behind, world.hours, POLICY)) == text_of(world.standing)


@pytest.mark.parametrize("wrong", [lambda hours: hours[::-1], lambda hours: [hours[0], *hours]])
def test_hours_out_of_order_or_twice_are_refused(world, wrong):
    with pytest.raises(ValueError, match="order of time, each once"):
        advance(world.baseline, world.standing, wrong(world.hours), POLICY)


def test_rows_as_a_whole_are_compared_once_a_day(world):
    assert world.standing.joint.subject == SUBJECT
    early = advance(world.baseline, first_standing(world.baseline), world.hours[:23], POLICY)
    assert early.joint is None
    day = advance(world.baseline, early, world.hours[:24], POLICY)
    assert day.joint is not None
    assert advance(world.baseline, day, world.hours[:30], POLICY).joint == day.joint


def test_a_changed_correlation_shows_at_the_end_of_the_day():
    world = World()
    world.run(48)
    world.run(24, together=-0.2)
    assert [signal.status for signal in world.signals(SUBJECT)] == [Status.WARN]


def test_a_baseline_without_hours_has_no_standing(world):
    bare = replace(world.baseline, rhythm=None)
    assert first_standing(bare) is None
    assert advance(bare, None, world.hours, POLICY) is None
    signals = drift_of(bare, None, drift_windows(world.hours, POLICY, world.now), POLICY)
    assert {signal.subject for signal in signals} == {"x", "y", "c"}
    assert {signal.status for signal in signals} == {Status.OK}


def test_signals_are_of_the_shortest_window_the_day_and_the_week():
    world = World(rows=100)
    world.run(100)
    # 1,000 rows are ten hours; half a deviation in the last ten is plainest there.
    world.run(10, shift=0.8)
    (x,) = world.signals("x")
    assert (x.status, x.sample) == (Status.BREACH, 1000)


def test_a_quiet_fortnight_is_quiet():
    world = World(season=1.0, days=14, rows=100)
    world.run(48)
    for _ in range(96):
        world.run(3)
        assert {signal.status for signal in world.signals()} <= {Status.OK, Status.NO_DATA}


@pytest.mark.parametrize("body", [{}, {"watch": None, "joint": None}, {"watch": {}}, [], None, 3])
def test_what_is_no_standing_is_refused(body):
    with pytest.raises(ValueError, match=r"not a standing|not the state"):
        Standing.from_json(body)


def test_what_moved_is_named_until_the_traffic_is_as_before():
    world = World()
    world.run(48)
    world.run(24, shift=0.5)
    assert world.signals("x")[0].status is Status.BREACH
    world.run(168)
    assert np.flatnonzero(world.standing.watch.moved).tolist() == []
    assert world.signals("x")[0].status is Status.OK
