"""Remedies that wait for a person: asked once, answered once, and never taken for want of an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from selfheal.aws.approvals import Approvals, UnknownQuestion
from selfheal.aws.errors import LeaseLost
from selfheal.diagnose.causes import Cause
from selfheal.record.ledger import EntryKind
from selfheal.remediate.approval import Answer, ApprovalPolicy, Question
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.rails import Rails
from selfheal.settings import policy_json
from unit.account import TABLE
from unit.lambdas.episodes import incident, kinds
from unit.samples import NOW

RAILS = policy_json(Rails(approval=ApprovalPolicy(remedies=(Remedy.ROLLBACK,), expires_hours=12)))
OPEN = incident(
    cause=Cause.BAD_RELEASE, evidence=("latency began",), tried=(Remedy.ROLLBACK,), fencing_token=1
)
YES = Answer(approved=True, by="ann", at=NOW + timedelta(minutes=5))
NO = Answer(approved=False, by="ann", at=NOW + timedelta(minutes=5), reason="wait for the audit")


@pytest.fixture
def approvals(account):
    return Approvals(account.dynamodb, TABLE, account.workflows)


@pytest.fixture
def held(account):
    """An incident, as JSON, that holds the lease."""
    return account.hold(OPEN.to_json())


@pytest.fixture
def topic(account):
    return account.topic()


@pytest.fixture
def told(topic):
    return topic[1]


@pytest.fixture
def ask(function, step, held, topic):
    handler = function("remediate.ask_approval", rails=RAILS, topic=topic[0])
    return lambda token="token", incident=held: handler(step({"incident": incident}, token=token))


@pytest.fixture
def take(function, step, held):
    handler = function("remediate.take_answer")
    return lambda **state: handler(step({"incident": held, **state}))


def question(account, approvals, **more):
    asked = Question(
        incident=OPEN.id,
        remedy=Remedy.ROLLBACK,
        key="1-1",
        token="token",
        asked_at=NOW,
        expires_at=NOW + timedelta(hours=12),
    )
    return approvals.ask(replace(asked, **more))


class TestAsk:
    def test_people_are_told_what_is_asked_and_how_to_answer(self, account, approvals, ask, told):
        ask()
        (asked,) = approvals.questions()
        assert (asked.incident, asked.remedy, asked.token) == (OPEN.id, Remedy.ROLLBACK, "token")
        assert asked.expires_at == NOW + timedelta(hours=12)
        (notice,) = told()
        assert "rollback" in notice["Subject"]
        for line in (
            "bad release",
            "latency began",
            f"selfheal approve {OPEN.id} --table {TABLE}",
            f"selfheal reject {OPEN.id} --table {TABLE}",
            "2013-03-02 00:00 UTC",
        ):
            assert line in notice["Message"]
        (entry,) = account.table.entries()
        assert entry.kind is EntryKind.ASKED
        assert entry.body == {"remedy": "rollback", "until": "2013-03-02T00:00:00+00:00"}

    def test_a_workflow_that_lost_its_lease_asks_nobody(self, account, approvals, ask, held, told):
        account.hold(held, token=2)
        with pytest.raises(LeaseLost):
            ask()
        assert approvals.questions() == told() == []

    def test_a_second_try_has_the_newer_token_and_is_the_same_question(self, account, approvals, ask):
        ask("first")
        ask("second")
        assert [q.token for q in approvals.questions()] == ["second"]

    def test_an_answer_that_came_before_the_second_try_counts(self, account, approvals, ask, told):
        ask("first")
        approvals.answer(approvals.find(OPEN.id), YES)
        account.calls.answers["SendTaskSuccess"] = {}
        told()
        ask("second")
        (sent,) = account.calls.of("SendTaskSuccess")
        assert sent["taskToken"] == "second"
        assert json.loads(sent["output"])["by"] == "ann"
        assert told() == []

    def test_an_answer_to_another_question_of_the_incident_does_not_count(self, account, approvals, ask):
        """The incident was abandoned and opened again, or asks for another rung."""
        question(account, approvals, key="0-1")
        approvals.answer(approvals.find(OPEN.id), YES)
        ask()
        assert approvals.find(OPEN.id).answer is None
        assert account.calls.of("SendTaskSuccess") == []

    def test_without_a_token_nobody_could_answer(self, ask):
        with pytest.raises(Exception, match="task token"):
            ask(None)


class TestTheAnswer:
    def test_what_is_approved_is_done(self, account, take):
        result = take(answer=YES.to_json())
        assert result["next"] == "rollback"
        assert result["incident"]["notes"] == ["rollback: approved by ann"]
        (entry,) = account.table.entries()
        assert (entry.kind, entry.body["by"]) == (EntryKind.APPROVED, "ann")

    def test_what_is_rejected_is_passed_over_with_who_and_why(self, account, take):
        result = take(answer=NO.to_json())
        assert result["next"] == "plan"
        assert result["incident"]["notes"] == ["rollback: rejected by ann: wait for the audit"]
        assert result["incident"]["tried"] == ["rollback"]
        (entry,) = account.table.entries()
        assert (entry.kind, entry.body["by"], entry.body["reason"]) == (
            EntryKind.REJECTED,
            "ann",
            "wait for the audit",
        )

    @pytest.mark.parametrize("late", [{}, {"answer": YES.to_json()}], ids=["none", "one that came too late"])
    def test_what_expires_goes_to_people(self, account, take, late):
        assert take(error={"Error": "States.Timeout", "Cause": ""}, **late)["next"] == "escalate"
        assert kinds(account) == [EntryKind.EXPIRED]

    @pytest.mark.parametrize("answer", [None, {}, "yes", {"approved": True}])
    def test_what_is_no_answer_is_refused(self, account, take, answer):
        with pytest.raises(Exception, match="holds no answer"):
            take(answer=answer)
        assert kinds(account) == []

    def test_a_workflow_that_lost_its_lease_goes_by_no_answer(self, account, take, held):
        account.hold(held, token=2)
        with pytest.raises(LeaseLost):
            take(answer=YES.to_json())


class TestApprovals:
    def test_only_the_first_answer_counts(self, account, approvals):
        asked = question(account, approvals)
        assert approvals.answer(asked, NO)
        assert not approvals.answer(asked, YES)
        assert approvals.find(OPEN.id).answer == NO

    def test_an_answer_to_what_is_not_asked_any_more_is_none(self, account, approvals):
        old = question(account, approvals)
        question(account, approvals, key="1-2", remedy=Remedy.RETRAIN)
        assert not approvals.answer(old, YES)
        approvals.forget(old)
        assert approvals.find(OPEN.id).answer is None

    def test_what_is_unknown_or_ambiguous_is_refused_with_those_there_are(self, account, approvals):
        with pytest.raises(UnknownQuestion, match="those that do: none"):
            approvals.find("flights")
        question(account, approvals)
        assert approvals.find("flights").incident == OPEN.id
        question(account, approvals, incident="flights-2")
        with pytest.raises(UnknownQuestion, match=r"several.*flights-2"):
            approvals.find("flights")


class TestSweep:
    @pytest.fixture
    def sweep(self, function, account, topic):
        account.champion()
        handler = function("observe.sweep", incident_machine=account.state_machine(), topic=topic[0])
        return lambda at=NOW: handler({"time": at.isoformat()})

    def test_an_answer_whose_workflow_was_not_woken_is_handed_on(self, account, approvals, sweep):
        approvals.answer(question(account, approvals), YES)
        account.calls.answers["SendTaskSuccess"] = {}
        assert sweep()["resumed"] == 1
        (sent,) = account.calls.of("SendTaskSuccess")
        assert json.loads(sent["output"]) == YES.to_json()
        assert approvals.questions() == []

    def test_one_that_nobody_waits_for_is_forgotten(self, account, approvals, sweep):
        approvals.answer(question(account, approvals), YES)
        gone = ClientError({"Error": {"Code": "TaskTimedOut"}}, "SendTaskSuccess")
        account.calls.answers["SendTaskSuccess"] = gone
        assert sweep()["resumed"] == 0
        assert approvals.questions() == []

    def test_one_that_could_not_be_handed_on_is_kept(self, account, approvals, sweep):
        approvals.answer(question(account, approvals), YES)
        throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "SendTaskSuccess")
        account.calls.answers["SendTaskSuccess"] = throttled
        with pytest.raises(ClientError):
            sweep()
        assert approvals.find(OPEN.id).answer == YES

    def test_without_an_answer_nothing_is_handed_on_and_what_expired_is_forgotten(
        self, account, approvals, sweep
    ):
        asked = question(account, approvals)
        sweep(asked.expires_at - timedelta(seconds=1))
        assert len(approvals.questions()) == 1
        sweep(asked.expires_at)
        assert approvals.questions() == []
        assert account.calls.of("SendTaskSuccess") == []


@pytest.mark.parametrize(
    ("remedies", "expected"), [((Remedy.ROLLBACK,), "ask"), ((Remedy.SCALE,), "rollback")]
)
def test_the_settings_say_which_remedies_wait_for_a_person(account, function, step, remedies, expected):
    account.champion()
    rails = policy_json(Rails(approval=ApprovalPolicy(remedies=remedies)))
    plan = function("remediate.plan", rails=rails)
    found = plan(step({"incident": replace(OPEN, tried=(), fencing_token=None).to_json()}))
    assert found["next"] == expected
    assert found["incident"]["tried"] == ["rollback"]
