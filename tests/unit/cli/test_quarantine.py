"""Quarantined hours from a terminal: seen, and given back by a person who says why."""

from __future__ import annotations

import getpass
import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner
from unit.account import BUCKET, TABLE
from unit.remediate.test_quarantine import quality
from unit.samples import NOW

from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.cli.main import app
from selfheal.record.ledger import EntryKind
from selfheal.remediate.quarantine import Interval, Quarantine, may_be_read

HOUR = timedelta(hours=1)


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("COLUMNS", "140")
    return lambda *arguments: CliRunner().invoke(app, ["quarantine", *arguments, "--bucket", BUCKET])


@pytest.fixture
def release(run):
    def end(*arguments, incident="i1", reason="the owner mended it"):
        return run("release", incident, "--table", TABLE, "--reason", reason, "--yes", *arguments)

    return end


@pytest.fixture
def hours(account):
    """Those of an incident that keeps all hours since NOW out."""
    found = QuarantinedHours(account.objects)
    found.write(Quarantine(incident="i1", interval=Interval(since=NOW), broken=(quality(),), at=NOW + HOUR))
    return found


def test_they_are_listed(run, hours):
    result = run("list")
    assert result.exit_code == 0
    for told in ("i1", "x", "from 2013-03-01 12:00 UTC on", "nobody"):
        assert told in result.output
    assert json.loads(run("list", "--json").output) == [hours.of("i1").to_json()]


def test_by_default_hours_from_now_on_are_free_and_those_before_stay_out(release, hours, account):
    result = release()
    assert result.exit_code == 0
    assert "released; ledger entry 1" in result.output
    ended = hours.of("i1")
    assert (ended.released.by, ended.released.reason) == (getpass.getuser(), "the owner mended it")
    assert not may_be_read(NOW + 1000 * HOUR, [ended.interval]), "healthy only since the person said so"
    (entry,) = account.table.entries()
    assert (entry.kind, entry.incident, entry.body) == (
        EntryKind.HOURS_RELEASED,
        "i1",
        ended.release_to_json(),
    )


@pytest.mark.parametrize(
    ("since", "hours_kept"), [("2013-03-01T15:30:00+01:00", 2), ("2013-01-01T00:00Z", 0)]
)
def test_a_person_may_say_from_when_on_they_are_sound(release, hours, since, hours_kept):
    assert release("--from", since).exit_code == 0
    assert hours.of("i1").interval == Interval(since=NOW, until=NOW + hours_kept * HOUR)


@pytest.mark.parametrize("since", ["yesterday", "2013-03-01T15:30"])
def test_what_is_no_moment_is_refused(release, hours, account, since):
    result = release("--from", since)
    assert result.exit_code == 2
    assert "expected a moment with its offset" in result.output
    assert hours.of("i1").released is None
    assert list(account.table.entries()) == []


def test_an_incident_without_a_quarantine_is_refused(release, hours, account):
    result = release(incident="i2")
    assert result.exit_code == 2
    assert "incident i2 quarantined no hours" in result.output
    assert list(account.table.entries()) == []


def test_what_was_released_is_not_released_later(release, hours, account):
    release("--from", "2013-03-01T15:00+00:00")
    before = hours.of("i1")
    result = release()
    assert result.exit_code == 2
    assert "end at 2013-03-01 15:00 UTC already" in result.output
    assert hours.of("i1") == before
    assert len(list(account.table.entries())) == 1


def test_whoever_does_not_confirm_changes_nothing(run, hours, account):
    result = run("release", "i1", "--table", TABLE, "--reason", "because")
    assert result.exit_code == 1
    assert hours.of("i1").released is None
    assert list(account.table.entries()) == []
