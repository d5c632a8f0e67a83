"""What no diagnosis may lead to, whatever the snapshot."""

from __future__ import annotations

import math
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from unit.diagnose.snapshots import release, snapshot
from unit.samples import NOW, signal

from selfheal.diagnose.causes import Cause
from selfheal.diagnose.policy import DiagnosisPolicy
from selfheal.diagnose.ranking import Ranking
from selfheal.diagnose.rules import RULES, diagnose
from selfheal.diagnose.snapshot import AlarmElsewhere, Capture, ReleaseStatus, Retraining
from selfheal.observe.signals import SignalKind, Status
from selfheal.remediate.playbook import DEFAULT_PLAYBOOK, Remedy, ladder

kinds = st.sampled_from(list(SignalKind))
times = st.integers(-48 * 60, 0).map(lambda minutes: NOW + timedelta(minutes=minutes))
numbers = st.floats(0, 2) | st.just(math.nan)
signals = st.builds(
    signal,
    kinds,
    st.sampled_from(list(Status)),
    st.sampled_from(["x", "c"]),
    st.sampled_from(["ks", "psi", "p_value", "log_loss", "auc"]),
    value=st.none() | numbers,
    low=st.none() | numbers,
    threshold=st.none() | numbers,
    reason=st.just("moved"),
)
statuses = st.sampled_from(list(Status))
# Quality that suffers calls for a retraining, unless something keeps it away.
suffering = st.builds(
    lambda drift, quality, *more: (
        signal(SignalKind.PERFORMANCE, Status.BREACH, statistic="log_loss"),
        signal(SignalKind.DATA_DRIFT, drift),
        signal(SignalKind.DATA_QUALITY, quality),
        *more,
    ),
    statuses,
    statuses,
    signals,
)
snapshots = st.builds(
    lambda found, more: snapshot(*found, **more),
    st.lists(signals, max_size=4).map(tuple) | suffering,
    st.fixed_dictionaries(
        {},
        optional={
            "opened_by": kinds,
            "firing": st.dictionaries(kinds, times, max_size=2),
            "elsewhere": st.none()
            | st.lists(
                st.builds(
                    AlarmElsewhere, endpoint=st.sampled_from(["trains", "buses"]), kind=kinds, since=times
                ),
                max_size=3,
            ).map(tuple),
            "capture": st.none()
            | st.builds(
                Capture, sampling_percent=st.floats(0, 100), uncaptured=st.integers(0, 100), since=times
            ),
            "observed_at": st.none() | times,
            "observe_failure": st.none() | st.just("no baseline"),
            "ranking": st.none()
            | st.builds(
                Ranking,
                metric=st.just("auc"),
                value=numbers,
                low=numbers,
                promised=numbers,
                rows=st.integers(0, 100),
            ),
            "importance": st.none() | st.dictionaries(st.sampled_from(["x", "c"]), st.floats(0, 1)),
            "release": st.none() | st.builds(release, st.sampled_from(list(ReleaseStatus))),
            "retrainings": st.lists(
                st.builds(
                    Retraining,
                    incident=st.sampled_from(["this", "other", "another"]),
                    at=times,
                    failure=st.none() | st.just("refused"),
                ),
                max_size=3,
            ).map(tuple),
        },
    ),
)


@given(snapshots)
def test_no_retraining_without_quality_that_is_known_and_input_that_is_sound(seen):
    found = diagnose(seen, DiagnosisPolicy())
    if Remedy.RETRAIN in ladder(DEFAULT_PLAYBOOK, found.cause):
        assert seen.breaches(SignalKind.PERFORMANCE) or seen.breaches(SignalKind.MODEL_AGE)
        assert seen.knows(SignalKind.PERFORMANCE)
        assert seen.knows(SignalKind.DATA_DRIFT)
        assert seen.knows(SignalKind.DATA_QUALITY)
        assert not seen.breaches(SignalKind.DATA_QUALITY)
        assert seen.elsewhere is not None
        assert seen.capture is not None
        assert seen.observed_at is not None
        assert seen.observe_failure is None


@given(snapshots)
def test_a_diagnosis_says_of_every_rule_before_it_why_it_does_not_apply(seen):
    found = diagnose(seen, DiagnosisPolicy())
    passed = len(found.ruled_out)
    assert [line.partition(": ")[0] for line in found.ruled_out] == [c.value for c, _ in RULES[:passed]]
    assert all(line.partition(": ")[2] for line in found.ruled_out)
    if found.cause is Cause.UNKNOWN:
        assert passed == len(RULES)
    else:
        assert RULES[passed][0] is found.cause
        assert found.evidence


judged = st.sampled_from([Status.OK, Status.WARN, Status.BREACH])
rankings = st.none() | st.builds(
    Ranking,
    metric=st.just("auc"),
    value=st.just(0.7),
    low=numbers,
    promised=st.just(0.7),
    rows=st.just(900),
)
UNKNOWN_READINGS = [
    {"elsewhere": None},
    {"capture": None},
    {"observed_at": None},
    {"observe_failure": "no baseline"},
    *(
        {"unjudged": kind}
        for kind in (SignalKind.PERFORMANCE, SignalKind.DATA_DRIFT, SignalKind.DATA_QUALITY)
    ),
    {"broken": SignalKind.DATA_QUALITY},
]


@given(judged, judged, st.sampled_from([Status.OK, Status.WARN]), rankings, st.sampled_from(UNKNOWN_READINGS))
def test_a_single_thing_that_is_not_known_or_broken_keeps_a_retraining_away(
    drift, answers, quality, ranking, unknown
):
    said = {
        SignalKind.PERFORMANCE: Status.BREACH,
        SignalKind.DATA_DRIFT: drift,
        SignalKind.PREDICTION_DRIFT: answers,
        SignalKind.DATA_QUALITY: quality,
    }
    assert retrains(said, ranking=ranking)
    readings = dict(unknown)
    unjudged, broken = readings.pop("unjudged", None), readings.pop("broken", None)
    said |= {unjudged: Status.NO_DATA} if unjudged else {}
    said |= {broken: Status.BREACH} if broken else {}
    assert not retrains(said, ranking=ranking, **readings)


def retrains(said, **readings):
    found = [signal(kind, status, statistic="log_loss") for kind, status in said.items()]
    cause = diagnose(snapshot(*found, **readings), DiagnosisPolicy()).cause
    return Remedy.RETRAIN in ladder(DEFAULT_PLAYBOOK, cause)
