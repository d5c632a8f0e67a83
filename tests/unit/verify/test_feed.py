"""A feed is healthy again only where every signal that was broken was judged, and nothing is in breach."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from selfheal.observe.report import no_data
from selfheal.observe.signals import SignalKind, Status
from selfheal.verify.feed import feed_of
from unit.remediate.test_quarantine import BREACH, NO_DATA, OK, WARN, quality, report, row
from unit.samples import NOW, signal

HOUR = timedelta(hours=1)
BROKEN = (quality(),)


@pytest.mark.parametrize(
    ("statuses", "looks"),
    [
        ((OK,), 1),
        ((OK, OK, OK, BREACH), 3),
        ((OK, OK, WARN, OK), 2),
        ((WARN, OK, OK), 0),
        ((BREACH, OK, OK), 0),
        ((NO_DATA, OK, OK), 0),
        ((OK, BREACH, OK, OK), 1),
    ],
)
def test_looks_count_in_a_row_from_the_newest(statuses, looks):
    feed = feed_of(iter(row(*statuses)), BROKEN)
    assert feed.clear.looks == looks
    assert feed.sound_since == (NOW - looks * HOUR if looks else None)
    assert (feed.clear.doubt is None) is (looks > 0)


def clear(ago, value, statistic="null_percent"):
    """A clear report, judged on the five hours before it, with so much of its rows bad."""
    signal_ = replace(quality(OK, statistic=statistic), value=value)
    return replace(report(ago, signal_), quality_since=NOW - (5 + ago) * HOUR)


def test_a_window_without_a_bad_row_is_sound_as_a_whole():
    assert feed_of([clear(0, 0.0), clear(1, 0.0), *row(BREACH)], BROKEN).sound_since == NOW - 6 * HOUR


def test_a_few_bad_rows_may_be_a_broken_hour_of_a_long_window_so_the_last_hour_alone_is_believed():
    assert feed_of([clear(0, 0.1), clear(1, 0.1), *row(BREACH)], BROKEN).sound_since == NOW - 2 * HOUR
    assert feed_of([clear(0, 0.0), clear(1, 0.1), *row(BREACH)], BROKEN).sound_since == NOW - 5 * HOUR


@pytest.mark.parametrize("statistic", ["rescaled", "constant", "silent_hours"])
def test_what_is_no_share_of_the_rows_says_nothing_of_a_whole_window(statistic):
    broken = (quality(statistic=statistic),)
    assert feed_of([clear(0, 0.0, statistic)], broken).sound_since == NOW - HOUR


def test_every_broken_signal_must_be_spotless_for_a_window_to_be():
    both = replace(clear(0, 0.0), signals=(*clear(0, 0.0).signals, replace(quality(OK, "y"), value=0.2)))
    assert feed_of([both], (quality(), quality(subject="y"))).sound_since == NOW - HOUR
    assert feed_of([both], (quality(),)).sound_since == NOW - 5 * HOUR


def test_what_is_within_its_limit_and_not_as_in_training_is_not_sound_yet():
    assert feed_of(row(WARN), BROKEN).clear.doubt == "not yet as in training: x (null_percent)"
    another = report(0, quality(OK), quality(WARN, "y"))
    assert feed_of([another], BROKEN).clear.doubt is None


def test_a_sensor_that_moves_again_is_no_longer_asked_whether_it_stands_still():
    stuck = (quality(statistic="constant"),)
    assert feed_of([report(0, quality(OK))], stuck).clear.looks == 1
    assert (
        feed_of([report(0, quality(OK, "y"), quality(NO_DATA))], stuck).clear.doubt
        == "not judged lately: x (constant)"
    )


def test_another_input_in_breach_is_no_healthy_feed():
    feed = feed_of([report(0, quality(OK), quality(BREACH, "y"))], BROKEN)
    assert feed.clear.doubt == "y is BREACH"


def test_drift_is_not_the_feeds():
    drift = signal(SignalKind.DATA_DRIFT, Status.BREACH, "x", "null_percent")
    assert feed_of([report(0, quality(OK), drift)], BROKEN).clear.doubt is None


@pytest.mark.parametrize(
    "lately",
    [report(0), report(0, quality(OK, "y")), report(0, *no_data("no champion")), report(0, quality(NO_DATA))],
)
def test_what_was_not_judged_is_not_healthy(lately):
    feed = feed_of([lately, *row(OK, OK)], BROKEN)
    assert feed.clear.looks == 0
    assert feed.clear.doubt == "not judged lately: x (null_percent)"


def test_every_signal_that_was_broken_must_be_clear():
    broken = (quality(), quality(subject="y"))
    assert feed_of([report(0, quality(OK))], broken).clear.doubt == "not judged lately: y (null_percent)"
    assert feed_of([report(0, quality(OK), quality(OK, "y"))], broken).clear.doubt is None


def test_without_reports_nothing_is_known():
    assert feed_of([], BROKEN).clear.doubt == "observe left no report within 24 h"


def test_no_more_is_read_than_tells():
    reports = iter(row(OK, BREACH, OK, OK))
    feed_of(reports, BROKEN)
    assert len(list(reports)) == 2
