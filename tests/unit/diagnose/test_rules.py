"""Diagnosis as a table: what was seen → which cause, and why the others were ruled out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selfheal.diagnose.causes import Cause
from selfheal.diagnose.policy import DiagnosisPolicy
from selfheal.diagnose.rules import RULES, diagnose
from selfheal.diagnose.snapshot import Release, ReleaseStatus, Snapshot
from selfheal.observe.report import no_data
from selfheal.observe.signals import SignalKind, Status
from selfheal.remediate.playbook import DEFAULT_PLAYBOOK, Remedy, ladder
from unit.samples import CHALLENGER, NOW, signal

DRIFT, QUALITY, PERFORMANCE = SignalKind.DATA_DRIFT, SignalKind.DATA_QUALITY, SignalKind.PERFORMANCE
LATENCY, ERRORS, RELEASE = SignalKind.LATENCY, SignalKind.ERRORS, SignalKind.RELEASE


def release(status=ReleaseStatus.PROMOTED, ended_hours_ago=2.0, started_hours_ago=3.0):
    ended = None if ended_hours_ago is None else NOW - timedelta(hours=ended_hours_ago)
    return Release(
        config="flights-new",
        model="flights-model",
        package=CHALLENGER,
        previous_config="flights-old",
        started_at=NOW - timedelta(hours=started_hours_ago),
        ended_at=ended,
        status=status,
    )


def snapshot(*signals, opened_by=DRIFT, firing=(), last_release=None, live_config="flights-new"):
    """`firing` maps kinds to when they began; bare kinds began now."""
    return Snapshot(
        at=NOW + timedelta(minutes=5),
        opened_by=opened_by,
        firing=dict(firing) if isinstance(firing, dict) else dict.fromkeys(firing, NOW),
        live_config=live_config,
        signals=tuple(signals),
        last_release=last_release,
    )


def cause_of(*signals, **kwargs):
    return diagnose(snapshot(*signals, **kwargs), DiagnosisPolicy()).cause


def breach(kind):
    return signal(kind, Status.BREACH)


def fine(kind):
    return signal(kind, Status.OK)


ALL_FINE = (fine(DRIFT), fine(QUALITY), fine(PERFORMANCE))

TABLE = {
    # The release
    "the guardrails rolled a release back": (
        {"opened_by": RELEASE, "last_release": release(ReleaseStatus.ROLLED_BACK)},
        (),
        Cause.BAD_RELEASE,
    ),
    "slow within probation": (
        {"opened_by": LATENCY, "firing": [LATENCY], "last_release": release()},
        ALL_FINE,
        Cause.BAD_RELEASE,
    ),
    "a release explains it before drift does": (
        {"opened_by": LATENCY, "firing": [LATENCY], "last_release": release()},
        (breach(DRIFT), breach(PERFORMANCE)),
        Cause.BAD_RELEASE,
    ),
    # The infrastructure
    "slow, and nothing was released": (
        {"opened_by": LATENCY, "firing": [LATENCY]},
        ALL_FINE,
        Cause.INFRASTRUCTURE,
    ),
    "slow, long after the release": (
        {"opened_by": LATENCY, "firing": [LATENCY], "last_release": release(ended_hours_ago=25.0)},
        ALL_FINE,
        Cause.INFRASTRUCTURE,
    ),
    "slow before the release began": (
        {
            "opened_by": LATENCY,
            "firing": {LATENCY: NOW - timedelta(hours=4)},
            "last_release": release(),
        },
        (),
        Cause.INFRASTRUCTURE,
    ),
    "errors while a release runs": (
        {
            "opened_by": ERRORS,
            "firing": [ERRORS],
            "last_release": release(ReleaseStatus.RELEASING, ended_hours_ago=None),
        },
        (),
        Cause.INFRASTRUCTURE,
    ),
    "slow, and the last release was taken back": (
        {
            "opened_by": LATENCY,
            "firing": [LATENCY],
            "last_release": release(ReleaseStatus.ROLLED_BACK),
            "live_config": "flights-old",
        },
        (),
        Cause.INFRASTRUCTURE,
    ),
    "slow, and another config than the last release's serves": (
        {"opened_by": LATENCY, "firing": [LATENCY], "last_release": release(), "live_config": "by-hand"},
        (),
        Cause.INFRASTRUCTURE,
    ),
    "a data alarm within probation does not blame the release": (
        {"firing": [DRIFT], "last_release": release()},
        (breach(DRIFT), fine(QUALITY), fine(PERFORMANCE)),
        Cause.HARMLESS_DRIFT,
    ),
    "an outage is not the model's, even if it drifts": (
        {"firing": [ERRORS]},
        (breach(DRIFT), breach(PERFORMANCE)),
        Cause.INFRASTRUCTURE,
    ),
    # The data
    "broken input": ({"opened_by": QUALITY}, (breach(QUALITY), fine(PERFORMANCE)), Cause.UPSTREAM_DATA),
    "broken input looks like drift and hurts": (
        {},
        (breach(QUALITY), breach(DRIFT), breach(PERFORMANCE)),
        Cause.UPSTREAM_DATA,
    ),
    # The model
    "moved and worse": ({}, (breach(DRIFT), breach(PERFORMANCE), fine(QUALITY)), Cause.HARMFUL_DRIFT),
    "worse without having moved": (
        {"opened_by": PERFORMANCE},
        (fine(DRIFT), fine(QUALITY), breach(PERFORMANCE)),
        Cause.CONCEPT_DRIFT,
    ),
    "moved and as good as ever": (
        {},
        (breach(DRIFT), fine(QUALITY), fine(PERFORMANCE)),
        Cause.HARMLESS_DRIFT,
    ),
    "moved, a little worse but not certainly": (
        {},
        (breach(DRIFT), signal(PERFORMANCE, Status.WARN)),
        Cause.HARMLESS_DRIFT,
    ),
    # Nobody knows
    "nothing found": ({}, ALL_FINE, Cause.UNKNOWN),
    "observe never ran": ({}, (), Cause.UNKNOWN),
    "no data of anything": ({}, no_data("there is no champion yet"), Cause.UNKNOWN),
    "moved, but no labels yet": (
        {},
        (breach(DRIFT), signal(PERFORMANCE, Status.NO_DATA), fine(QUALITY)),
        Cause.UNKNOWN,
    ),
    "worse, but whether it moved is not known": (
        {"opened_by": PERFORMANCE},
        (signal(DRIFT, Status.NO_DATA), breach(PERFORMANCE)),
        Cause.UNKNOWN,
    ),
    "a release event without a release": ({"opened_by": RELEASE}, ALL_FINE, Cause.UNKNOWN),
    "drift alone does not blame a release": (
        {"last_release": release()},
        (breach(DRIFT), signal(PERFORMANCE, Status.NO_DATA)),
        Cause.UNKNOWN,
    ),
    "warnings are no breach": (
        {},
        tuple(signal(kind, Status.WARN) for kind in (DRIFT, QUALITY, PERFORMANCE)),
        Cause.UNKNOWN,
    ),
}


@pytest.mark.parametrize(("seen", "signals", "cause"), list(TABLE.values()), ids=list(TABLE))
def test_the_cause(seen, signals, cause):
    assert cause_of(*signals, **seen) is cause


@pytest.mark.parametrize(
    ("after_its_end", "cause"),
    [
        (timedelta(seconds=-1), Cause.INFRASTRUCTURE),
        (timedelta(0), Cause.BAD_RELEASE),
        (timedelta(hours=24), Cause.BAD_RELEASE),
        (timedelta(hours=24, seconds=1), Cause.INFRASTRUCTURE),
    ],
)
def test_probation_lasts_as_long_as_the_policy_says(after_its_end, cause):
    ended = release().ended_at
    found = diagnose(
        snapshot(opened_by=ERRORS, firing={ERRORS: ended + after_its_end}, last_release=release()),
        DiagnosisPolicy(),
    )
    assert found.cause is cause
    if cause is Cause.INFRASTRUCTURE:
        assert found.ruled_out == ("bad-release: nothing began within 24 h after the last release",)


def test_each_alarm_is_dated_by_itself():
    """What failed long before does not hide what the release broke, and is not laid at its door."""
    firing = {
        LATENCY: NOW - timedelta(days=2),
        ERRORS: NOW - timedelta(hours=1),
        DRIFT: NOW - timedelta(hours=1),
    }
    found = diagnose(snapshot(opened_by=LATENCY, firing=firing, last_release=release()), DiagnosisPolicy())
    assert found.cause is Cause.BAD_RELEASE
    assert found.evidence == (
        f"errors began 2013-03-01 11:00, within probation of {CHALLENGER}, released 2013-03-01 09:00",
    )


def test_the_evidence_against_a_release_is_told_in_the_order_it_began():
    firing = {LATENCY: NOW, ERRORS: NOW - timedelta(hours=1)}
    for order in (firing, dict(reversed(firing.items()))):
        found = diagnose(snapshot(opened_by=LATENCY, firing=order, last_release=release()), DiagnosisPolicy())
        assert [reason.split()[0] for reason in found.evidence] == ["errors", "latency"]


@pytest.mark.parametrize(
    ("status", "live", "reason"),
    [
        (
            ReleaseStatus.RELEASING,
            "flights-new",
            "a release is under way, and its own alarms judge it",
        ),
        (
            ReleaseStatus.RELEASING,
            "flights-old",
            "a release is under way, and its own alarms judge it",
        ),
        (
            ReleaseStatus.ROLLED_BACK,
            "flights-old",
            "the last release (rolled-back) is not what serves",
        ),
        (
            ReleaseStatus.ROLLED_BACK,
            "flights-new",
            "the last release (rolled-back) is not what serves",
        ),
        (
            ReleaseStatus.PROMOTED,
            "flights-old",
            "the last release (promoted) is not what serves",
        ),
    ],
)
@pytest.mark.parametrize("hours_after_its_end", [-0.5, 0.0, 0.01, 2.0])
def test_only_a_promoted_release_that_serves_is_to_blame(status, live, reason, hours_after_its_end):
    ended = None if status is ReleaseStatus.RELEASING else 2.0
    since = NOW - timedelta(hours=2) + timedelta(hours=hours_after_its_end)
    found = diagnose(
        snapshot(
            opened_by=LATENCY,
            firing={LATENCY: since},
            live_config=live,
            last_release=release(status, ended_hours_ago=ended),
        ),
        DiagnosisPolicy(),
    )
    assert found.cause is Cause.INFRASTRUCTURE
    assert found.ruled_out == (f"bad-release: {reason}",)


@pytest.mark.parametrize("live", ["flights-old", "flights-new"])
def test_a_release_that_the_guardrails_took_back_opened_its_own_incident(live):
    taken_back = release(ReleaseStatus.ROLLED_BACK)
    found = diagnose(
        snapshot(opened_by=RELEASE, firing=[LATENCY], live_config=live, last_release=taken_back),
        DiagnosisPolicy(),
    )
    assert found.cause is Cause.BAD_RELEASE
    assert found.evidence == (f"the guardrails rolled back {CHALLENGER}, released 2013-03-01 09:00",)


def test_each_rule_that_does_not_apply_says_why():
    found = diagnose(snapshot(breach(DRIFT), fine(QUALITY), fine(PERFORMANCE)), DiagnosisPolicy())
    assert found.cause is Cause.HARMLESS_DRIFT
    assert found.ruled_out == (
        "bad-release: nothing was released",
        "infrastructure: no infrastructure alarm is firing",
        "upstream-data: the input is as complete and as well-formed as in training",
        "harmful-covariate-drift: measured quality is intact",
        "concept-drift: measured quality is intact",
    )


def test_what_is_not_known_is_not_called_intact():
    unlabelled = (breach(DRIFT), signal(PERFORMANCE, Status.NO_DATA))
    found = diagnose(snapshot(*unlabelled), DiagnosisPolicy())
    assert len(found.ruled_out) == len(RULES)
    assert "harmful-covariate-drift: no matured labels say that quality suffers" in found.ruled_out
    assert "harmless-covariate-drift: whether quality suffers is not known" in found.ruled_out


@pytest.mark.parametrize("signals", [(), (signal(QUALITY, Status.NO_DATA),)])
def test_unknown_quality_of_data_is_not_called_complete(signals):
    found = diagnose(snapshot(*signals), DiagnosisPolicy())
    assert "upstream-data: whether the input is sound is not known" in found.ruled_out
    assert not any("as complete" in reason for reason in found.ruled_out)


def test_the_evidence_is_what_the_breaches_say():
    worse = signal(PERFORMANCE, Status.BREACH, reason="log loss 0.7 where 0.5 was promised")
    moved = signal(DRIFT, Status.BREACH, reason="x moved")
    found = diagnose(snapshot(worse, moved, fine(QUALITY)), DiagnosisPolicy())
    assert found.evidence == ("log loss 0.7 where 0.5 was promised", "x moved")


def test_the_evidence_of_the_unknown_is_all_that_was_not_ok():
    found = diagnose(snapshot(*no_data("nobody came"), fine(DRIFT)), DiagnosisPolicy())
    assert found.evidence == ("nobody came",) * 3


def test_every_cause_but_the_unknown_has_a_rule_and_every_cause_a_ladder():
    assert {cause for cause, _ in RULES} == set(Cause) - {Cause.UNKNOWN}
    assert set(DEFAULT_PLAYBOOK) == set(Cause)
    assert all(ladder(DEFAULT_PLAYBOOK, cause)[-1] in (Remedy.WATCH, Remedy.ESCALATE) for cause in Cause)


def test_what_nobody_understands_goes_to_a_person():
    assert ladder(DEFAULT_PLAYBOOK, Cause.UNKNOWN) == (Remedy.ESCALATE,)
