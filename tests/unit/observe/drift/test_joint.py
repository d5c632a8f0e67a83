"""Rows as a whole: what no column shows by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from selfheal.observe.drift.comparison import Habits
from selfheal.observe.drift.joint import LEAST, SUBJECT, joint_signal
from selfheal.observe.hours import Window
from selfheal.observe.signals import SignalKind, Status
from unit.observe.world import World


def joint(world, hours, percent=2.0, habits=None):
    habits = habits or Habits.of(world.baseline, world.standing.watch, wandering=True)
    found = Window(parts=tuple(world.hours[-hours:] if hours else ()), start=world.now, end=world.now)
    return joint_signal(world.layout, world.baseline.rhythm, habits, found, percent / 100 / 30)


def test_a_changed_correlation_is_seen_with_every_margin_intact():
    world = World()
    world.run(48)
    world.run(24, together=-0.2)
    found = joint(world, 24)
    assert (found.status, found.kind, found.subject) == (Status.WARN, SignalKind.DATA_DRIFT, SUBJECT)
    assert found.low > found.threshold == 0.5
    assert "x with y" in found.reason
    assert {signal.status for signal in world.signals() if signal.subject in "xyc"} == {Status.OK}


def test_without_a_change_it_is_calm():
    statuses = []
    for seed in range(8):
        world = World(seed=seed, days=4)
        world.run(24)
        statuses.append(joint(world, 24).status)
    assert set(statuses) == {Status.OK}


@pytest.mark.parametrize("hours", [0, 1])
def test_too_few_rows_are_no_data(hours):
    world = World()
    world.run(24)
    found = joint(world, hours)
    assert found.status is Status.NO_DATA
    assert (found.value, found.low) == (None, None)
    assert str(LEAST) in found.reason


def test_rows_that_resemble_their_neighbours_count_once():
    world = World()
    world.run(24)
    alike = replace(
        Habits.of(world.baseline, world.standing.watch, wandering=True), effects=[1.0, 20.0, np.nan]
    )
    found = joint(world, 24, habits=alike)
    assert (found.status, found.sample) == (Status.NO_DATA, 24 * 128 // 20 + 1)


def test_while_nobody_knows_which_rows_count_nothing_is_said():
    world = World()
    world.run(24)
    unknown = replace(Habits.of(world.baseline, world.standing.watch, wandering=True), effects=[np.nan] * 3)
    assert joint(world, 24, habits=unknown).status is Status.NO_DATA
