"""The table: a chain that stays whole under races, one open incident, and waits that are not lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from selfheal.aws.errors import AwsError, LeaseLost
from selfheal.aws.ledger_table import ATTEMPTS, LedgerTable, Wait
from selfheal.diagnose.snapshot import Release, ReleaseStatus
from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Incident, Trigger
from selfheal.record.ledger import EntryKind, broken_at
from unit.account import TABLE
from unit.samples import CHALLENGER, NOW


def append(table, number, incident="i1"):
    return table.append(at=NOW, incident=incident, kind=EntryKind.PLANNED, body={"number": number})


def release(config="flights-new", started=NOW, status=ReleaseStatus.RELEASING, ended=None):
    return Release(
        config=config,
        model="model",
        package=CHALLENGER,
        previous_config="flights-old",
        started_at=started,
        ended_at=ended,
        status=status,
    )


def test_a_new_table_has_nothing(account):
    assert list(account.table.entries()) == []
    assert account.table.open_incident() is None
    assert account.table.last_release() is None
    assert account.table.waits() == []


def test_entries_form_a_chain(account):
    for number in range(12):
        append(account.table, number)
    entries = list(account.table.entries())
    assert [entry.body["number"] for entry in entries] == list(range(12))
    assert broken_at(entries) is None


class Race:
    """A table into which another writer gets right after each of our first `times` looks at its end."""

    def __init__(self, table, other, times):
        self.table = table
        self._look = table._last
        self._other = other
        self._left = times
        table._last = self.look

    def look(self):
        found = self._look()
        if self._left:
            self._left -= 1
            append(self._other, "theirs", "other")
        return found


def test_two_writers_take_turns_and_the_chain_stays_whole(account):
    other = LedgerTable(account.dynamodb, TABLE)
    raced = Race(account.table, other, times=3).table
    append(raced, "ours")
    entries = list(other.entries())
    assert [entry.body["number"] for entry in entries] == ["theirs"] * 3 + ["ours"]
    assert broken_at(entries) is None


def test_a_writer_that_always_loses_says_so_and_writes_nothing(account):
    other = LedgerTable(account.dynamodb, TABLE)
    raced = Race(account.table, other, times=ATTEMPTS).table
    with pytest.raises(AwsError, match="10 times in a row"):
        append(raced, "ours")
    entries = list(other.entries())
    assert [entry.body["number"] for entry in entries] == ["theirs"] * ATTEMPTS
    assert broken_at(entries) is None


def opened(table, incident="i1", execution="execution-1", at=NOW):
    return table.open(at=at, incident=incident, execution=execution, body={})


def holder(lease, incident="i1"):
    trigger = Trigger(kind=SignalKind.LATENCY, subject="flights-latency", at=NOW, reason="slow")
    return Incident(
        id=incident, endpoint="flights", opened_at=NOW, trigger=trigger, fencing_token=lease and lease.token
    )


def intend(table, incident, at=NOW):
    return table.append_fenced(at=at, incident=incident, kind=EntryKind.INTENT, body={"remedy": "rollback"})


def told(table):
    entries = list(table.entries())
    assert broken_at(entries) is None
    return [(entry.incident, entry.kind.value) for entry in entries]


def test_one_incident_holds_the_lease_and_is_opened_on_the_record(account):
    lease = opened(account.table)
    assert (lease.incident, lease.execution, lease.token) == ("i1", "execution-1", 1)
    assert opened(account.table, "i2", "execution-2") == lease
    assert opened(account.table) == lease  # the same one, asked twice
    assert account.table.open_incident() == "i1"
    assert told(account.table) == [("i1", "opened")]


def test_only_its_holder_gives_the_lease_back(account):
    first = opened(account.table)
    account.table.close(first.token + 1)
    account.table.close(None)
    assert account.table.lease() == first
    account.table.close(first.token)
    account.table.close(first.token)
    assert account.table.open_incident() is None
    assert opened(account.table, "i2", "execution-2").token > first.token


def test_a_lease_that_another_takes_in_the_moment_of_asking_is_theirs(account):
    other = LedgerTable(account.dynamodb, TABLE)
    look = account.table.lease

    def taken_just_now():
        account.table.lease = look
        found = look()
        opened(other, "theirs", "execution-2")
        return found

    account.table.lease = taken_just_now
    assert opened(account.table).incident == "theirs"
    assert told(account.table) == [("theirs", "opened")]


def test_an_entry_under_the_lease_renews_it(account):
    lease = opened(account.table)
    intend(account.table, holder(lease), NOW + timedelta(hours=3))
    assert account.table.lease().held_until == NOW + timedelta(hours=3, minutes=15)
    intend(account.table, holder(lease), NOW)  # it arrived late
    assert account.table.lease().held_until == NOW + timedelta(hours=3, minutes=15)
    assert account.table.lease().token == lease.token


def test_an_old_token_writes_nothing(account):
    old = opened(account.table)
    account.table.close(old.token)
    with pytest.raises(LeaseLost, match="incident i1 is not open with fencing token 1 any more: none is"):
        intend(account.table, holder(old))
    new = opened(account.table, "i1", "execution-2")  # the same incident, opened again
    with pytest.raises(LeaseLost, match="fencing token 1 any more: incident i1 is, with token 2"):
        intend(account.table, holder(old))
    assert told(account.table) == [("i1", "opened"), ("i1", "opened")]
    assert account.table.lease() == new


def test_without_a_token_nothing_is_written_under_a_lease(account):
    for _ in range(2):
        with pytest.raises(LeaseLost, match="fencing token None"):
            intend(account.table, holder(None))
        opened(account.table)
    assert told(account.table) == [("i1", "opened")]


def test_a_lease_lost_between_looking_and_writing_stops_the_write(account):
    """What a lease without a fence cannot do: its holder looked, stood still, and writes."""
    lease, other = opened(account.table), LedgerTable(account.dynamodb, TABLE)
    look = account.table.lease

    def lost_just_now():
        found = look()
        if found == lease:
            other.close(lease.token)
            opened(other, "theirs", "execution-2")
        return found

    account.table.lease = lost_just_now
    with pytest.raises(LeaseLost, match="incident theirs is, with token 2"):
        intend(account.table, holder(lease))
    assert told(account.table) == [("i1", "opened"), ("theirs", "opened")]


def test_a_fenced_writer_and_others_take_turns(account):
    lease, other = opened(account.table), LedgerTable(account.dynamodb, TABLE)
    raced = Race(account.table, other, times=3).table
    intend(raced, holder(lease))
    assert told(other)[1:] == [("other", "planned")] * 3 + [("i1", "intent")]


def test_what_is_wrong_with_the_table_is_no_race(account):
    lease = opened(account.table)
    cancelled = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": [{"Code": "Odd"}]}
    error = account.dynamodb.exceptions.TransactionCanceledException(cancelled, "TransactWriteItems")
    account.calls.answers["TransactWriteItems"] = error
    with pytest.raises(ClientError):
        intend(account.table, holder(lease))


def test_an_expired_lease_is_taken_away_on_the_record(account):
    lease = opened(account.table)
    late = lease.held_until
    assert not account.table.abandon(lease, at=late - timedelta(seconds=1), body={})
    assert account.table.abandon(lease, at=late, body={})
    assert not account.table.abandon(lease, at=late, body={})
    assert told(account.table) == [("i1", "opened"), ("i1", "abandoned")]
    with pytest.raises(LeaseLost):
        intend(account.table, holder(lease), late)


def test_a_lease_that_was_renewed_since_it_was_read_is_not_taken_away(account):
    lease = opened(account.table)
    late = lease.held_until
    intend(account.table, holder(lease), late)
    assert not account.table.abandon(lease, at=late, body={})
    assert account.table.open_incident() == "i1"
    assert told(account.table) == [("i1", "opened"), ("i1", "intent")]


def test_the_table_does_not_forget_a_lease(account):
    """DynamoDB deletes items by the attribute that triggers expire by."""
    opened(account.table)
    item = account.dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": "OPEN"}, "sk": {"S": "incident"}})
    assert "expires_at" not in item["Item"]


def test_a_change_is_taken_up_once(account):
    assert not account.table.knows("alarm@1")
    assert account.table.take_up("alarm@1", "execution-1", NOW)
    assert account.table.knows("alarm@1")
    assert not account.table.take_up("alarm@1", "execution-2", NOW)
    assert account.table.take_up("alarm@2", "execution-2", NOW)


def test_an_execution_that_tries_again_may_take_up_its_change_again(account):
    account.table.take_up("alarm@1", "execution-1", NOW)
    assert account.table.take_up("alarm@1", "execution-1", NOW + timedelta(minutes=1))
    assert not account.table.take_up("alarm@1", "execution-2", NOW + timedelta(minutes=1))
    account.table.attach("alarm@1", "incident")
    assert account.table.take_up("alarm@1", "execution-1", NOW + timedelta(minutes=2))


def test_a_change_is_remembered_for_thirty_days(account):
    account.table.take_up("alarm@1", "execution-1", NOW)
    item = account.dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": "TRIGGER"}, "sk": {"S": "alarm@1"}})[
        "Item"
    ]
    assert int(item["expires_at"]["N"]) == int((NOW + timedelta(days=30)).timestamp())


def test_what_waited_for_an_incident_is_taken_up_anew_after_it(account):
    for key in ("alarm@1", "alarm@2", "alarm@3"):
        account.table.take_up(key, "i", NOW)
    account.table.attach("alarm@1", "i1")
    account.table.attach("alarm@2", "other")
    account.table.detach_all("i1")
    assert [account.table.knows(f"alarm@{n}") for n in (1, 2, 3)] == [False, True, True]


def test_a_release_is_kept_and_rewritten(account):
    account.table.save_release(release())
    assert account.table.release("flights-new") == release()
    ended = release(status=ReleaseStatus.PROMOTED, ended=NOW + timedelta(hours=1))
    account.table.save_release(ended)
    assert account.table.release("flights-new") == ended
    assert account.table.release("other") is None


def test_the_last_release_is_the_one_started_last_whatever_came_of_it(account):
    account.table.save_release(release("z-first", NOW, ReleaseStatus.PROMOTED))
    account.table.save_release(release("a-last", NOW + timedelta(hours=2), ReleaseStatus.ROLLED_BACK))
    account.table.save_release(release("m-between", NOW + timedelta(hours=1)))
    assert account.table.last_release().config == "a-last"


def wait(token, kind="endpoint"):
    return Wait(token=token, kind=kind, target="flights", since=NOW)


def test_waits_are_parked_and_unparked(account):
    # Tokens are longer than a key of DynamoDB may be.
    first, second = wait("t" * 2000), wait("u" * 2000, "pipeline")
    account.table.park(first)
    account.table.park(second)
    account.table.park(first)
    assert sorted(account.table.waits(), key=lambda each: each.token) == [first, second]
    account.table.unpark(first)
    account.table.unpark(first)
    assert account.table.waits() == [second]


def test_kinds_of_items_do_not_mix(account):
    account.table.save_release(release())
    account.table.park(wait("t"))
    account.table.take_up("alarm@1", "execution-1", NOW)
    opened(account.table)
    append(account.table, 1)
    assert len(list(account.table.entries())) == 2
    assert len(account.table.waits()) == 1
