"""Recovery as a table: proven, not yet, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest

from selfheal.observe.signals import SignalKind, Status
from selfheal.remediate.playbook import Remedy
from selfheal.verdict import Verdict
from selfheal.verify.clear import Clear
from selfheal.verify.feed import Feed
from selfheal.verify.finding import Finding
from selfheal.verify.policy import RecoveryPolicy
from selfheal.verify.recovery import Quality, Recovery, asks_quality, asks_report, judge_recovery
from unit.samples import NOW, signal

OK, WARN, BREACH, NO_DATA = Status.OK, Status.WARN, Status.BREACH, Status.NO_DATA
POLICY = RecoveryPolicy()  # quiet for 30 min, given up after 96 h
LATENCY, ERRORS, DRIFT = SignalKind.LATENCY, SignalKind.ERRORS, SignalKind.DATA_DRIFT
FEED = SignalKind.DATA_QUALITY
PASS, WAIT, FAIL = Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL


CLEAR = Clear(looks=3, doubt=None)
SERVES, GOLDEN = Finding.passed("new serves"), Finding.passed("the golden set is answered")
SAME = Finding.passed("no other signal is worse")


def healthy(looks):
    """A feed that was clear in so many reports in a row."""
    clear = Clear(looks=looks, doubt=None if looks else "x is empty")
    return Feed(clear=clear, sound_since=NOW if looks else None)


def quality(*statuses):
    """Quality in windows, newest first."""
    return Quality.of(
        [signal(SignalKind.PERFORMANCE, status, reason=f"quality is {status.value}") for status in statuses]
    )


def judgement(opened_by=LATENCY, minutes=60.0, firing=(), others=SAME, quiet=None, **more):
    """`firing` maps kinds to how many minutes after the remedy they began (negative: before it);
    `quiet`: how many minutes ago the others came to rest, by default with the remedy."""
    acted_at = NOW - timedelta(minutes=minutes)
    recovery = Recovery(
        opened_by=opened_by,
        acted_at=acted_at,
        firing={kind: acted_at + timedelta(minutes=after) for kind, after in dict(firing).items()},
        quiet_since=acted_at if quiet is None else NOW - timedelta(minutes=quiet),
        others=others,
        **{"serving": SERVES, "golden": GOLDEN, **more},
    )
    return judge_recovery(recovery, POLICY, NOW)


def finding(**seen):
    return judgement(**seen).finding


GOOD = quality(OK, OK, OK)
UNLABELLED = quality(NO_DATA, NO_DATA, NO_DATA)
LATE = 96 * 60
TABLE = {
    "quiet for long enough": ({}, PASS),
    "quiet since a moment": ({"minutes": 29.9}, WAIT),
    "quiet for exactly as long as it must": ({"minutes": 30}, PASS),
    "a release that was sent back is quiet for as long": (
        {"opened_by": SignalKind.RELEASE, "minutes": 29.9},
        WAIT,
    ),
    "quiet since a moment, long after the remedy": ({"minutes": 600, "quiet": 29.9}, WAIT),
    "not opened by an alarm that was": ({"opened_by": FEED, "feed": healthy(3), "quiet": 1}, PASS),
    "still slow": ({"firing": {LATENCY: -10}}, WAIT),
    "slow from the very moment": ({"firing": {LATENCY: 0}}, WAIT),
    "slow anew": ({"firing": {LATENCY: 0.1}}, FAIL),
    "slow anew within the quiet time": ({"firing": {LATENCY: 1}, "minutes": 5}, FAIL),
    "something else of the infrastructure since before": ({"firing": {ERRORS: -10}}, WAIT),
    "now something else of the infrastructure": ({"firing": {ERRORS: 10}}, FAIL),
    "still slow, and now errors too": ({"firing": {LATENCY: -10, ERRORS: 10}}, FAIL),
    "something else serves": ({"serving": Finding.failed("old serves")}, FAIL),
    "something else serves, although it is quiet for long": (
        {"serving": Finding.failed("old serves"), "minutes": 600},
        FAIL,
    ),
    "the golden set is answered otherwise": ({"golden": Finding.failed("0.9 where 0.5")}, FAIL),
    "the golden set is not answered": ({"golden": Finding.held("no answer")}, WAIT),
    "another signal may be worse": ({"others": Finding.held("y moved")}, WAIT),
    "another signal is worse": ({"others": Finding.failed("y moved")}, FAIL),
    "infrastructure does not wait for labels": ({"quality": None}, PASS),
    "good on its own labels": ({"opened_by": DRIFT, "minutes": 1, "quality": GOOD, "signal": CLEAR}, PASS),
    "good, and drift is not clear": (
        {"opened_by": DRIFT, "quality": GOOD, "signal": Clear(looks=0, doubt="x moved")},
        WAIT,
    ),
    "good, and drift is not clear for long enough": (
        {"opened_by": DRIFT, "quality": GOOD, "signal": Clear(looks=2, doubt=None)},
        WAIT,
    ),
    "not certainly worse": ({"opened_by": DRIFT, "quality": quality(WARN, WARN, OK)}, PASS),
    "good, but not window after window": ({"opened_by": DRIFT, "quality": quality(OK, OK, NO_DATA)}, WAIT),
    "no labels yet": ({"opened_by": DRIFT, "quality": UNLABELLED}, WAIT),
    "still worse": ({"opened_by": SignalKind.PERFORMANCE, "quality": quality(BREACH, OK, OK)}, WAIT),
    "good, but slow since before": ({"opened_by": DRIFT, "quality": GOOD, "firing": {LATENCY: -10}}, WAIT),
    "good, but slow now": ({"opened_by": DRIFT, "quality": GOOD, "firing": {LATENCY: 10}}, FAIL),
    "slow since a release": ({"opened_by": SignalKind.RELEASE, "firing": {LATENCY: 10}}, FAIL),
    "a data alarm is not an infrastructure alarm": ({"firing": {DRIFT: -10}}, PASS),
    "nor is one that began after the remedy": ({"firing": {DRIFT: 10}}, PASS),
    "the feed is healthy": ({"opened_by": FEED, "feed": healthy(3)}, PASS),
    "not for long enough": ({"opened_by": FEED, "feed": healthy(2)}, WAIT),
    "the feed is broken": ({"opened_by": FEED, "feed": healthy(0)}, WAIT),
    "the feed is healthy, but it is slow now": (
        {"opened_by": FEED, "feed": healthy(3), "firing": {LATENCY: 10}},
        FAIL,
    ),
    "the feed is never mended": ({"opened_by": FEED, "feed": healthy(0), "minutes": LATE}, FAIL),
    "mended at the last moment": ({"opened_by": FEED, "feed": healthy(3), "minutes": LATE}, PASS),
    "never quiet": ({"firing": {ERRORS: -10}, "minutes": LATE}, FAIL),
    "never asked": ({"golden": Finding.held("no answer"), "minutes": LATE}, FAIL),
    "never good": ({"opened_by": DRIFT, "quality": quality(BREACH), "minutes": LATE}, FAIL),
    "proven at the last moment": ({"opened_by": DRIFT, "quality": GOOD, "minutes": LATE}, PASS),
}


@pytest.mark.parametrize(("seen", "verdict"), list(TABLE.values()), ids=list(TABLE))
def test_the_verdict(seen, verdict):
    found = judgement(**seen)
    assert found.finding.verdict is verdict
    assert found.unproven is None


class TestMitigated:
    """Past the deadline with everything proven but what labels would have told."""

    SEEN: ClassVar = {"opened_by": DRIFT, "quality": UNLABELLED, "signal": CLEAR, "minutes": LATE}

    def test_labels_that_never_came_leave_it_unproven_and_neither_passed_nor_failed(self):
        found = judgement(**self.SEEN)
        assert found.finding.verdict is WAIT
        assert found.unproven == "quality since the remedy is not proven within 96 h: quality is NO_DATA"

    def test_before_the_deadline_they_may_still_come(self):
        found = judgement(**{**self.SEEN, "minutes": LATE - 1})
        assert (found.finding.verdict, found.unproven) == (WAIT, None)

    @pytest.mark.parametrize(
        "more",
        [
            {"serving": Finding.held("the endpoint is Updating")},
            {"golden": Finding.held("no answer")},
            {"others": Finding.held("y moved")},
            {"signal": Clear(looks=2, doubt=None)},
            {"firing": {LATENCY: -1}},
            {"quality": quality(BREACH, NO_DATA)},
            {"quality": quality(OK, OK, NO_DATA)},
            {"golden": Finding.failed("0.9 where 0.5")},
        ],
    )
    def test_where_anything_else_is_open_it_has_failed(self, more):
        found = judgement(**{**self.SEEN, **more})
        assert (found.finding.verdict, found.unproven) == (FAIL, None)


def test_past_the_deadline_the_reason_says_so():
    slow = {"firing": {LATENCY: -1}}
    assert finding(**slow, minutes=LATE).reasons[-1] == "not proven within 96 h"
    assert "not proven" not in " ".join(finding(**slow).reasons)


def test_the_reasons_tell_what_began_after_the_remedy_from_what_never_stopped():
    assert "errors and latency still firing" in finding(firing={LATENCY: -1, ERRORS: -2}).reasons
    assert "errors and latency began after the remedy" in finding(firing={LATENCY: 1, ERRORS: 2}).reasons
    assert "errors began after the remedy" in finding(firing={LATENCY: -1, ERRORS: 2}).reasons


def test_every_check_gives_its_reason():
    assert finding(opened_by=DRIFT, signal=CLEAR, quality=GOOD).reasons == (
        "new serves",
        "the golden set is answered",
        "no infrastructure alarm is firing",
        "no other signal is worse",
        "data-drift is clear in the last 3 windows",
        "quality is clear in the last 3 windows",
    )


@pytest.mark.parametrize("kind", SignalKind)
def test_what_must_be_clear(kind):
    by_alarm = kind.is_infrastructure or kind is SignalKind.RELEASE
    assert asks_quality(kind, quarantined=False) is not by_alarm
    assert not asks_quality(kind, quarantined=True)
    assert not asks_report(kind, Remedy.QUARANTINE, quarantined=True)
    assert asks_report(kind, Remedy.RETRAIN, quarantined=False) is not (
        by_alarm or kind is SignalKind.PERFORMANCE
    )


def test_drift_that_is_watched_goes_on_and_what_is_retrained_for_must_end():
    assert not asks_report(DRIFT, Remedy.WATCH, quarantined=False)
    assert asks_report(FEED, Remedy.WATCH, quarantined=False)
