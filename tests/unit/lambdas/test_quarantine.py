"""Quarantining the hours of a broken feed: what is written, who is told, and what is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selfheal.aws.controls import Stopped
from selfheal.aws.errors import AwsError, LeaseLost, Missing
from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.aws.report_store import ReportStore
from selfheal.observe.signals import SignalKind, Status
from selfheal.record.incident import Incident, Trigger
from selfheal.record.ledger import EntryKind, actions
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.quarantine import Interval
from unit.account import BUCKET, MODE_PARAMETER, NAME, SWITCH_PARAMETER
from unit.lambdas.episodes import incident, kinds
from unit.remediate.test_quarantine import quality, report
from unit.samples import NOW

HOUR = timedelta(hours=1)
LATER = NOW + timedelta(minutes=30)


@pytest.fixture
def notices(account):
    topic, read = account.topic()
    read.topic = topic
    return read


@pytest.fixture
def quarantine(function, step, notices):
    handler = function("remediate.quarantine", topic=notices.topic)
    return lambda found: handler(step({"incident": found.to_json()}, at=LATER))


@pytest.fixture
def hours(account):
    return QuarantinedHours(account.objects)


@pytest.fixture
def broken(account):
    """The feed of x broke four hours ago; the report of the hour before warned of it."""
    for ago, status in enumerate((Status.BREACH, Status.BREACH, Status.WARN, Status.OK)):
        ReportStore(account.objects, NAME).save(report(ago, quality(status)), {})


def opened(kind=SignalKind.DATA_QUALITY, onset=None):
    trigger = Trigger(kind=kind, subject=f"flights-{kind.value}", at=NOW, reason="broken", onset=onset)
    return Incident.open(NAME, trigger, NOW).with_(tried=(Remedy.QUARANTINE,))


def test_the_broken_hours_are_written_down_open_ended(broken, quarantine, hours, account):
    found = opened()
    result = quarantine(found)
    assert result["next"] == "verify"
    assert result["incident"]["acted_at"] == LATER.isoformat()
    assert result["incident"]["mitigated_at"] is None, "the feed is as broken as before"
    written = hours.of(found.id)
    assert written.interval == Interval(since=NOW - 3 * HOUR)
    assert written.broken == (quality(),)
    assert account.keys("quarantine/") == [f"quarantine/{found.id}.json"]


def test_the_intent_comes_before_and_the_outcome_after(broken, quarantine, account):
    found = opened()
    quarantine(found)
    intent, outcome = account.table.entries()
    assert (intent.kind, outcome.kind) == (EntryKind.INTENT, EntryKind.OUTCOME)
    assert intent.body == {
        "remedy": "quarantine",
        "since": (NOW - 3 * HOUR).isoformat(),
        "broken": ["x"],
        "object": f"s3://{BUCKET}/quarantine/{found.id}.json",
        "changed": True,
    }
    assert outcome.body["succeeded"] is True
    assert outcome.body["reason"] == "hours from 2013-03-01 09:00 UTC on are kept out of training: x"


def test_the_owner_of_the_feed_is_told_while_it_is_broken(broken, quarantine, notices):
    quarantine(opened())
    (notice,) = notices()
    assert notice["Subject"] == "[selfheal] flights: its input is broken, hours are quarantined"
    assert "  - x is BREACH" in notice["Message"]
    assert "Hours from 2013-03-01 09:00 UTC on are kept out of training." in notice["Message"]


def test_nothing_else_is_changed_and_no_rail_counts_it(broken, quarantine, account):
    quarantine(opened())
    assert account.calls.changes() == []
    assert actions(account.table.entries()) == []


def test_asked_twice_is_done_once(broken, quarantine, hours, account):
    found = opened()
    quarantine(found)
    first = hours.of(found.id)
    ReportStore(account.objects, NAME).save(report(0, quality(), quality(subject="y")), {})
    assert quarantine(found)["next"] == "verify"
    assert hours.of(found.id) == first
    assert account.calls.of("PutObject") == []
    again = [entry for entry in account.table.entries() if entry.kind is EntryKind.INTENT][-1]
    assert again.body["changed"] is False


def test_the_onset_of_an_alarm_of_another_kind_says_nothing_of_the_feed(broken, quarantine, hours):
    for kind, since in ((SignalKind.PERFORMANCE, 3), (SignalKind.DATA_QUALITY, 10)):
        found = opened(kind, onset=NOW - 9 * HOUR)
        quarantine(found)
        assert hours.of(found.id).interval.since == NOW - since * HOUR


@pytest.mark.parametrize(
    ("parameter", "value"), [(MODE_PARAMETER, "recommend"), (SWITCH_PARAMETER, "ann: no")]
)
def test_while_people_do_not_want_changes_nothing_is_written(
    broken, quarantine, account, notices, parameter, value
):
    account.set(parameter, value)
    with pytest.raises(Stopped):
        quarantine(opened())
    assert (account.keys("quarantine/"), kinds(account), notices()) == ([], [], [])


def test_a_workflow_that_lost_the_lease_writes_no_hours(broken, quarantine, account, notices):
    lost = opened().with_(fencing_token=1)
    account.hold(lost.to_json(), token=7)
    with pytest.raises(LeaseLost):
        quarantine(lost)
    assert (account.keys("quarantine/"), kinds(account), notices()) == ([], [], [])


def test_where_no_report_says_what_is_broken_no_hour_is_named(account, quarantine):
    ReportStore(account.objects, NAME).save(report(0, quality(Status.WARN)), {})
    with pytest.raises(Missing, match="no report on flights says what is broken"):
        quarantine(opened())
    assert (account.keys("quarantine/"), kinds(account)) == ([], [])


def test_what_is_no_quarantine_stops_whoever_reads_it(account, broken, quarantine, hours):
    found = opened()
    account.objects.write(f"quarantine/{found.id}.json", "[]")
    with pytest.raises(AwsError, match=f"{found.id}.json: not a quarantine"):
        quarantine(found)
    with pytest.raises(AwsError, match=f"{found.id}.json"):
        hours.all()


def test_all_of_them_are_found_and_what_is_no_json_is_left_alone(account, broken, quarantine, hours):
    assert hours.all() == []
    account.objects.write("quarantine/about.txt", "an empty folder is refused")
    found = opened()
    quarantine(found)
    assert hours.all() == [hours.of(found.id)]
    assert hours.of(incident(SignalKind.ERRORS).id) is None
