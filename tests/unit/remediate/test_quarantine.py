"""Which hours a broken feed takes out of training, and how they come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from selfheal.observe.report import Report
from selfheal.observe.signals import SignalKind, Status
from selfheal.remediate.quarantine import (
    Interval,
    Quarantine,
    QuarantineError,
    broken_since,
    hour_of,
    judged_hour,
    may_be_read,
    merged,
)
from unit.samples import CHAMPION, NOW, signal

HOUR = timedelta(hours=1)
OK, WARN, BREACH, NO_DATA = Status.OK, Status.WARN, Status.BREACH, Status.NO_DATA


def quality(status=BREACH, subject="x", statistic="null_percent"):
    return signal(SignalKind.DATA_QUALITY, status, subject, statistic)


def report(hours_ago, *signals):
    at = NOW - hours_ago * HOUR + timedelta(minutes=10)
    return Report(endpoint="flights", champion=CHAMPION, at=at, signals=signals)


def row(*statuses):
    """Reports of an hour each, newest first, that judge the same signal."""
    return [report(ago, quality(status)) for ago, status in enumerate(statuses)]


def began(reports, onset=None):
    """How many hours before the one that is under way the quarantine begins."""
    return (NOW - broken_since(reports[0], iter(reports[1:]), onset)) / HOUR


class TestSince:
    def test_the_hour_that_the_report_speaks_of_is_the_one_before_it(self):
        assert judged_hour(report(0)) == NOW - HOUR
        assert began(row(BREACH)) == 1

    @pytest.mark.parametrize(
        ("statuses", "hours"),
        [
            ((BREACH, OK, BREACH), 1),
            ((BREACH, BREACH, OK), 2),
            ((BREACH, WARN, WARN, OK, WARN), 3),
            ((BREACH, NO_DATA, WARN, OK), 3),
            ((BREACH, NO_DATA, OK, WARN), 1),
            ((BREACH, NO_DATA, NO_DATA), 1),
        ],
    )
    def test_it_goes_back_over_reports_in_a_row_that_saw_it_coming(self, statuses, hours):
        assert began(row(*statuses)) == hours

    def test_another_signal_that_warns_does_not_lengthen_it(self):
        assert began([report(0, quality()), report(1, quality(OK), quality(WARN, "y"))]) == 1

    def test_one_of_several_that_was_off_does(self):
        newest = report(0, quality(), quality(subject="y"))
        assert began([newest, report(1, quality(OK), quality(WARN, "y")), report(2, quality(OK))]) == 2

    def test_a_signal_that_tells_since_when_is_believed(self):
        newest = report(0, quality(), replace(quality(subject="y"), since=NOW - 8 * HOUR))
        assert began([newest, *row(OK, BREACH)]) == 8
        assert began([newest], onset=NOW - 9 * HOUR) == 10

    def test_no_more_is_read_than_tells(self):
        reports = iter(row(BREACH, WARN, OK, WARN))
        broken_since(next(reports), reports, None)
        assert len(list(reports)) == 1

    def test_the_alarms_first_datapoint_counts_though_one_between_was_well(self):
        assert began(row(BREACH, OK, BREACH), onset=NOW - 2 * HOUR) == 3
        assert began(row(BREACH, BREACH, BREACH, BREACH), onset=NOW) == 4


class TestInterval:
    def test_its_beginning_is_in_it_and_its_end_is_not(self):
        closed = Interval(since=NOW, until=NOW + HOUR)
        moments = (NOW - timedelta(microseconds=1), NOW, NOW + HOUR - timedelta(microseconds=1), NOW + HOUR)
        assert [closed.holds(at) for at in moments] == [False, True, True, False]
        assert Interval(since=NOW).holds(NOW + 1000 * HOUR)

    @pytest.mark.parametrize(
        ("since", "until", "what"),
        [
            (NOW + timedelta(minutes=1), None, "no full hour of UTC"),
            (NOW.replace(tzinfo=None), None, "no full hour of UTC"),
            (NOW.astimezone(timezone(HOUR)), None, "no full hour of UTC"),
            (NOW, NOW + timedelta(seconds=1), "no full hour of UTC"),
            (NOW, NOW - HOUR, "before they begin"),
        ],
    )
    def test_what_cannot_be_is_refused(self, since, until, what):
        with pytest.raises(QuarantineError, match=what):
            Interval(since=since, until=until)

    def test_hours_that_touch_are_one_interval_and_none_are_none(self):
        hours = [NOW + n * HOUR for n in range(6)]
        parts = [
            Interval(since=hours[3], until=hours[4]),
            Interval(since=hours[0], until=hours[1]),
            Interval(since=hours[1], until=hours[2]),
            Interval(since=hours[5], until=hours[5]),
        ]
        assert merged(parts) == (
            Interval(since=hours[0], until=hours[2]),
            Interval(since=hours[3], until=hours[4]),
        )
        assert merged([*parts, Interval(since=hours[1])]) == (Interval(since=hours[0]),)

    def test_it_says_which_hours(self):
        assert str(Interval(since=NOW)) == "from 2013-03-01 12:00 UTC on"
        assert str(Interval(since=NOW, until=NOW + HOUR)).endswith("to 2013-03-01 13:00 UTC")


class TestEnding:
    def open(self):
        return Quarantine(incident="i1", interval=Interval(since=NOW), broken=(quality(),), at=NOW)

    def test_whoever_ends_it_is_named(self):
        ended = self.open().ending(NOW + 3.5 * HOUR, by="ann", reason="mended", at=NOW + 4 * HOUR)
        assert ended.interval == Interval(since=NOW, until=NOW + 3 * HOUR)
        assert (ended.released.by, ended.released.reason) == ("ann", "mended")
        assert may_be_read(NOW + 3 * HOUR, [ended.interval])

    def test_an_end_before_its_beginning_frees_all_hours(self):
        freed = self.open().ending(NOW - 9 * HOUR, by="ann", reason="they were right", at=NOW)
        assert merged([freed.interval]) == ()

    def test_it_can_be_shortened_and_never_lengthened(self):
        ended = self.open().ending(NOW + 3 * HOUR, by="verify", reason="healthy", at=NOW + 6 * HOUR)
        assert ended.ending(NOW + HOUR, by="ann", reason="mended", at=NOW).interval.until == NOW + HOUR
        for hours in (3, 4):
            with pytest.raises(QuarantineError, match="end at 2013-03-01 15:00 UTC already"):
                ended.ending(NOW + hours * HOUR, by="ann", reason="mended", at=NOW)

    def test_while_it_is_open_there_is_no_release_to_tell(self):
        with pytest.raises(QuarantineError, match="no end yet"):
            self.open().release_to_json()

    def test_it_is_read_as_it_was_written(self):
        told = replace(self.open(), broken=(replace(quality(), since=NOW),))
        for each in (told, self.open(), self.open().ending(NOW + HOUR, by="ann", reason="mended", at=NOW)):
            assert Quarantine.from_json(each.to_json()) == each

    @pytest.mark.parametrize(
        "body", [{}, [], None, {"since": "yesterday"}, {"incident": "i1", "until": None, "released": 3}]
    )
    def test_anything_else_is_refused(self, body):
        with pytest.raises(QuarantineError, match="not a quarantine"):
            Quarantine.from_json(body)


def test_an_hour_is_that_of_utc():
    assert hour_of(NOW.astimezone(timezone(timedelta(hours=5, minutes=30))) + timedelta(minutes=59)) == NOW
