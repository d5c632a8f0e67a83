"""Quarantined hours: what training may read depends on the hours alone, however they came together."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from selfheal.remediate.quarantine import Interval, Quarantine, may_be_read, merged

HOUR = timedelta(hours=1)
START = datetime(2013, 3, 1, tzinfo=timezone.utc)
LENGTH = 30

hours = st.integers(0, LENGTH)


@st.composite
def intervals(draw):
    first = draw(hours)
    last = draw(st.none() | st.integers(first, LENGTH))
    return Interval(since=START + first * HOUR, until=None if last is None else START + last * HOUR)


def held(each):
    """Hours of the span that an interval overlaps, by counting them."""
    found = set()
    for hour in range(LENGTH + 5):
        begin, end = START + hour * HOUR, START + (hour + 1) * HOUR
        if each.since < end and (each.until is None or begin < each.until) and each.until != each.since:
            found.add(hour)
    return found


@given(st.lists(intervals()))
def test_an_hour_is_read_if_and_only_if_it_overlaps_no_interval(some):
    broken = set().union(*map(held, some))
    for hour in range(LENGTH + 5):
        assert may_be_read(START + hour * HOUR, some) is (hour not in broken)


@given(st.lists(intervals()), st.integers(0, 3599))
def test_an_hour_is_read_as_a_whole_or_not_at_all(some, seconds):
    for hour in range(LENGTH + 5):
        at = START + hour * HOUR
        assert may_be_read(at, some) is may_be_read(at + timedelta(seconds=seconds), some)


@given(st.lists(intervals()), st.randoms())
def test_merging_keeps_the_hours_in_any_order_and_is_done_once(some, random):
    whole = merged(some)
    shuffled = list(some)
    random.shuffle(shuffled)
    assert merged(shuffled) == merged(whole) == merged([*some, *whole]) == whole
    for hour in range(LENGTH + 5):
        assert may_be_read(START + hour * HOUR, whole) is may_be_read(START + hour * HOUR, some)
    # Disjoint, apart from one another, and only the last may be open.
    for one, next_ in itertools.pairwise(whole):
        assert one.until is not None
        assert one.until < next_.since


@given(intervals(), hours)
def test_ending_a_quarantine_only_ever_frees_hours(interval, end):
    quarantine = Quarantine(incident="i1", interval=interval, broken=(), at=START)
    try:
        ended = quarantine.ending(START + end * HOUR, by="ann", reason="mended", at=START)
    except ValueError:
        assert interval.until is not None
        return
    assert held(ended.interval) <= held(interval)
    assert held(ended.interval) == {hour for hour in held(interval) if hour < end}
