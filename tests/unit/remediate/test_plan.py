"""The next remedy, and what people have set."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selfheal.diagnose.causes import Cause
from selfheal.observe.signals import SignalKind
from selfheal.remediate.economics import Economics
from selfheal.remediate.fall_back import Earlier
from selfheal.remediate.plan import Controls, next_remedy
from selfheal.remediate.playbook import DEFAULT_PLAYBOOK, Remedy, ladder
from selfheal.remediate.rails import Action, Mode, Rails
from selfheal.remediate.scale import Capacity
from selfheal.verdict import Verdict
from unit.remediate.services import slow_service
from unit.samples import NOW

ACT = Controls(mode=Mode.ACT)


def plan(cause, *tried, controls=ACT, playbook=DEFAULT_PLAYBOOK, history=(), rails=None, **more):
    return next_remedy(
        cause,
        tried,
        playbook=playbook,
        rails=rails or Rails(),
        controls=controls,
        history=history,
        now=NOW,
        **more,
    )


def economics(verdict=Verdict.PASS, cost_usd=50.0):
    return Economics(
        verdict=verdict,
        reason=f"it is {verdict.value}",
        cost_usd=cost_usd,
        per_prediction_usd=0.02,
        horizon_days=30,
    )


@pytest.mark.parametrize(
    ("cause", "remedy"),
    [
        (Cause.BAD_RELEASE, Remedy.ROLLBACK),
        (Cause.HARMFUL_DRIFT, Remedy.RETRAIN),
        (Cause.STALE_MODEL, Remedy.RETRAIN),
        (Cause.HARMLESS_DRIFT, Remedy.WATCH),
        (Cause.UPSTREAM_DATA, Remedy.QUARANTINE),
        (Cause.UNKNOWN, Remedy.ESCALATE),
    ],
)
def test_the_first_rung(cause, remedy):
    found = plan(cause)
    assert found.remedy is remedy
    assert found.stopped == ()


def test_a_rung_that_was_tried_is_passed_over():
    found = plan(Cause.BAD_RELEASE, Remedy.ROLLBACK)
    assert found.remedy is Remedy.ESCALATE
    assert found.stopped == ("rollback: was tried in this incident",)


def test_a_rung_that_the_rails_stop_is_passed_over_with_the_reason():
    recent = Action(remedy=Remedy.ROLLBACK, incident="other", at=NOW - timedelta(minutes=5), succeeded=True)
    found = plan(Cause.BAD_RELEASE, history=[recent])
    assert found.remedy is Remedy.ESCALATE
    assert found.stopped[0].startswith("rollback: cooldown")


def test_watching_that_did_not_help_ends_with_a_person():
    found = plan(Cause.HARMLESS_DRIFT, Remedy.WATCH)
    assert found.remedy is Remedy.ESCALATE
    assert "no rung" in found.reason


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.RECOMMEND])
def test_no_mode_but_act_acts(mode):
    found = plan(Cause.BAD_RELEASE, controls=Controls(mode=mode))
    assert found.remedy is Remedy.ESCALATE
    assert found.stopped == (f"rollback: the mode is {mode.value}",)


def test_the_kill_switch_stops_even_in_mode_act():
    found = plan(Cause.HARMFUL_DRIFT, controls=Controls(mode=Mode.ACT, kill_switch="ann: audit"))
    assert found.remedy is Remedy.ESCALATE
    assert found.stopped == ("retrain: the kill switch is on: ann: audit",)


def test_an_empty_reason_is_a_kill_switch_all_the_same():
    assert Controls(mode=Mode.ACT, kill_switch="").stop() is not None
    assert ACT.stop() is None


def test_looking_is_allowed_in_every_mode():
    assert plan(Cause.HARMLESS_DRIFT, controls=Controls(mode=Mode.OBSERVE)).remedy is Remedy.WATCH


@pytest.mark.parametrize("rungs", [(), (Remedy.ROLLBACK,), (Remedy.RETRAIN, Remedy.ROLLBACK)])
def test_a_person_stands_at_the_end_of_every_ladder(rungs):
    assert ladder({Cause.UNKNOWN: rungs}, Cause.UNKNOWN) == (*rungs, Remedy.ESCALATE)


def test_a_cause_that_the_playbook_leaves_out_goes_to_a_person():
    assert plan(Cause.BAD_RELEASE, playbook={}).remedy is Remedy.ESCALATE


def test_what_served_before_is_asked_first_where_the_concept_drifted():
    before = Earlier(config="flights-first", model="first", obstacle=None)
    assert plan(Cause.CONCEPT_DRIFT, service=slow_service(earlier=(before,))).remedy is Remedy.REACTIVATE


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        (None, "what serves is not known"),
        (slow_service(earlier=()), "no other config served before the one that serves"),
        (
            slow_service(
                earlier=(Earlier(config="flights-first", model="first", obstacle="it is rejected"),)
            ),
            "flights-first: it is rejected",
        ),
    ],
)
def test_without_one_that_may_return_it_is_retrained(service, reason):
    found = plan(Cause.CONCEPT_DRIFT, service=service)
    assert (found.remedy, found.stopped) == (Remedy.RETRAIN, (f"reactivate: {reason}",))


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR])
def test_a_retraining_that_does_not_pay_for_certain_is_passed_over(verdict):
    found = plan(Cause.HARMFUL_DRIFT, economics=economics(verdict))
    assert found.remedy is Remedy.ESCALATE
    assert found.stopped == (f"retrain: it is {verdict.value}",)


def test_a_retraining_that_pays_is_taken():
    assert plan(Cause.HARMFUL_DRIFT, economics=economics()).remedy is Remedy.RETRAIN


def test_economics_stop_no_other_remedy():
    assert plan(Cause.BAD_RELEASE, economics=economics(Verdict.FAIL)).remedy is Remedy.ROLLBACK
    assert plan(Cause.HARMLESS_DRIFT, economics=economics(Verdict.FAIL)).remedy is Remedy.WATCH


def test_the_cap_on_money_is_held_against_what_a_retraining_costs():
    rails = Rails(money_usd_per_30_days=99)
    before = Action(remedy=Remedy.RETRAIN, incident="other", at=NOW - timedelta(days=5), succeeded=True)
    assert plan(Cause.HARMFUL_DRIFT, rails=rails, economics=economics()).remedy is Remedy.RETRAIN
    found = plan(Cause.HARMFUL_DRIFT, rails=rails, economics=economics(), history=[before])
    assert found.remedy is Remedy.ESCALATE
    assert found.stopped[0].startswith("retrain: money: ")


@pytest.mark.parametrize("cause", [Cause.BAD_RELEASE, Cause.HARMFUL_DRIFT, Cause.HARMLESS_DRIFT])
def test_what_flaps_goes_to_a_person_whatever_the_cause(cause):
    assert plan(cause, recurring=2).remedy is not Remedy.ESCALATE
    found = plan(cause, recurring=3)
    assert found.remedy is Remedy.ESCALATE
    assert "flapping: 3 incidents" in found.stopped[0]


def test_no_count_stops_a_quarantine_and_people_do():
    failed = [
        Action(remedy=Remedy.ROLLBACK, incident=f"i{n}", at=NOW - timedelta(hours=n), succeeded=False)
        for n in (1, 2)
    ]
    assert plan(Cause.UPSTREAM_DATA, recurring=9, history=failed).remedy is Remedy.QUARANTINE
    for controls in (Controls(mode=Mode.RECOMMEND), Controls(mode=Mode.ACT, kill_switch="ann: no")):
        found = plan(Cause.UPSTREAM_DATA, controls=controls)
        assert found.remedy is Remedy.ESCALATE
        assert found.stopped[0].startswith("quarantine: ")


def test_a_quarantine_that_did_not_end_by_itself_goes_to_a_person():
    assert plan(Cause.UPSTREAM_DATA, Remedy.QUARANTINE).remedy is Remedy.ESCALATE


# --- remedies that go by the service


def infrastructure(*tried, service=None, **more):
    return plan(Cause.INFRASTRUCTURE, *tried, service=service or slow_service(), **more)


def test_what_is_slow_is_scaled_first():
    found = infrastructure()
    assert (found.remedy, found.stopped) == (Remedy.SCALE, ())


def test_errors_are_no_reason_to_scale():
    found = infrastructure(service=slow_service(firing=(SignalKind.ERRORS,)))
    assert found.remedy is Remedy.REPLACE
    assert found.stopped == (
        "scale: no alarm on latency is firing, and more instances help against nothing else",
    )


def test_the_ladder_is_climbed_rung_by_rung_though_each_failed():
    service = slow_service(earlier=(Earlier(config="flights-first", model="champion", obstacle=None),))
    tried, history = (), []
    for remedy in (Remedy.SCALE, Remedy.REPLACE, Remedy.FALL_BACK, Remedy.ESCALATE):
        assert infrastructure(*tried, service=service, history=history).remedy is remedy
        tried = (*tried, remedy)
        history = [*history, Action(remedy=remedy, incident="i1", at=NOW, succeeded=False)]


def test_each_rung_that_does_not_apply_says_why_and_a_person_stands_at_the_end():
    service = slow_service(
        capacity=Capacity(instances=4, maximum=4, step_percent=50),
        barred="package 1 is Rejected",
        earlier=(Earlier(config="flights-first", model=None, obstacle="it does not exist"),),
    )
    found = infrastructure(service=service)
    assert found.remedy is Remedy.ESCALATE
    assert found.stopped == (
        "scale: 4 instances are asked for, and 4 is the maximum",
        "replace: package 1 is Rejected",
        "fall-back: flights-first: it does not exist",
    )


def test_where_the_service_is_not_known_none_of_them_is_taken():
    found = plan(Cause.INFRASTRUCTURE, service=None)
    assert found.remedy is Remedy.ESCALATE
    assert found.stopped == tuple(
        f"{remedy}: what serves is not known" for remedy in ("scale", "replace", "fall-back")
    )


@pytest.mark.parametrize(
    "controls", [Controls(mode=Mode.RECOMMEND), Controls(mode=Mode.ACT, kill_switch="x")]
)
def test_nothing_that_changes_the_service_is_taken_without_permission(controls):
    assert infrastructure(controls=controls).remedy is Remedy.ESCALATE


def test_what_comes_back_again_and_again_is_not_replaced_again():
    found = infrastructure(Remedy.SCALE, recurring=3)
    assert found.remedy is Remedy.ESCALATE
    assert all("flapping" in reason for reason in found.stopped[1:2])


def test_a_recommendation_says_what_it_would_ask_for():
    service = slow_service(earlier=(Earlier(config="flights-first", model="champion", obstacle=None),))
    found = infrastructure(service=service, controls=Controls(mode=Mode.RECOMMEND))
    would = "the mode is recommend; it would ask for"
    assert found.stopped == (
        f"scale: {would} UpdateEndpointWeightsAndCapacities from 2 to 3 instances",
        f"replace: {would} UpdateEndpoint from flights-new to a copy of it on fresh instances",
        f"fall-back: {would} UpdateEndpoint from flights-new to flights-first",
    )


def test_who_only_observes_is_told_no_requests():
    found = infrastructure(controls=Controls(mode=Mode.OBSERVE))
    assert found.stopped[:2] == ("scale: the mode is observe", "replace: the mode is observe")


def test_a_recommendation_does_not_hide_the_kill_switch():
    found = infrastructure(controls=Controls(mode=Mode.RECOMMEND, kill_switch="ann: audit"))
    assert found.stopped[0].startswith("scale: the kill switch is on: ann: audit; it would ask for")
