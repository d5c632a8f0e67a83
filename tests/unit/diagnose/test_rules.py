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


def snapshot(*signals, opened_by=DRIFT, firing=(), last_release=None, onset=NOW):
    return Snapshot(
        at=NOW + timedelta(minutes=5),
        opened_by=opened_by,
        onset=onset,
        firing=frozenset(firing),
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
    "errors while the release runs": (
        {
            "opened_by": ERRORS,
            "firing": [ERRORS],
            "last_release": release(ReleaseStatus.RELEASING, ended_hours_ago=None),
        },
        (),
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
            "firing": [LATENCY],
            "last_release": release(),
            "onset": NOW - timedelta(hours=4),
        },
        (),
        Cause.INFRASTRUCTURE,
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


@pytest.mark.parametrize("hours", [-0.01, 0.0, 23.99, 24.0])
def test_probation_lasts_as_long_as_the_policy_says(hours):
    onset = NOW - timedelta(hours=2) + timedelta(hours=hours)
    found = cause_of(opened_by=ERRORS, firing=[ERRORS], last_release=release(), onset=onset)
    assert found is Cause.BAD_RELEASE


def test_a_moment_after_probation_is_not_the_releases():
    onset = NOW - timedelta(hours=2) + timedelta(hours=24, seconds=1)
    found = cause_of(opened_by=ERRORS, firing=[ERRORS], last_release=release(), onset=onset)
    assert found is Cause.INFRASTRUCTURE


@pytest.mark.parametrize(
    ("hours_after_its_end", "cause"),
    [
        (-0.5, Cause.BAD_RELEASE),
        (0.0, Cause.BAD_RELEASE),
        (0.01, Cause.INFRASTRUCTURE),
        (2.0, Cause.INFRASTRUCTURE),
    ],
)
def test_a_release_that_was_taken_back_is_to_blame_only_until_then(hours_after_its_end, cause):
    found = diagnose(
        snapshot(
            opened_by=LATENCY,
            firing=[LATENCY],
            last_release=release(ReleaseStatus.ROLLED_BACK, ended_hours_ago=2.0),
            onset=NOW - timedelta(hours=2) + timedelta(hours=hours_after_its_end),
        ),
        DiagnosisPolicy(),
    )
    assert found.cause is cause
    if cause is Cause.INFRASTRUCTURE:
        assert found.ruled_out == (
            "bad-release: the last release (rolled-back) was not in service or on probation at the onset",
        )


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
