"""Diagnosis as a table: what was seen → which cause, and why the others were ruled out."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from selfheal.diagnose.causes import Cause
from selfheal.diagnose.policy import DiagnosisPolicy
from selfheal.diagnose.rules import RULES, diagnose
from selfheal.diagnose.snapshot import Capture, ReleaseStatus
from selfheal.observe.report import no_data
from selfheal.observe.signals import Status
from unit.diagnose.snapshots import (
    AGE,
    ANSWERS,
    DRIFT,
    ERRORS,
    LABELS,
    LATENCY,
    PERFORMANCE,
    QUALITY,
    RANKING,
    RELEASE,
    breach,
    elsewhere,
    fine,
    release,
    retraining,
    snapshot,
)
from unit.samples import CHALLENGER, NOW, signal


def cause_of(*signals, **kwargs):
    return diagnose(snapshot(*signals, **kwargs), DiagnosisPolicy()).cause


ALL_FINE = (fine(DRIFT), fine(QUALITY), fine(PERFORMANCE))

LABELS_GONE = breach(LABELS)
WORSE = (fine(DRIFT), fine(QUALITY), breach(PERFORMANCE))
SHIFTED = (*WORSE, breach(ANSWERS))
UNCAPTURED = Capture(sampling_percent=100, uncaptured=40, since=NOW - timedelta(hours=2))

TABLE = {
    # The release
    "the guardrails rolled a release back": (
        {"opened_by": RELEASE, "release": release(ReleaseStatus.ROLLED_BACK)},
        (),
        Cause.BAD_RELEASE,
    ),
    "slow within probation": (
        {"opened_by": LATENCY, "firing": [LATENCY], "release": release()},
        ALL_FINE,
        Cause.BAD_RELEASE,
    ),
    "a release explains it before drift does": (
        {"opened_by": LATENCY, "firing": [LATENCY], "release": release()},
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
        {"opened_by": LATENCY, "firing": [LATENCY], "release": release(ended_hours_ago=25.0)},
        ALL_FINE,
        Cause.INFRASTRUCTURE,
    ),
    "slow before the release began": (
        {
            "opened_by": LATENCY,
            "firing": {LATENCY: NOW - timedelta(hours=4)},
            "release": release(),
        },
        (),
        Cause.INFRASTRUCTURE,
    ),
    "errors while a release runs": (
        {
            "opened_by": ERRORS,
            "firing": [ERRORS],
            "release": release(ReleaseStatus.RELEASING, ended_hours_ago=None),
        },
        (),
        Cause.INFRASTRUCTURE,
    ),
    "slow, and the last release was taken back": (
        {
            "opened_by": LATENCY,
            "firing": [LATENCY],
            "release": release(ReleaseStatus.ROLLED_BACK),
            "live_config": "flights-old",
        },
        (),
        Cause.INFRASTRUCTURE,
    ),
    "slow, and another config than the last release's serves": (
        {"opened_by": LATENCY, "firing": [LATENCY], "release": release(), "live_config": "by-hand"},
        (),
        Cause.INFRASTRUCTURE,
    ),
    "a data alarm within probation does not blame the release": (
        {"firing": [DRIFT], "release": release()},
        (breach(DRIFT), fine(QUALITY), fine(PERFORMANCE)),
        Cause.HARMLESS_DRIFT,
    ),
    "an outage is not the model's, even if it drifts": (
        {"firing": [ERRORS]},
        (breach(DRIFT), breach(PERFORMANCE)),
        Cause.INFRASTRUCTURE,
    ),
    # The account
    "three endpoints at once": (
        {"firing": [ERRORS], "elsewhere": elsewhere("trains", "buses")},
        ALL_FINE,
        Cause.SHARED_CAUSE,
    ),
    "two endpoints at once are two incidents": (
        {"firing": [ERRORS], "elsewhere": elsewhere("trains", "trains")},
        ALL_FINE,
        Cause.INFRASTRUCTURE,
    ),
    "three endpoints drift at once": (
        {"firing": [DRIFT], "elsewhere": elsewhere("trains", "buses", kind=DRIFT)},
        (breach(DRIFT), breach(PERFORMANCE), fine(QUALITY)),
        Cause.SHARED_CAUSE,
    ),
    "others have been in alarm for weeks": (
        {"firing": [ERRORS], "elsewhere": elsewhere("trains", "buses", began=NOW - timedelta(days=20))},
        ALL_FINE,
        Cause.INFRASTRUCTURE,
    ),
    "others are in alarm and this endpoint is well again": (
        {"elsewhere": elsewhere("trains", "buses")},
        ALL_FINE,
        Cause.UNKNOWN,
    ),
    "what can be undone comes before what is shared": (
        {
            "opened_by": LATENCY,
            "firing": [LATENCY],
            "release": release(),
            "elsewhere": elsewhere("trains", "buses"),
        },
        ALL_FINE,
        Cause.BAD_RELEASE,
    ),
    "an outage is one even if nobody knows of the others": (
        {"firing": [ERRORS], "elsewhere": None},
        ALL_FINE,
        Cause.INFRASTRUCTURE,
    ),
    # The eyes
    "requests without a captured file": ({"capture": UNCAPTURED}, ALL_FINE, Cause.MONITORING_BLIND),
    "capture is off": (
        {"capture": Capture(sampling_percent=0, uncaptured=0, since=NOW)},
        ALL_FINE,
        Cause.MONITORING_BLIND,
    ),
    "what is not captured looks like a feed that stands still": (
        {"opened_by": QUALITY, "capture": UNCAPTURED},
        (breach(QUALITY),),
        Cause.MONITORING_BLIND,
    ),
    "a sample of few requests may have none of them": (
        {"capture": Capture(sampling_percent=1, uncaptured=400, since=NOW)},
        ALL_FINE,
        Cause.UNKNOWN,
    ),
    "the last report is of yesterday": (
        {"observed_at": NOW - timedelta(hours=12)},
        (breach(DRIFT), breach(PERFORMANCE), fine(QUALITY)),
        Cause.MONITORING_BLIND,
    ),
    "observe never ran": ({"observed_at": None}, (), Cause.MONITORING_BLIND),
    "observe failed": (
        {"observe_failure": "the baseline is not JSON"},
        no_data("the baseline is not JSON"),
        Cause.MONITORING_BLIND,
    ),
    "labels stopped": ({}, (breach(DRIFT), fine(QUALITY), LABELS_GONE), Cause.MONITORING_BLIND),
    "an outage needs no eyes": (
        {"firing": [ERRORS], "observed_at": None, "capture": None},
        (),
        Cause.INFRASTRUCTURE,
    ),
    # The data
    "broken input is seen without labels": ({}, (breach(QUALITY), LABELS_GONE), Cause.UPSTREAM_DATA),
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
    "old, and nothing else is wrong": ({"opened_by": AGE}, (breach(AGE), *ALL_FINE), Cause.STALE_MODEL),
    "old, and the inputs begin to move without harm": (
        {"opened_by": AGE},
        (breach(AGE), breach(DRIFT), fine(QUALITY), fine(PERFORMANCE)),
        Cause.STALE_MODEL,
    ),
    "old and worse is worse": (
        {"opened_by": AGE},
        (breach(AGE), fine(DRIFT), fine(QUALITY), breach(PERFORMANCE)),
        Cause.CONCEPT_DRIFT,
    ),
    "old, and the feed is broken": (
        {"opened_by": AGE},
        (breach(AGE), fine(DRIFT), breach(QUALITY), fine(PERFORMANCE)),
        Cause.UPSTREAM_DATA,
    ),
    "old, and the endpoint fails": (
        {"opened_by": AGE, "firing": [AGE, ERRORS]},
        (breach(AGE), *ALL_FINE),
        Cause.INFRASTRUCTURE,
    ),
    "old, and two retrainings failed": (
        {"opened_by": AGE, "retrainings": (retraining("a", "refused"), retraining("b", "refused"))},
        (breach(AGE), *ALL_FINE),
        Cause.TRAINING_FAILS,
    ),
    "within its age": ({"opened_by": AGE}, (fine(AGE), *ALL_FINE), Cause.UNKNOWN),
    "of an age that is not known": (
        {"opened_by": AGE},
        (signal(AGE, Status.NO_DATA), *ALL_FINE),
        Cause.UNKNOWN,
    ),
    "old, and how good it is nobody knows": (
        {"opened_by": AGE},
        (breach(AGE), fine(DRIFT), fine(QUALITY), signal(PERFORMANCE, Status.NO_DATA)),
        Cause.UNKNOWN,
    ),
    "old, and whether traffic is captured is not known": (
        {"opened_by": AGE, "capture": None},
        (breach(AGE), *ALL_FINE),
        Cause.UNKNOWN,
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
    "more frequent, and ranked as ever": ({"ranking": RANKING}, SHIFTED, Cause.LABEL_SHIFT),
    "more frequent, and the answers of a weak model moved by little": (
        {"ranking": RANKING},
        (*WORSE, signal(ANSWERS, Status.WARN)),
        Cause.LABEL_SHIFT,
    ),
    "of another meaning, and the answers are as they were": (
        {"ranking": RANKING},
        (*WORSE, fine(ANSWERS)),
        Cause.CONCEPT_DRIFT,
    ),
    "more frequent, and ranked worse": (
        {"ranking": replace(RANKING, low=0.6)},
        SHIFTED,
        Cause.CONCEPT_DRIFT,
    ),
    "more frequent, and how it ranks is not known": ({"ranking": None}, SHIFTED, Cause.CONCEPT_DRIFT),
    "more frequent, and how it ranks is no number": (
        {"ranking": replace(RANKING, low=math.nan)},
        SHIFTED,
        Cause.CONCEPT_DRIFT,
    ),
    "the ranking itself is what suffers now": (
        {"ranking": RANKING},
        (*SHIFTED[:2], signal(PERFORMANCE, Status.BREACH, "auc", "auc"), breach(ANSWERS)),
        Cause.CONCEPT_DRIFT,
    ),
    "the inputs moved with the answers": (
        {"ranking": RANKING},
        (breach(DRIFT), *SHIFTED[1:]),
        Cause.HARMFUL_DRIFT,
    ),
    "the answers moved and quality did not": (
        {"ranking": RANKING},
        (*ALL_FINE, breach(ANSWERS)),
        Cause.UNKNOWN,
    ),
    # The training
    "this incident's retraining failed": (
        {"retrainings": (retraining("this", failure="the gate refused"),)},
        WORSE,
        Cause.TRAINING_FAILS,
    ),
    "the two before it failed": (
        {"retrainings": (retraining("a", failure="no capacity"), retraining("b", failure="refused"))},
        WORSE,
        Cause.TRAINING_FAILS,
    ),
    "one before it failed": (
        {"retrainings": (retraining("a", failure="no capacity"), retraining("b"))},
        WORSE,
        Cause.CONCEPT_DRIFT,
    ),
    "a single one failed": (
        {"retrainings": (retraining("a", failure="no capacity"),)},
        WORSE,
        Cause.CONCEPT_DRIFT,
    ),
    "two failed, and one since then did not": (
        {
            "retrainings": (
                retraining("a", failure="no"),
                retraining("b", failure="no"),
                retraining("c"),
            )
        },
        WORSE,
        Cause.CONCEPT_DRIFT,
    ),
    "this incident's retraining brought a challenger": (
        {"retrainings": (retraining("this"),)},
        WORSE,
        Cause.CONCEPT_DRIFT,
    ),
    "two failed, and nothing is to be trained": (
        {"retrainings": (retraining("a", failure="no"), retraining("b", failure="no"))},
        (breach(DRIFT), fine(QUALITY), fine(PERFORMANCE)),
        Cause.HARMLESS_DRIFT,
    ),
    # Nobody knows
    "nothing found": ({}, ALL_FINE, Cause.UNKNOWN),
    "worse, but whether the input is sound is not known": (
        {},
        (breach(DRIFT), breach(PERFORMANCE)),
        Cause.UNKNOWN,
    ),
    "worse, but whether others fail too is not known": ({"elsewhere": None}, WORSE, Cause.UNKNOWN),
    "worse, but whether traffic is captured is not known": ({"capture": None}, WORSE, Cause.UNKNOWN),
    "shifted, but whether traffic is captured is not known": (
        {"capture": None, "ranking": RANKING},
        SHIFTED,
        Cause.UNKNOWN,
    ),
    "moved and worse, but whether others fail too is not known": (
        {"elsewhere": None},
        (breach(DRIFT), *WORSE[1:]),
        Cause.UNKNOWN,
    ),
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
        {"release": release()},
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
        snapshot(opened_by=ERRORS, firing={ERRORS: ended + after_its_end}, release=release()),
        DiagnosisPolicy(),
    )
    assert found.cause is cause
    if cause is Cause.INFRASTRUCTURE:
        assert found.ruled_out[0] == "bad-release: nothing began within 24 h after the last release"


def test_each_alarm_is_dated_by_itself():
    """What failed long before does not hide what the release broke, and is not laid at its door."""
    firing = {
        LATENCY: NOW - timedelta(days=2),
        ERRORS: NOW - timedelta(hours=1),
        DRIFT: NOW - timedelta(hours=1),
    }
    found = diagnose(snapshot(opened_by=LATENCY, firing=firing, release=release()), DiagnosisPolicy())
    assert found.cause is Cause.BAD_RELEASE
    assert found.evidence == (
        f"errors began 2013-03-01 11:00, within probation of {CHALLENGER}, released 2013-03-01 09:00",
    )


def test_the_evidence_against_a_release_is_told_in_the_order_it_began():
    firing = {LATENCY: NOW, ERRORS: NOW - timedelta(hours=1)}
    for order in (firing, dict(reversed(firing.items()))):
        found = diagnose(snapshot(opened_by=LATENCY, firing=order, release=release()), DiagnosisPolicy())
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
            release=release(status, ended_hours_ago=ended),
        ),
        DiagnosisPolicy(),
    )
    assert found.cause is Cause.INFRASTRUCTURE
    assert found.ruled_out[0] == f"bad-release: {reason}"


@pytest.mark.parametrize("live", ["flights-old", "flights-new"])
def test_a_release_that_the_guardrails_took_back_opened_its_own_incident(live):
    taken_back = release(ReleaseStatus.ROLLED_BACK)
    found = diagnose(
        snapshot(opened_by=RELEASE, firing=[LATENCY], live_config=live, release=taken_back),
        DiagnosisPolicy(),
    )
    assert found.cause is Cause.BAD_RELEASE
    assert found.evidence == (f"the guardrails rolled back {CHALLENGER}, released 2013-03-01 09:00",)


def test_each_rule_that_does_not_apply_says_why():
    found = diagnose(snapshot(breach(DRIFT), fine(QUALITY), fine(PERFORMANCE)), DiagnosisPolicy())
    assert found.cause is Cause.HARMLESS_DRIFT
    assert found.ruled_out == (
        "bad-release: nothing was released",
        "shared-cause: no alarm of this endpoint is firing",
        "infrastructure: no infrastructure alarm is firing",
        "monitoring-blind: traffic is captured and observe reports on it",
        "upstream-data: the input is as complete and as well-formed as in training",
        "monitoring-blind: whether labels come is not known",
        "training-fails: the last 2 retrainings did not both fail",
        "label-shift: measured quality is intact",
        "harmful-covariate-drift: measured quality is intact",
        "concept-drift: measured quality is intact",
        "stale-model: the model has no limit of age, or no known age",
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
    moved = signal(DRIFT, Status.BREACH, reason="x moved", value=0.3, low=0.2, threshold=0.1)
    found = diagnose(snapshot(worse, moved, fine(QUALITY), importance={"x": 0.25}), DiagnosisPolicy())
    assert found.evidence == (
        "log loss 0.7 where 0.5 was promised",
        "x moved",
        "x explains 100 % of the drift: it moved at least 2.0 times its tolerance, and 25 % of the model's gain "
        "comes from it",
    )


def test_the_evidence_of_the_unknown_is_all_that_was_not_ok():
    found = diagnose(snapshot(*no_data("nobody came"), fine(DRIFT)), DiagnosisPolicy())
    assert found.evidence == ("nobody came",) * 3


def test_the_evidence_of_a_shared_cause_names_the_others():
    others = elsewhere("trains", "buses", began=NOW - timedelta(minutes=2))
    found = diagnose(snapshot(firing=[ERRORS], elsewhere=others), DiagnosisPolicy())
    assert found.evidence == (
        "3 endpoints went into alarm within 60 min; errors began here 2013-03-01 12:00",
        "buses: errors began 2013-03-01 11:58",
        "trains: errors began 2013-03-01 11:58",
    )


@pytest.mark.parametrize(
    ("apart", "needed", "cause"),
    [
        (timedelta(minutes=60), 3, Cause.SHARED_CAUSE),
        (timedelta(minutes=-60), 3, Cause.SHARED_CAUSE),
        (timedelta(minutes=61), 3, Cause.INFRASTRUCTURE),
        (timedelta(minutes=-61), 3, Cause.INFRASTRUCTURE),
        (timedelta(0), 4, Cause.INFRASTRUCTURE),
    ],
)
def test_what_is_shared_is_the_policys(apart, needed, cause):
    seen = snapshot(firing=[ERRORS], elsewhere=elsewhere("trains", "buses", began=NOW + apart))
    assert diagnose(seen, DiagnosisPolicy(shared_endpoints=needed)).cause is cause


def test_what_began_last_is_what_must_be_shared():
    """Others began to drift weeks ago together with this endpoint; what fails now is this endpoint's own."""
    weeks_ago = NOW - timedelta(days=20)
    others = elsewhere("trains", "buses", kind=DRIFT, began=weeks_ago)
    found = diagnose(snapshot(firing={DRIFT: weeks_ago, ERRORS: NOW}, elsewhere=others), DiagnosisPolicy())
    assert found.cause is Cause.INFRASTRUCTURE


