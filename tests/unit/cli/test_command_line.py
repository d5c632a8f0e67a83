"""The command line as people and scripts use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner
from unit.account import TABLE
from unit.samples import NOW

from selfheal.cli.main import app
from selfheal.record.ledger import EntryKind

SHIPPED = Path(__file__).resolve().parents[3] / "workloads" / "flights" / "selfheal.yaml"


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_sound_file_is_valid(run):
    result = run("check", SHIPPED)
    assert result.exit_code == 0
    assert "workload flights, mode act" in result.output


def test_a_line_stays_one_line_however_long_the_path_and_narrow_the_terminal(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    settings = deep / "selfheal.yaml"
    settings.write_text(SHIPPED.read_text().replace("code: workloads/flights", f"code: {SHIPPED.parent}"))
    assert run("check", settings).output == f"{settings}: valid, workload flights, mode act\n"


def test_every_error_comes_at_once_and_without_a_traceback(run, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text(SHIPPED.read_text().replace("mode: act", "mode: dance") + "\nsurprise: 1\n")
    result = run("check", bad)
    assert result.exit_code == 2
    assert "mode = 'dance': expected" in result.output
    assert "surprise = 1: expected nothing" in result.output
    assert "Traceback" not in result.output
    problems = json.loads(run("check", bad, "--json").output)["problems"]
    assert {problem["path"] for problem in problems} == {"mode", "surprise"}


def test_the_ledger_is_verified(run, account):
    account.table.append(at=NOW, incident="i1", kind=EntryKind.OPENED, body={"kind": "latency"})
    assert "1 entries, the chain is whole" in run("ledger", "verify", "--table", TABLE).output
    item = account.dynamodb.scan(TableName=TABLE)["Items"][0]
    item["entry"]["S"] = item["entry"]["S"].replace("latency", "errors")
    account.dynamodb.put_item(TableName=TABLE, Item=item)
    result = run("ledger", "verify", "--table", TABLE, "--json")
    assert result.exit_code == 1
    assert json.loads(result.output) == {
        "entries": 1,
        "whole": False,
        "reason": "entry 1 was altered: its content does not have its hash",
    }


def test_a_table_that_is_not_there_is_said_in_one_line(run, account):
    result = run("ledger", "verify", "--table", "nowhere")
    assert result.exit_code == 2
    assert "cannot read the ledger nowhere" in result.output
    assert "Traceback" not in result.output


def test_the_breaker_is_closed_only_when_people_say_so(run, account):
    refused = CliRunner().invoke(
        app, ["breaker", "close", "--table", TABLE, "--reason", "mended"], input="n\n"
    )
    assert refused.exit_code != 0
    assert list(account.table.entries()) == []
    assert run("breaker", "close", "--table", TABLE, "--reason", "mended", "--yes").exit_code == 0
    (entry,) = account.table.entries()
    assert entry.kind is EntryKind.BREAKER_CLOSED
    assert entry.body["reason"] == "mended"


def test_incidents_are_listed(run, account):
    assert json.loads(run("incidents", "--table", TABLE, "--json").output) == []
    body = {"id": "i1", "cause": "bad-release", "tried": ["rollback"], "outcome": "resolved"}
    body |= {"mitigated_at": NOW.isoformat(), "verified_at": None}
    account.table.append(at=NOW, incident="i1", kind=EntryKind.CLOSED, body=body)
    assert [i["id"] for i in json.loads(run("incidents", "--table", TABLE, "--json").output)] == ["i1"]
    assert "bad-release" in run("incidents", "--table", TABLE).output
