"""Explaining, measuring and replaying from a terminal."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner
from unit.account import TABLE
from unit.record.ledgers import Writer, retrained, rolled_back, watched

from selfheal.cli.main import app
from selfheal.record.ledger import EntryKind


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("COLUMNS", "110")
    return lambda *arguments: CliRunner().invoke(app, [*arguments, "--table", TABLE])


@pytest.fixture
def written(account):
    """Writes a sample ledger into the table."""

    def write(writer):
        for entry in writer.entries:
            account.table.append(at=entry.at, incident=entry.incident, kind=entry.kind, body=entry.body)

    return write


class TestExplain:
    def test_an_incident_is_told(self, run, written):
        written(rolled_back(Writer()))
        result = run("explain", "i1")
        assert result.exit_code == 0
        assert result.output.startswith("Incident i1 was resolved. Cause: bad release.")

    def test_the_beginning_of_an_id_will_do(self, run, written):
        written(watched(rolled_back(Writer(), "flights-1"), "flights-2"))
        assert run("explain", "flights-2").output.startswith("Incident flights-2 ")

    def test_an_unknown_incident_lists_the_newest(self, run, written):
        written(watched(rolled_back(Writer())))
        result = run("explain", "nobody")
        assert result.exit_code == 2
        assert "no incident 'nobody'; the newest: i3, i1" in result.output

    def test_an_ambiguous_beginning_is_refused(self, run, written):
        written(watched(rolled_back(Writer())))
        result = run("explain", "i")
        assert result.exit_code == 2
        assert "2 incidents begin with 'i'" in result.output

    def test_an_empty_ledger_is_said(self, run, account):
        result = run("explain", "i1")
        assert result.exit_code == 2
        assert "holds none yet" in result.output

    def test_for_scripts(self, run, written):
        written(rolled_back(Writer()))
        episode = json.loads(run("explain", "i1", "--json").output)
        assert (episode["id"], episode["state"], episode["cause"]) == ("i1", "resolved", "bad-release")
        assert episode["times"]["detected"] == "2013-03-01T12:00:00+00:00"
        assert episode["times"]["onset"] is None
        assert [attempt["result"] for attempt in episode["attempts"]] == ["PASS"]
        assert [moment["moment"] for moment in episode["moments"]][:3] == [
            "signalled",
            "diagnosed",
            "planned",
        ]


class TestReport:
    def test_nothing_to_measure(self, run, account):
        result = run("report")
        assert result.exit_code == 0
        assert result.output == "No incident is in the ledger yet: there is nothing to measure.\n"

    def test_a_few_incidents_are_called_few(self, run, written):
        written(watched(retrained(rolled_back(Writer()), start=100, package="p2"), start=2000))
        output = run("report").output
        assert "3 incidents: 3 resolved; 1 of them watched" in output
        assert "Only 3 ended" in output
        assert "0 from onset, 2 from detection" in output
        assert "44 min" in output
        assert "100%" in output
        assert "harmful covariate drift" in output

    def test_many_incidents_are_not_called_few(self, run, written):
        writer = Writer()
        for number in range(10):
            watched(writer, f"i{number}", 10 * number)
        written(writer)
        assert "Only" not in run("report").output

    def test_an_open_incident_alone_divides_nothing_by_zero(self, run, written):
        written(Writer().opened(0, "i1"))
        output = run("report").output
        assert "1 incident: 1 open" in output
        assert "0 of 0" in output

    def test_what_cannot_be_read_is_said(self, run, written):
        written(watched(Writer()).add(5, "i3", EntryKind("dreamt")))
        assert "1 entry cannot be read by this version" in run("report").output

    def test_for_scripts(self, run, written):
        written(retrained(rolled_back(Writer()), start=100, package="p2"))
        returns = json.loads(run("report", "--json").output)
        assert returns["incidents"] == {
            "open": 0,
            "resolved": 2,
            "mitigated": 0,
            "escalated": 0,
            "abandoned": 0,
        }
        assert returns["time_to_recover"] == {"count": 2, "mean": 2640.0, "median": 2640.0}
        assert returns["auto_resolved"]["share"] == 1.0
        assert returns["time_to_detect"]["mean"] is None


class TestReplay:
    def test_an_empty_ledger_has_nothing_that_does_not_follow(self, run, account):
        result = run("ledger", "replay")
        assert (result.exit_code, result.output) == (0, "0 of 0 decisions follow from the ledger\n")

    def test_a_decision_that_cannot_be_made_again_is_named(self, run, written):
        written(rolled_back(Writer()))
        result = run("ledger", "replay")
        assert result.exit_code == 1
        assert "entry 3, incident i1: what it was decided from cannot be read" in result.output
        assert "0 of 1 decisions follow" in result.output
        (decision,) = json.loads(run("ledger", "replay", "--json").output)
        assert (decision["seq"], decision["verdict"]) == (3, "INCONCLUSIVE")
