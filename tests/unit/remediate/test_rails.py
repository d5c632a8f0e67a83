"""Rails: what healing may not do on its own, judged on what it did."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from selfheal.bounds import PolicyError
from selfheal.observe.signals import SignalKind
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.rails import Action, Opening, Rails, flapping, recurrences, stopped_by
from unit.samples import NOW

RAILS = Rails()


def action(remedy=Remedy.ROLLBACK, minutes_ago=0.0, succeeded=True, incident="i1"):
    return Action(
        remedy=remedy, incident=incident, at=NOW - timedelta(minutes=minutes_ago), succeeded=succeeded
    )


def stop(remedy, *history, rails=RAILS, **more):
    return stopped_by(remedy, rails, history, NOW, **more)


@pytest.mark.parametrize("remedy", [remedy for remedy in Remedy if remedy.changes_service])
def test_no_more_endpoints_are_changed_at_once_than_the_fleet_may_have(remedy):
    assert stop(remedy, changing=["a", "b"]) is None
    assert "fleet: a, b, c are being changed" in stop(remedy, changing=["a", "b", "c"])
    alone = Rails(fleet_actions_at_once=1)
    assert stop(remedy, rails=alone) is None
    assert "no more than 1 may be at once" in stop(remedy, rails=alone, changing=["a"])


@pytest.mark.parametrize("remedy", [Remedy.WATCH, Remedy.ESCALATE])
def test_what_changes_nothing_is_never_stopped_by_the_fleet(remedy):
    assert stop(remedy, changing=list("abcdefg")) is None


def test_a_fleet_of_none_would_never_act_and_is_refused():
    with pytest.raises(PolicyError, match="fleet_actions_at_once"):
        Rails(fleet_actions_at_once=0)


@pytest.mark.parametrize("remedy", Remedy)
def test_nothing_done_stops_nothing(remedy):
    assert stop(remedy) is None


@pytest.mark.parametrize(
    ("remedy", "minutes"), [(Remedy.ROLLBACK, 30), (Remedy.RECALIBRATE, 360), (Remedy.RETRAIN, 360)]
)
def test_the_cooldown_ends_when_it_says(remedy, minutes):
    generous = Rails(retrains_per_day=9)
    assert stop(remedy, action(remedy, minutes), rails=generous) is None
    assert "cooldown" in stop(remedy, action(remedy, minutes - 0.01), rails=generous)


def test_the_cooldown_of_one_remedy_is_not_the_others():
    assert stop(Remedy.RETRAIN, action(Remedy.ROLLBACK, 1)) is None
    assert stop(Remedy.ROLLBACK, action(Remedy.RETRAIN, 1)) is None


def test_a_rollback_and_falling_back_share_cooldown_and_budget():
    for remedy, other in ((Remedy.ROLLBACK, Remedy.FALL_BACK), (Remedy.FALL_BACK, Remedy.ROLLBACK)):
        assert f"cooldown: the last {other.value} began" in stop(remedy, action(other, 29))
        assert stop(remedy, action(other, 30)) is None
        assert "budget: 2 of 2" in stop(remedy, action(other, 600), action(remedy, 700))


def test_a_replacement_waits_for_what_the_one_before_it_brought():
    assert "cooldown: the last replace" in stop(Remedy.REPLACE, action(Remedy.REPLACE, 29))
    assert stop(Remedy.REPLACE, action(Remedy.REPLACE, 30)) is None
    assert stop(Remedy.REPLACE, action(Remedy.ROLLBACK, 1)) is None
    assert stop(Remedy.ROLLBACK, action(Remedy.REPLACE, 1)) is None


@pytest.mark.parametrize("remedy", [Remedy.SCALE, Remedy.REPLACE])
def test_what_leaves_the_model_alone_has_no_budget(remedy):
    history = [action(remedy, 40 * number) for number in range(1, 20)]
    assert stop(remedy, *history, rails=Rails(rollbacks_per_day=0, retrains_per_day=0)) is None


@pytest.mark.parametrize("remedy", [Remedy.SCALE, Remedy.REPLACE])
def test_what_leaves_the_model_alone_does_not_open_the_breaker_but_is_stopped_by_it(remedy):
    in_vain = [action(remedy, 40 * number, False) for number in range(1, 9)]
    assert stop(Remedy.ROLLBACK, *in_vain) is None
    failed = [action(minutes_ago=9000, succeeded=False), action(minutes_ago=8000, succeeded=False)]
    assert "breaker is open" in stop(remedy, *failed)
    assert "breaker is open" in stop(remedy, *failed, action(remedy, 4000, True))


def test_the_latest_counts_whatever_the_order_of_the_history():
    assert "cooldown" in stop(Remedy.ROLLBACK, action(minutes_ago=1), action(minutes_ago=600))


def test_a_remedy_that_still_runs_counts_too():
    assert "cooldown" in stop(Remedy.ROLLBACK, action(minutes_ago=1, succeeded=None))


def test_the_budget_of_a_day_comes_back_after_a_day():
    day = 24 * 60
    assert "budget: 2 of 2 rollback or fall-back or reactivate in 1 d" in stop(
        Remedy.ROLLBACK, action(minutes_ago=60), action(minutes_ago=day - 1)
    )
    assert stop(Remedy.ROLLBACK, action(minutes_ago=60), action(minutes_ago=day)) is None


def test_recalibrations_have_a_budget_of_their_own():
    spent = [action(Remedy.RECALIBRATE, 400), action(Remedy.RECALIBRATE, 800)]
    assert "budget: 2 of 2 recalibrate in 1 d" in stop(Remedy.RECALIBRATE, *spent)
    assert stop(Remedy.RETRAIN, *spent) is None
    assert stop(Remedy.RECALIBRATE, action(Remedy.RETRAIN, 1)) is None


def test_a_recalibration_costs_no_training():
    assert stop(Remedy.RECALIBRATE, rails=Rails(money_usd_per_30_days=1.0), retraining_usd=5.0) is None


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


# --- money

DAY = 24 * 60
MONTHLY = Rails(money_usd_per_30_days=100)


def retrainings(*days_ago):
    return [action(Remedy.RETRAIN, days * DAY) for days in days_ago]


@pytest.mark.parametrize(
    ("days_ago", "usd", "stops"),
    [
        ((), 100, False),
        ((), 100.01, True),
        ((2,), 50, False),
        ((2,), 50.01, True),
        ((2, 9), 40, True),
        ((2, 30), 50, False),  # 30 days are over
        ((2, 29.99), 50, True),
        ((2, 9, 16), 0, False),
    ],
)
def test_retrainings_of_30_days_cost_no_more_than_the_cap(days_ago, usd, stops):
    found = stopped_by(Remedy.RETRAIN, MONTHLY, retrainings(*days_ago), NOW, usd)
    assert (found is not None) is stops


def test_the_cap_on_money_says_what_was_spent_and_what_more_would_cost():
    found = stopped_by(Remedy.RETRAIN, MONTHLY, retrainings(2, 9), NOW, 40)
    assert found == (
        "money: retrainings cost 80.00 USD in 30 d, and 40.00 USD more would exceed the cap of 100.00 USD"
    )


def test_without_a_cap_money_stops_nothing():
    assert stopped_by(Remedy.RETRAIN, RAILS, retrainings(2, 9), NOW, 1e6) is None


def test_a_rollback_costs_no_retraining():
    history = [*retrainings(2, 9), action(Remedy.ROLLBACK, 2 * DAY)]
    assert stopped_by(Remedy.ROLLBACK, MONTHLY, history, NOW, 1e6) is None
    assert stopped_by(Remedy.RETRAIN, MONTHLY, [action(Remedy.ROLLBACK, 2 * DAY)], NOW, 100) is None


def test_a_cap_of_nothing_lets_no_retraining_pass_that_costs_something():
    nothing = Rails(money_usd_per_30_days=0)
    assert "money" in stopped_by(Remedy.RETRAIN, nothing, (), NOW, 0.01)


# --- flapping


def opening(incident="i1", hours_ago=0.0, kind=SignalKind.LATENCY, subject="flights-latency"):
    return Opening(incident=incident, at=NOW - timedelta(hours=hours_ago), kind=kind, subject=subject)


@pytest.mark.parametrize(
    ("others", "count"),
    [
        ([], 1),
        ([opening("i1")], 1),
        ([opening("i2", 1), opening("i3", 23.99)], 3),
        ([opening("i2", 1), opening("i3", 24)], 2),  # a day is over
        ([opening("i2", 1), opening("i2", 2)], 2),  # written down twice
        ([opening("i2", 1, SignalKind.ERRORS)], 1),
        ([opening("i2", 1, subject="flights-latency-p50")], 1),
    ],
)
def test_incidents_of_one_fingerprint_are_counted_over_a_day(others, count):
    assert recurrences(opening("i1"), others, NOW) == count


def test_an_incident_that_lasts_longer_than_a_day_counts_itself():
    assert recurrences(opening("i1", 40), [opening("i1", 40), opening("i2", 39)], NOW) == 1


@pytest.mark.parametrize(("count", "stops"), [(1, False), (2, False), (3, True), (9, True)])
def test_the_third_time_is_flapping(count, stops):
    found = flapping(RAILS, count)
    assert (found is not None) is stops
    assert found is None or found.startswith(f"flapping: {count} incidents of this alarm within 24 h")


def test_how_often_is_flapping_is_a_setting():
    assert flapping(Rails(flapping_incidents=5), 4) is None
    assert flapping(Rails(flapping_incidents=5), 5) is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("money_usd_per_30_days", -1),
        ("money_usd_per_30_days", math.nan),
        ("money_usd_per_30_days", math.inf),
        ("flapping_incidents", 1),
    ],
)
def test_rails_that_cannot_be_are_refused_by_name(field, value):
    with pytest.raises(PolicyError, match=field):
        Rails(**{field: value})
