"""Which remedies wait for a person, and what counts as that person's word."""

from __future__ import annotations

import pytest

from selfheal.bounds import PolicyError
from selfheal.remediate.approval import Answer, ApprovalPolicy
from selfheal.remediate.playbook import Remedy
from unit.samples import NOW


def test_by_default_nobody_is_asked():
    assert ApprovalPolicy().remedies == ()


@pytest.mark.parametrize("remedy", [Remedy.WATCH, Remedy.ESCALATE])
def test_what_changes_nothing_needs_no_approval(remedy):
    with pytest.raises(PolicyError, match="remedies that change something"):
        ApprovalPolicy(remedies=(Remedy.RETRAIN, remedy))


@pytest.mark.parametrize("hours", [0, 721, float("nan")])
def test_a_question_expires(hours):
    with pytest.raises(PolicyError, match="expires_hours"):
        ApprovalPolicy(expires_hours=hours)


def test_a_remedy_of_no_known_name_is_refused():
    with pytest.raises(ValueError, match="reboot"):
        ApprovalPolicy.from_json({"remedies": ["reboot"], "expires_hours": 24})


def test_an_answer_survives_being_written_down():
    answer = Answer(approved=True, by="ann", at=NOW, reason=None)
    assert Answer.from_json(answer.to_json()) == answer


@pytest.mark.parametrize("said", ["true", 1, "yes", None, [True]])
def test_only_true_approves(said):
    body = {"approved": said, "by": "ann", "at": NOW.isoformat(), "reason": None}
    assert Answer.from_json(body).approved is False
