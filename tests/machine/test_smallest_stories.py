"""What the campaign found, each as its smallest story."""

from __future__ import annotations

import pytest

from machine.campaign import ON, Campaign
from machine.invocations import Fault
from machine.template import Deployed

SLOW = ("latency", "all is well")
DRIFTING = ("performance", "harmful drift")


@pytest.fixture
def campaign(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    monkeypatch.setattr(Campaign, "deployed", deployed, raising=False)
    return Campaign()


def test_a_rollback_does_not_bring_back_what_somebody_rejected(campaign: Campaign) -> None:
    campaign.begins(SLOW, released=True, steps=0)
    campaign.scene.reject(campaign.scene.champion)
    campaign.run_on()


def test_a_rollback_undoes_the_release_that_was_diagnosed_and_no_other(campaign: Campaign) -> None:
    """A package that a person approves in the middle goes out first: "the last release" is another one then."""
    campaign.begins(SLOW, released=True, steps=0)
    rollback = campaign.until("Rollback")
    campaign.scene.approve(campaign.scene.package("PendingManualApproval"))
    campaign.world.deliver(campaign.world.events.pop(), None)
    release = campaign.world.executions[-1]
    while release.is_running:
        if campaign.world.events:
            campaign.world.deliver(campaign.world.events.pop(), None)
        elif release in campaign.world.due():
            campaign.world.step(release, None)
        else:
            campaign.scene.end_deployment("taken")
    assert rollback.state == "Rollback"
    campaign.run_on()


@pytest.mark.parametrize("fault", [Fault.KILLED_AFTER, Fault.SENT_TWICE])
def test_a_release_that_was_sent_back_is_not_made_again_by_the_retry(
    campaign: Campaign, fault: Fault
) -> None:
    """UpdateEndpoint was accepted, but the function that asked for it never learned so."""
    campaign.begins(SLOW, released=False, steps=20)
    campaign.scene.approve(campaign.scene.package("PendingManualApproval"))
    release = campaign.until("Release")
    campaign.world.step(release, ("UpdateEndpoint", fault))
    assert release.state == "Release"
    campaign.scene.end_deployment("sent back")
    campaign.go_to_next_due()
    campaign.run_on()


def test_a_switch_that_is_thrown_while_a_release_is_prepared_stops_it(campaign: Campaign) -> None:
    campaign.begins(SLOW, released=False, steps=20)
    campaign.scene.approve(campaign.scene.package("PendingManualApproval"))
    campaign.world.step(campaign.until("Release"), ("UpdateEndpoint", Fault.HELD))
    campaign.scene.set("KILL_SWITCH", ON)
    campaign.world.resume(campaign.world.held[0])


def test_a_switch_that_is_thrown_while_a_retraining_is_prepared_stops_it(campaign: Campaign) -> None:
    campaign.begins(DRIFTING, released=False, steps=0)
    campaign.world.step(campaign.until("Retrain"), ("StartPipelineExecution", Fault.HELD))
    campaign.scene.set("KILL_SWITCH", ON)
    campaign.world.resume(campaign.world.held[0])


def test_people_are_told_of_an_incident_that_lost_its_workflow(campaign: Campaign) -> None:
    """The alarm is quiet again by then, so that no other incident takes its place."""
    campaign.begins(SLOW, released=False, steps=0)
    campaign.until("Diagnose").abort()
    campaign.scene.alarm("latency", "OK")
    campaign.come_to_rest()
    campaign.world.properties.at_the_end()


@pytest.mark.parametrize(
    ("call", "fault"), [("Query", Fault.THROTTLED), ("Query", Fault.FAILS), ("GetParameters", Fault.FAILS)]
)
def test_what_aws_refuses_for_a_moment_is_asked_again(campaign: Campaign, call: str, fault: Fault) -> None:
    """Step Functions sees the class of the error: `InternalServerError`, where its model has one, not `ClientError`."""
    campaign.begins(SLOW, released=True, steps=0)
    plan = campaign.until("Plan")
    campaign.world.step(plan, (call, fault))
    assert plan.state == "Plan"


@pytest.mark.parametrize("call", ["TransactWriteItems", "Publish"])
@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.SENT_TWICE])
def test_a_question_is_asked_whatever_happens_while_it_is_asked(
    campaign: Campaign, call: str, fault: Fault
) -> None:
    campaign.begins(DRIFTING, released=False, steps=0)
    asking = campaign.until("AwaitApproval")
    campaign.world.step(asking, (call, fault))
    campaign.come_to_rest()
    campaign.world.properties.at_the_end()
    assert "Retrain" in asking.visited


def test_what_nobody_approves_is_never_done(campaign: Campaign) -> None:
    campaign.begins(DRIFTING, released=False, steps=0)
    asking = campaign.until("AwaitApproval")
    campaign.world.step(asking, None)
    campaign.go_to_next_due()
    campaign.scene.answer(campaign.scene.unanswered()[0], approved=True)
    campaign.come_to_rest()
    campaign.world.properties.at_the_end()
    assert "Retrain" not in asking.visited
    assert asking.visited[-1] == "Recorded"


def test_what_somebody_rejects_is_passed_over(campaign: Campaign) -> None:
    campaign.begins(DRIFTING, released=False, steps=0)
    asking = campaign.until("AwaitApproval")
    campaign.world.step(asking, None)
    campaign.scene.answer(campaign.scene.unanswered()[0], approved=False)
    campaign.come_to_rest()
    campaign.world.properties.at_the_end()
    assert "Retrain" not in asking.visited
