"""The table: a chain that stays whole under races, one open incident, and waits that are not lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selfheal.aws.errors import AwsError
from selfheal.aws.ledger_table import ATTEMPTS, LedgerTable, Wait
from selfheal.diagnose.snapshot import Release, ReleaseStatus
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


def test_one_incident_holds_the_lease(account):
    assert account.table.open("i1", "execution-1") is None
    assert account.table.open("i2", "execution-2") == "i1"
    assert account.table.open("i1", "execution-1") is None  # the same one, asked twice
    assert account.table.open_incident() == "i1"


def test_only_its_holder_gives_the_lease_back(account):
    account.table.open("i1", "execution-1")
    account.table.close("i2")
    assert account.table.open_incident() == "i1"
    account.table.close("i1")
    account.table.close("i1")
    assert account.table.open_incident() is None
    assert account.table.open("i2", "execution-2") is None


def test_a_lease_given_back_in_the_moment_of_asking_is_taken_and_not_assumed(account):
    account.table.open("i1", "execution-1")
    look = account.table.open_incident

    def given_back_just_now():
        account.table.open_incident = look
        account.table.close("i1")
        return look()

    account.table.open_incident = given_back_just_now
    assert account.table.open("i2", "execution-2") is None
    assert account.table.open_incident() == "i2"


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
    account.table.open("i1", "execution")
    append(account.table, 1)
    assert len(list(account.table.entries())) == 1
    assert len(account.table.waits()) == 1
