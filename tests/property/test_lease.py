"""What must hold of the lease however the calls of several workflows fall between one another."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from threading import Condition, Thread

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from unit.samples import NOW

from selfheal.aws.errors import AwsError, LeaseLost
from selfheal.aws.ledger_table import LedgerTable
from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Incident, Trigger
from selfheal.record.lease import LEASE_TIME
from selfheal.record.ledger import EntryKind, broken_at

TABLE = "ledger"


class Baton:
    """Lets threads go on by one call at a time, in a given order; once that is spent, the first that is left."""

    def __init__(self, order, runners):
        self._order = list(order)
        self._left = sorted(runners)
        self._changed = Condition()
        self.hand_on()

    def _next(self):
        while self._order and self._order[0] not in self._left:
            self._order.pop(0)
        self._turn = self._order.pop(0) if self._order else next(iter(self._left), None)
        self._changed.notify_all()

    def wait(self, runner):
        with self._changed:
            assert self._changed.wait_for(lambda: self._turn == runner, timeout=30)

    def hand_on(self):
        with self._changed:
            self._next()

    def leave(self, runner):
        with self._changed:
            self._left.remove(runner)
            if self._turn == runner:
                self._next()


class InTurns:
    """A DynamoDB client whose every call waits for its turn."""

    def __init__(self, dynamodb, baton, runner):
        self._dynamodb, self._baton, self._runner = dynamodb, baton, runner
        self.exceptions = dynamodb.exceptions

    def __getattr__(self, name):
        operation = getattr(self._dynamodb, name)

        def call(**arguments):
            self._baton.wait(self._runner)
            try:
                return operation(**arguments)
            finally:
                self._baton.hand_on()

        return call


def incident_of(lease):
    trigger = Trigger(kind=SignalKind.LATENCY, subject="flights-latency", at=NOW, reason="slow")
    return Incident(
        id=lease.incident, endpoint="flights", opened_at=NOW, trigger=trigger, fencing_token=lease.token
    )


def heal(table, name, intents, closes, held):
    """A workflow: it opens an incident, acts under its lease, and does not notice that it lost it."""
    tries = (table.open(at=NOW, incident="the same", execution=name, body={}) for _ in range(4))
    lease = next((lease for lease in tries if lease.execution == name), None)
    if lease is None:
        return
    held.append(lease.token)
    incident = incident_of(lease)
    for minutes in intents:
        at, body = NOW + timedelta(minutes=minutes), {"remedy": "rollback", "token": lease.token}
        with contextlib.suppress(LeaseLost):
            table.append_fenced(at=at, incident=incident, kind=EntryKind.INTENT, body=body)
    if closes:
        with contextlib.suppress(LeaseLost):
            table.append_fenced(at=NOW, incident=incident, kind=EntryKind.CLOSED, body={"token": lease.token})
        table.close(lease.token)


def sweep(table, minutes):
    """It takes every lease to be of an execution that has ended."""
    for after in minutes:
        lease = table.lease()
        if lease is not None:
            table.abandon(lease, at=NOW + timedelta(minutes=after), body={"token": lease.token})


def run(dynamodb, order, programs):
    baton = Baton(order, programs)
    errors = []

    def work(runner, program):
        try:
            program(LedgerTable(InTurns(dynamodb, baton, runner), TABLE))
        except AwsError:
            pass  # it lost ten races in a row, and nothing of it was written
        except BaseException as error:
            errors.append(error)
        finally:
            baton.leave(runner)

    threads = [Thread(target=work, args=each, daemon=True) for each in programs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.fixture(scope="module")
def dynamodb():
    with mock_aws():
        yield boto3.Session("testing", "testing", region_name="us-east-1").client("dynamodb")


@contextlib.contextmanager
def fresh_table(dynamodb):
    keys = (("pk", "HASH"), ("sk", "RANGE"))
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    try:
        yield LedgerTable(dynamodb, TABLE)
    finally:
        dynamodb.delete_table(TableName=TABLE)


# Within the first lease, at its end, and beyond it.
moments = st.sampled_from([0, LEASE_TIME.total_seconds() // 60, 60])
workflow = st.tuples(st.lists(moments, min_size=1, max_size=3), st.booleans())
# In runs, so that others get far between two calls.
orders = st.lists(st.tuples(st.sampled_from(["a", "b", "sweep"]), st.integers(1, 8)), max_size=12).map(
    lambda runs: [runner for runner, calls in runs for _ in range(calls)]
)


@settings(max_examples=100)
@given(
    first=workflow,
    second=workflow,
    sweeps=st.lists(moments, min_size=1, max_size=4),
    order=orders,
)
def test_nobody_acts_without_the_lease_whatever_falls_between(dynamodb, first, second, sweeps, order):
    held = []
    programs = {
        "a": lambda table: heal(table, "a", *first, held),
        "b": lambda table: heal(table, "b", *second, held),
        "sweep": lambda table: sweep(table, sweeps),
    }
    with fresh_table(dynamodb) as table:
        run(dynamodb, order, programs)
        entries = list(table.entries())
        lease = table.lease()

    assert broken_at(entries) is None
    assert len(held) == len(set(held)), "two workflows were given one token"
    # A lease may be given back once its incident is closed; an abandoned one is taken with its entry.
    holder, may_end = None, True
    for entry in entries:
        if entry.kind is EntryKind.OPENED:
            assert may_end, "two incidents were open at once"
            assert entry.seq in held
            holder, may_end = entry.seq, False
            continue
        assert entry.body["token"] == holder, "somebody wrote under a lease that was not theirs"
        may_end = entry.kind in (EntryKind.CLOSED, EntryKind.ABANDONED)
        holder = None if entry.kind is EntryKind.ABANDONED else holder
    assert (lease.token == holder) if lease else may_end