@pytest.mark.parametrize(
    ("seen", "evidence"),
    [
        (
            {"capture": UNCAPTURED},
            "40 requests since 2013-03-01 10:00 and no captured file, where 100 % of them should be captured",
        ),
        (
            {"capture": Capture(sampling_percent=0, uncaptured=0, since=NOW)},
            "data capture is off in flights-new, the config that serves",
        ),
        ({"observed_at": None}, "observe left no report within 24 h"),
        (
            {"observed_at": NOW - timedelta(hours=3)},
            "observe reported last at 2013-03-01 09:00, more than 3 h ago",
        ),
        ({"observe_failure": "no baseline"}, "observe could not judge anything: no baseline"),
    ],
)
def test_who_is_blind_says_why(seen, evidence):
    assert diagnose(snapshot(*ALL_FINE, **seen), DiagnosisPolicy()).evidence == (evidence,)


@pytest.mark.parametrize(
    ("sampling", "uncaptured", "blind"),
    [(100, 20, True), (100, 19, False), (10, 200, True), (10, 199, False)],
)
def test_a_loss_of_capture_is_no_chance(sampling, uncaptured, blind):
    capture = Capture(sampling_percent=sampling, uncaptured=uncaptured, since=NOW)
    assert (cause_of(*ALL_FINE, capture=capture) is Cause.MONITORING_BLIND) is blind


