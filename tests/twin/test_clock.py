"""The virtual clock: what it freezes, and the order in which it keeps appointments."""

import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from twin.clock import VirtualClock, iso_z
from twin.interfaces import TwinError

START = datetime(2013, 1, 1, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    with VirtualClock(START) as clock:
        yield clock


def test_time_stands_still_for_every_thread_until_advanced(clock):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(datetime.now(timezone.utc)))
    thread.start()
    thread.join()
    assert seen == [START] == [datetime.now(timezone.utc)]
    clock.advance_to(START + MINUTE)
    assert datetime.now(timezone.utc) == clock.now == START + MINUTE


def test_naive_local_time_is_utc(clock):
    assert datetime.now() == START.replace(tzinfo=None)  # noqa: DTZ005


def test_durations_keep_running(clock):
    before = time.monotonic()
    time.sleep(0.01)
    assert time.monotonic() - before >= 0.005


def test_real_time_returns_afterwards():
    with VirtualClock(START):
        pass
    assert datetime.now(timezone.utc).year > 2020


def test_each_appointment_is_kept_at_its_own_time(clock):
    kept = []
    for minutes in (3, 1, 2):
        clock.at(
            START + minutes * MINUTE, lambda m=minutes: kept.append((m, datetime.now(timezone.utc))), "x"
        )
    clock.advance_to(START + timedelta(minutes=2, seconds=30))
    assert kept == [(1, START + MINUTE), (2, START + 2 * MINUTE)]
    assert clock.now == START + timedelta(minutes=2, seconds=30)
    assert clock.next_due() == START + 3 * MINUTE


def test_appointments_for_one_time_are_kept_first_come_first_served(clock):
    kept = []
    for name in "abc":
        clock.at(START + MINUTE, lambda n=name: kept.append(n), "x")
    clock.advance_to(START + MINUTE)
    assert kept == ["a", "b", "c"]


def test_an_action_may_make_appointments_also_for_now(clock):
    kept = []

    def first():
        kept.append("first")
        clock.at(clock.now, lambda: kept.append("now"), "x")
        clock.at(clock.now + MINUTE, lambda: kept.append("later"), "x")

    clock.at(START + MINUTE, first, "x")
    clock.advance_to(START + 5 * MINUTE)
    assert kept == ["first", "now", "later"]


def test_one_for_the_past_is_kept_at_the_next_advance_without_going_back(clock):
    kept = []
    clock.at(START - MINUTE, lambda: kept.append(clock.now), "x")
    clock.advance_to(START)
    assert kept == [START]


def test_cancelled_appointments_are_not_kept(clock):
    kept = []
    clock.at(START + MINUTE, lambda: kept.append(1), "x").cancel()
    assert clock.next_due() is None
    clock.advance_to(START + 5 * MINUTE)
    assert kept == []


def test_threads_may_make_appointments_at_once(clock):
    kept = []

    def make(first):
        for number in range(first, first + 200):
            clock.at(START + timedelta(seconds=number % 60), lambda n=number: kept.append(n), "x")

    threads = [threading.Thread(target=make, args=(200 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock.advance_to(START + MINUTE)
    assert sorted(kept) == list(range(800))


def test_it_never_goes_back(clock):
    clock.advance_to(START + MINUTE)
    with pytest.raises(TwinError, match="2013-01-01T00:01:00Z"):
        clock.advance_to(START)


def test_naive_times_are_refused(clock):
    with pytest.raises(TwinError, match="zone"):
        clock.at(datetime(2013, 1, 1), lambda: None, "x")  # noqa: DTZ001


def test_an_error_stops_the_clock_where_it_happened(clock):
    clock.at(START + MINUTE, lambda: 1 / 0, "x")
    with pytest.raises(ZeroDivisionError):
        clock.advance_to(START + 5 * MINUTE)
    assert clock.now == START + MINUTE


def test_it_does_not_advance_outside_its_block():
    with pytest.raises(TwinError, match="with"):
        VirtualClock(START).advance_to(START + MINUTE)


def test_iso_z():
    assert iso_z(START + timedelta(milliseconds=5), "milliseconds") == "2013-01-01T00:00:00.005Z"
