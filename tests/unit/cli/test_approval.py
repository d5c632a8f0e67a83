"""A person's word from a terminal: written down once, and handed to the workflow that waits."""

from __future__ import annotations

import getpass
import json
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner
from unit.account import TABLE

from selfheal.aws.approvals import Approvals
from selfheal.cli.main import app
from selfheal.remediate.approval import Answer, Question
from selfheal.remediate.playbook import Remedy

NOW = datetime.now(timezone.utc)


@pytest.fixture
def approvals(account):
    account.calls.answers["SendTaskSuccess"] = {}
    return Approvals(account.dynamodb, TABLE, account.workflows)


@pytest.fixture
def asked(approvals):
    def ask(hours=12):
        return approvals.ask(
            Question(
                incident="flights-1",
                remedy=Remedy.RETRAIN,
                key="1-1",
                token="token",
                asked_at=NOW,
                expires_at=NOW + timedelta(hours=hours),
            )
        )

    return ask


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return lambda verb, *arguments, incident="flights", **more: CliRunner().invoke(
        app, [verb, incident, "--table", TABLE, *arguments], **more
    )


@pytest.mark.parametrize(("verb", "approved"), [("approve", True), ("reject", False)])
def test_the_word_is_written_down_and_handed_on(account, approvals, asked, run, verb, approved):
    asked()
    result = run(verb, "--yes", "--reason", "seen it")
    assert result.exit_code == 0
    assert "retrain of flights-1" in result.output
    said = approvals.find("flights-1").answer
    assert (said.approved, said.by, said.reason) == (approved, getpass.getuser(), "seen it")
    (sent,) = account.calls.of("SendTaskSuccess")
    assert sent["taskToken"] == "token"
    assert json.loads(sent["output"]) == said.to_json()


def refused(account, result, *told):
    assert result.exit_code == 2
    for text in told:
        assert text in result.output
    assert account.calls.of("SendTaskSuccess") == []


def test_what_nobody_asks_is_refused(account, approvals, run):
    refused(account, run("approve", "--yes"), "cannot answer flights", "none")


def test_a_second_word_is_refused_and_says_whose_the_first_was(account, approvals, asked, run):
    approvals.answer(asked(), Answer(approved=False, by="bob", at=NOW))
    refused(account, run("approve", "--yes"), "was rejected by bob")


def test_what_has_expired_cannot_be_approved(account, approvals, asked, run):
    asked(hours=0)
    refused(account, run("approve", "--yes"), "goes to people now")
    assert approvals.find("flights-1").answer is None


def test_who_says_no_to_the_prompt_says_nothing(account, approvals, asked, run):
    asked()
    assert run("approve", input="n\n").exit_code == 1
    assert approvals.find("flights-1").answer is None


def test_a_workflow_that_cannot_be_told_now_is_told_by_the_sweep(account, approvals, asked, run):
    asked()
    denied = ClientError({"Error": {"Code": "AccessDeniedException"}}, "SendTaskSuccess")
    account.calls.answers["SendTaskSuccess"] = denied
    result = run("approve", "--yes")
    assert result.exit_code == 0
    assert "next sweep" in result.output
    assert approvals.find("flights-1").answer.approved


def test_a_workflow_that_is_gone_is_said_to_be(account, approvals, asked, run):
    asked()
    gone = ClientError({"Error": {"Code": "TaskTimedOut"}}, "SendTaskSuccess")
    account.calls.answers["SendTaskSuccess"] = gone
    assert "nothing follows from it" in run("approve", "--yes").output
