"""Recovery as a table: proven, not yet, or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selfheal.observe.signals import SignalKind, Status
from selfheal.verdict import Verdict
from selfheal.verify.feed import Feed
from selfheal.verify.policy import RecoveryPolicy
from selfheal.verify.recovery import Recovery, judge_recovery
from unit.samples import NOW, signal

POLICY = RecoveryPolicy()  # quiet for 30 min, given up after 96 h
LATENCY, ERRORS, DRIFT = SignalKind.LATENCY, SignalKind.ERRORS, SignalKind.DATA_DRIFT
FEED = SignalKind.DATA_QUALITY
PASS, WAIT, FAIL = Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL


def healthy(looks):
    """A feed that was clear in so many reports in a row."""
    return Feed(looks=looks, sound_since=NOW if looks else None, doubt=None if looks else "x is empty")


def finding(
    opened_by=LATENCY, minutes=60.0, asked="new", live="new", firing=(), quality=Status.OK, feed=None
):
    """`firing` maps kinds to how many minutes after the remedy they began (negative: before it)."""
    acted_at = NOW - timedelta(minutes=minutes)
    recovery = Recovery(
        opened_by=opened_by,
        acted_at=acted_at,
        asked_config=asked,
        live_config=live,
        firing={kind: acted_at + timedelta(minutes=after) for kind, after in dict(firing).items()},
        judged=feed or signal(SignalKind.PERFORMANCE, quality, reason=f"quality is {quality.value}"),
    )
    return judge_recovery(recovery, POLICY, NOW)


TABLE = {
    "quiet for long enough": ({}, PASS),
    "quiet since a moment": ({"minutes": 29.9}, WAIT),
    "quiet for exactly as long as it must": ({"minutes": 30}, PASS),
    "still slow": ({"firing": {LATENCY: -10}}, WAIT),
    "slow from the very moment": ({"firing": {LATENCY: 0}}, WAIT),
    "slow anew": ({"firing": {LATENCY: 0.1}}, FAIL),
    "slow anew within the quiet time": ({"firing": {LATENCY: 1}, "minutes": 5}, FAIL),
    "something else of the infrastructure since before": ({"firing": {ERRORS: -10}}, WAIT),
    "now something else of the infrastructure": ({"firing": {ERRORS: 10}}, FAIL),
    "still slow, and now errors too": ({"firing": {LATENCY: -10, ERRORS: 10}}, FAIL),
    "another config serves": ({"live": "old"}, FAIL),
    "another config serves, although it is quiet for long": ({"live": "old", "minutes": 600}, FAIL),
    "nothing was asked for": ({"asked": None, "live": "old"}, PASS),
    "infrastructure does not wait for labels": ({"quality": Status.NO_DATA}, PASS),
    "a release does not wait for labels": (
        {"opened_by": SignalKind.RELEASE, "quality": Status.NO_DATA, "minutes": 0},
        PASS,
    ),
    "good on its own labels": ({"opened_by": DRIFT, "minutes": 1}, PASS),
    "not certainly worse": ({"opened_by": DRIFT, "quality": Status.WARN}, PASS),
    "no labels yet": ({"opened_by": DRIFT, "quality": Status.NO_DATA}, WAIT),
    "still worse": ({"opened_by": SignalKind.PERFORMANCE, "quality": Status.BREACH}, WAIT),
    "good, but slow since before": ({"opened_by": DRIFT, "firing": {LATENCY: -10}}, WAIT),
    "good, but slow now": ({"opened_by": DRIFT, "firing": {LATENCY: 10}}, FAIL),
    "slow since a release": ({"opened_by": SignalKind.RELEASE, "firing": {LATENCY: 10}}, FAIL),
    "a data alarm is not an infrastructure alarm": ({"firing": {DRIFT: -10}}, PASS),
    "nor is one that began after the remedy": ({"firing": {DRIFT: 10}}, PASS),
    "the feed is healthy": ({"opened_by": FEED, "feed": healthy(3), "quality": Status.NO_DATA}, PASS),
    "the feed is healthy, and quality is another incident's": (
        {"opened_by": SignalKind.PERFORMANCE, "feed": healthy(5), "quality": Status.BREACH},
        PASS,
    ),
    "not for long enough": ({"opened_by": FEED, "feed": healthy(2)}, WAIT),
    "the feed is broken": ({"opened_by": FEED, "feed": healthy(0)}, WAIT),
    "the feed is healthy, but it is slow now": (
        {"opened_by": FEED, "feed": healthy(3), "firing": {LATENCY: 10}},
        FAIL,
    ),
    "the feed is never mended": ({"opened_by": FEED, "feed": healthy(0), "minutes": 96 * 60}, FAIL),
    "mended at the last moment": ({"opened_by": FEED, "feed": healthy(3), "minutes": 96 * 60}, PASS),
    "never quiet": ({"firing": {ERRORS: -10}, "minutes": 96 * 60}, FAIL),
    "never labelled": ({"opened_by": DRIFT, "quality": Status.NO_DATA, "minutes": 96 * 60}, FAIL),
    "proven at the last moment": ({"opened_by": DRIFT, "minutes": 96 * 60}, PASS),
}


@pytest.mark.parametrize(("seen", "verdict"), list(TABLE.values()), ids=list(TABLE))
def test_the_verdict(seen, verdict):
    assert finding(**seen).verdict is verdict


def test_past_the_deadline_the_reason_says_so():
    found = finding(opened_by=DRIFT, quality=Status.NO_DATA, minutes=96 * 60)
    assert found.reasons[-1] == "not proven within 96 h"
    assert "not proven" not in " ".join(finding(opened_by=DRIFT, quality=Status.NO_DATA).reasons)


def test_the_reasons_name_what_serves_and_what_should():
    assert "old serves where new should" in finding(live="old").reasons


def test_the_reasons_tell_what_began_after_the_remedy_from_what_never_stopped():
    assert "errors and latency still firing" in finding(firing={LATENCY: -1, ERRORS: -2}).reasons
    assert "errors and latency began after the remedy" in finding(firing={LATENCY: 1, ERRORS: 2}).reasons
    assert "errors began after the remedy" in finding(firing={LATENCY: -1, ERRORS: 2}).reasons


def test_every_check_gives_its_reason():
    assert finding(opened_by=DRIFT).reasons == (
        "new serves",
        "no infrastructure alarm is firing",
        "quality is OK",
    )