@pytest.mark.parametrize(
    ("seen", "signals", "reason"),
    [
        ({"elsewhere": None}, WORSE, "shared-cause: whether other endpoints are in alarm is not known"),
        ({"capture": None}, WORSE, "monitoring-blind: whether traffic is captured is not known"),
        ({"elsewhere": None}, WORSE, "concept-drift: whether other endpoints are in alarm is not known"),
        ({"capture": None}, WORSE, "concept-drift: whether traffic is captured is not known"),
        ({}, (*WORSE[:2], fine(PERFORMANCE)), "label-shift: measured quality is intact"),
        ({}, WORSE, "label-shift: whether the predictions moved is not known"),
        ({}, (*WORSE, fine(ANSWERS)), "label-shift: the predictions did not move"),
        ({}, (breach(DRIFT), *SHIFTED[1:]), "label-shift: the inputs moved as well"),
        ({}, SHIFTED[1:], "label-shift: whether the inputs moved is not known"),
        (
            {"ranking": None},
            SHIFTED,
            "label-shift: whether the model ranks as well as it did is not known",
        ),
        (
            {"ranking": replace(RANKING, low=0.6)},
            SHIFTED,
            "label-shift: that the ranking is intact is not certain: auc 0.700 (at least 0.600) on 2000 labels, "
            "promised 0.700",
        ),
        (
            {"retrainings": (retraining("a", failure="no"), retraining("b", failure="no"))},
            ALL_FINE,
            "training-fails: nothing was found that a retraining would be for",
        ),
        (
            {"firing": [DRIFT], "elsewhere": elsewhere("trains")},
            ALL_FINE,
            "shared-cause: 2 of the account's endpoints went into alarm within 60 min, 3 would have a cause in "
            "common",
        ),
    ],
)
def test_a_rule_says_why_it_does_not_apply(seen, signals, reason):
    assert reason in diagnose(snapshot(*signals, **seen), DiagnosisPolicy()).ruled_out


def test_the_evidence_of_a_label_shift():
    found = diagnose(snapshot(*SHIFTED, ranking=RANKING), DiagnosisPolicy())
    assert found.evidence == (
        "x is BREACH",
        "x is BREACH",
        "the ranking is intact: auc 0.700 (at least 0.680) on 2000 labels, promised 0.700",
        "no feature moved beyond its tolerance",
    )


def test_the_evidence_of_training_that_fails_is_why_it_did():
    begun = (
        retraining("a", failure="Train: no capacity"),
        retraining("b", failure="Gate: not proven better"),
    )
    found = diagnose(snapshot(*WORSE, retrainings=begun), DiagnosisPolicy())
    assert found.evidence == (
        "the retraining of 2013-02-28 12:00 brought no challenger: Train: no capacity",
        "the retraining of 2013-02-28 12:00 brought no challenger: Gate: not proven better",
    )
