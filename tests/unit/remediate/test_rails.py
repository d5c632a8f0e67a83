"""Rails: what healing may not do on its own, judged on what it did."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selfheal.remediate.playbook import Remedy
from selfheal.remediate.rails import Action, Rails, stopped_by
from unit.samples import NOW

RAILS = Rails()


def action(remedy=Remedy.ROLLBACK, minutes_ago=0.0, succeeded=True, incident="i1"):
    return Action(
        remedy=remedy, incident=incident, at=NOW - timedelta(minutes=minutes_ago), succeeded=succeeded
    )


def stop(remedy, *history, rails=RAILS):
    return stopped_by(remedy, rails, history, NOW)


@pytest.mark.parametrize("remedy", [Remedy.ROLLBACK, Remedy.RETRAIN])
def test_nothing_done_stops_nothing(remedy):
    assert stop(remedy) is None


@pytest.mark.parametrize(("remedy", "minutes"), [(Remedy.ROLLBACK, 30), (Remedy.RETRAIN, 360)])
def test_the_cooldown_ends_when_it_says(remedy, minutes):
    generous = Rails(retrains_per_day=9)
    assert stop(remedy, action(remedy, minutes), rails=generous) is None
    assert "cooldown" in stop(remedy, action(remedy, minutes - 0.01), rails=generous)


def test_the_cooldown_of_one_remedy_is_not_the_others():
    assert stop(Remedy.RETRAIN, action(Remedy.ROLLBACK, 1)) is None
    assert stop(Remedy.ROLLBACK, action(Remedy.RETRAIN, 1)) is None


def test_the_latest_counts_whatever_the_order_of_the_history():
    assert "cooldown" in stop(Remedy.ROLLBACK, action(minutes_ago=1), action(minutes_ago=600))


def test_a_remedy_that_still_runs_counts_too():
    assert "cooldown" in stop(Remedy.ROLLBACK, action(minutes_ago=1, succeeded=None))


def test_the_budget_of_a_day_comes_back_after_a_day():
    day = 24 * 60
    assert "budget: 2 of 2 rollback in 1 d" in stop(
        Remedy.ROLLBACK, action(minutes_ago=60), action(minutes_ago=day - 1)
    )
    assert stop(Remedy.ROLLBACK, action(minutes_ago=60), action(minutes_ago=day)) is None


def test_the_budget_of_a_month_stops_what_the_day_lets_pass():
    days = [action(Remedy.RETRAIN, day * 24 * 60) for day in (2, 9, 16, 29)]
    assert "4 of 4 retrain in 30 d" in stop(Remedy.RETRAIN, *days)
    assert stop(Remedy.RETRAIN, *days[:3], action(Remedy.RETRAIN, 30 * 24 * 60)) is None


def test_a_budget_of_nothing_stops_everything():
    assert "0 of 0" in stop(Remedy.ROLLBACK, rails=Rails(rollbacks_per_day=0))
    assert "0 of 0" in stop(Remedy.RETRAIN, rails=Rails(retrains_per_30_days=0))


def test_the_breaker_opens_after_failures_in_a_row_of_whatever_remedy():
    history = [action(Remedy.RETRAIN, 5000, False), action(Remedy.ROLLBACK, 4000, False)]
    for remedy in (Remedy.ROLLBACK, Remedy.RETRAIN):
        assert "breaker is open" in stop(remedy, *history)


def test_a_success_in_between_keeps_the_breaker_closed():
    history = [
        action(minutes_ago=9000, succeeded=False),
        action(minutes_ago=8000),
        action(minutes_ago=7000, succeeded=False),
    ]
    assert stop(Remedy.ROLLBACK, *history) is None


def test_a_remedy_that_still_runs_does_not_close_the_breaker():
    history = [
        action(minutes_ago=9000, succeeded=False),
        action(minutes_ago=8000, succeeded=False),
        action(minutes_ago=7000, succeeded=None),
    ]
    assert "breaker is open" in stop(Remedy.ROLLBACK, *history)


def test_the_breaker_stays_open_however_long_ago():
    history = [action(minutes_ago=10**6, succeeded=False), action(minutes_ago=10**6 + 1, succeeded=False)]
    assert "a person must close it" in stop(Remedy.ROLLBACK, *history)


@pytest.mark.parametrize("remedy", [Remedy.WATCH, Remedy.ESCALATE])
def test_what_changes_nothing_is_never_stopped(remedy):
    history = [action(minutes_ago=1, succeeded=False) for _ in range(9)]
    assert stop(remedy, *history, rails=Rails(rollbacks_per_day=0)) is None
