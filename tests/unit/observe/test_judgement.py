"""From hours of traffic to signals of every kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from selfheal.observe.drift.standing import advance, first_standing
from selfheal.observe.judgement import judge, realize
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.performance.outcomes import Outcomes, Predictions
from selfheal.observe.policy import DriftPolicy, ObservePolicy, PerformancePolicy
from selfheal.observe.report import Report
from selfheal.observe.signals import SignalKind, Status
from unit.samples import CHAMPION, NOW, baseline, hour, hours_before, outcomes, predictions

POLICY = ObservePolicy(performance=PerformancePolicy(min_labels=100))
NOBODY = outcomes([])


def traffic(reference, rows=400, hours=30, shift=0.0, now=NOW):
    generator = np.random.default_rng(2)
    return [
        hour(
            reference,
            start,
            generator.normal(shift, size=rows),
            generator.choice(["a", "b", "c"], size=rows),
            answers=predictions(np.full(rows, 0.5), at=start, prefix=f"{start:%d%H}-"),
            newest=start + timedelta(minutes=59),
        )
        for start in hours_before(now, hours)
    ]


def judged(reference, hours, labels=NOBODY, policy=POLICY, standing=None):
    standing = standing or advance(reference, first_standing(reference), hours, policy.drift)
    return judge(reference, standing, hours, labels, policy, NOW)


def labels_of(hours):
    keys = [key for each in hours for key in each.predictions.keys]
    return replace(outcomes(np.arange(len(keys)) % 2), keys=tuple(keys))


def by_kind(found):
    return {kind: [s for s in found.signals if s.kind is kind] for kind in {s.kind for s in found.signals}}


def test_hours_that_the_model_is_not_to_blame_for_are_left_out_of_its_performance_alone():
    reference = baseline(metrics={"log_loss": 0.1})
    hours = traffic(reference)
    labels = labels_of(hours)
    standing = advance(reference, first_standing(reference), hours, POLICY.drift)
    all_, own, none = (
        judge(reference, standing, hours, labels, POLICY, NOW, blameless)
        for blameless in ((), [each.start for each in hours[:3]], [each.start for each in hours])
    )
    performance, others = zip(
        *(apart(each, SignalKind.PERFORMANCE) for each in (all_, own, none)), strict=True
    )
    assert [each.sample for each in performance] == [2800, 2800 - 3 * 400, 0]
    assert performance[2].status is Status.NO_DATA
    assert others[0] == others[1] == others[2]


def apart(judgement, kind):
    """The one signal of a kind, and the others."""
    found = [signal for signal in judgement.signals if signal.kind is kind]
    assert len(found) == 1
    return found[0], [signal for signal in judgement.signals if signal.kind is not kind]


@pytest.mark.parametrize(("window_hours", "performance"), [(72, 45), (24, 25)])
def test_labels_are_missed_within_a_day_however_long_quality_is_looked_back_on(window_hours, performance):
    reference = baseline(metrics={"log_loss": 0.1})
    hours = traffic(reference, rows=10, hours=68)
    policy = ObservePolicy(performance=PerformancePolicy(min_labels=30, window_hours=window_hours))
    # Of 68 hours 45 have matured; the last 25 of these, both ends of a day, have no label.
    signals = judged(reference, hours, labels_of(hours[:20]), policy).signals
    (missed,) = (signal for signal in signals if signal.kind is SignalKind.LABELS)
    assert (missed.status, missed.value, missed.sample) == (Status.BREACH, 0, 250)
    realized = realize(Task.BINARY, hours, labels_of(hours[:20]), policy.performance, NOW)
    assert realized.joined.matured == 10 * performance


def test_without_an_hour_there_is_no_data_of_any_kind():
    found = judged(baseline(), [])
    assert by_kind(found).keys() >= {
        SignalKind.DATA_DRIFT,
        SignalKind.PREDICTION_DRIFT,
        SignalKind.DATA_QUALITY,
        SignalKind.PERFORMANCE,
        SignalKind.LABELS,
    }
    assert Status.OK not in {signal.status for signal in found.signals}


def test_healthy_traffic_is_no_breach_of_any_kind():
    reference = baseline(metrics={"log_loss": 0.7})
    hours = traffic(reference)
    found = judged(reference, hours, labels_of(hours))
    assert Status.BREACH not in {signal.status for signal in found.signals}
    kinds = by_kind(found)
    assert {signal.status for signal in kinds[SignalKind.PERFORMANCE]} == {Status.OK}
    assert {s.subject: s.status for s in kinds[SignalKind.DATA_DRIFT]}["x"] is Status.OK
    # Nobody's answers are in the profiles of these hours: that is said, and is not well.
    assert {signal.status for signal in kinds[SignalKind.PREDICTION_DRIFT]} == {Status.NO_DATA}


def test_a_model_that_became_worse_is_a_breach_of_performance_alone():
    reference = baseline(metrics={"log_loss": 0.3})
    hours = traffic(reference)
    found = judged(reference, hours, labels_of(hours))
    breached = {signal.kind for signal in found.signals if signal.status is Status.BREACH}
    assert breached == {SignalKind.PERFORMANCE}


def test_once_a_day_the_report_has_every_statistic_and_every_metric():
    reference = baseline(metrics={"log_loss": 0.7})
    midnight = NOW.replace(hour=0) + timedelta(days=1)
    hours = traffic(reference, now=midnight)
    standing = advance(reference, first_standing(reference), hours, POLICY.drift)
    found = judge(reference, standing, hours, labels_of(hours), POLICY, midnight)
    # Labels mature within a day: of 30 hours, the first seven have.
    assert found.performance["rows"]["labelled"] == 400 * 7
    assert [each["feature"] for each in found.measures] == ["x", "c"]
    assert {"ks", "psi", "kl", "js", "wasserstein", "mean_shift_sd"} <= found.measures[0].keys()
    later = judge(reference, standing, hours, labels_of(hours), POLICY, midnight + timedelta(hours=1))
    assert (list(later.measures), dict(later.performance)) == ([], {})


def test_while_quality_is_in_breach_every_report_says_which_metrics_suffer():
    reference = baseline(metrics={"log_loss": 0.3})
    hours = traffic(reference)
    assert NOW.hour
    assert judged(reference, hours, labels_of(hours)).performance["metrics"]["auc"]["realized"]
    well = baseline(metrics={"log_loss": 0.7})
    assert dict(judged(well, hours, labels_of(hours)).performance) == {}


def test_moved_traffic_is_a_breach_of_drift():
    reference = baseline()
    found = judged(reference, traffic(reference, shift=1.0))
    report = Report(endpoint="flights", champion=CHAMPION, at=NOW, signals=list(found.signals))
    assert report.breach_counts()[SignalKind.DATA_DRIFT] == 1
    assert {
        s.subject for s in found.signals if s.status is Status.BREACH and s.kind is SignalKind.DATA_DRIFT
    } == {"x"}


def test_traffic_is_judged_without_a_standing_too():
    reference = replace(baseline(), rhythm=None)
    found = judge(reference, None, traffic(reference, shift=1.0), NOBODY, POLICY, NOW)
    assert {
        s.subject for s in found.signals if s.status is Status.BREACH and s.kind is SignalKind.DATA_DRIFT
    } == {"x"}


def test_hours_beyond_the_longest_window_are_not_looked_at():
    reference = replace(baseline(), rhythm=None)
    policy = replace(POLICY, drift=DriftPolicy(window_hours=2))
    old = traffic(reference, rows=2000, hours=1, shift=3.0, now=NOW - timedelta(days=8))
    found = judge(reference, None, [*old, *traffic(reference, rows=10, hours=2)], NOBODY, policy, NOW)
    drift = by_kind(found)[SignalKind.DATA_DRIFT]
    assert {(signal.status, signal.sample) for signal in drift} == {(Status.NO_DATA, 20)}


def test_only_answers_whose_labels_have_matured_are_measured():
    hours = traffic(baseline(), rows=10)
    found = realize(Task.BINARY, hours, labels_of(hours), PerformancePolicy(mature_hours=24), NOW)
    assert (found.joined.matured, found.rows) == (70, 70)
    everything = Predictions.merge(each.predictions for each in hours)
    assert len(found.joined.young) == len(everything) - 70
    nothing = Outcomes.merge([])
    assert realize(Task.BINARY, hours, nothing, PerformancePolicy(), NOW).rows == 0


def test_a_feed_that_dries_up_is_told_once_it_is_known_what_is_usual():
    reference = baseline()
    hours = [*traffic(reference, rows=400, hours=96, now=NOW - timedelta(hours=30))]
    hours += traffic(reference, rows=8, hours=30)
    (volume,) = (s for s in judged(reference, hours).signals if s.statistic == "volume_times")
    assert volume.status is Status.BREACH
    (early,) = (s for s in judged(reference, hours[-40:]).signals if s.statistic == "volume_times")
    assert early.status is Status.NO_DATA
