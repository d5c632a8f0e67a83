"""From hours of traffic to signals of every kind."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from selfheal.observe.judgement import judge
from selfheal.observe.policy import DriftPolicy, ObservePolicy, PerformancePolicy
from selfheal.observe.report import Report
from selfheal.observe.signals import SignalKind, Status
from unit.samples import CHAMPION, NOW, baseline, hour, hours_before

POLICY = ObservePolicy(performance=PerformancePolicy(min_labels=100))


def traffic(reference, rows=400, hours=4, shift=0.0):
    generator = np.random.default_rng(2)
    return [
        hour(
            reference,
            start,
            generator.normal(shift, size=rows),
            generator.choice(["a", "b", "c"], size=rows),
            predictions=[(f"{start:%d%H}-{n}", 0.5) for n in range(rows)],
        )
        for start in hours_before(NOW, hours)
    ]


def test_an_empty_window_is_no_data_of_every_kind():
    signals = judge(baseline(), [], {}, POLICY, NOW)
    assert {s.kind for s in signals} == {
        SignalKind.DATA_DRIFT,
        SignalKind.DATA_QUALITY,
        SignalKind.PERFORMANCE,
    }
    assert {s.status for s in signals} == {Status.NO_DATA}


def test_healthy_traffic_is_not_a_breach():
    reference = baseline(metrics={"log_loss": 0.69})
    hours = traffic(reference)
    labels = {key: float(n % 2) for n, (key, _) in enumerate(p for h in hours for p in h.predictions)}
    signals = judge(reference, hours, labels, POLICY, NOW)
    assert {s.status for s in signals} <= {Status.OK, Status.WARN}
    assert len(signals) == 2 + 4 + 1


def test_moved_traffic_is_a_breach_of_drift_and_not_of_quality():
    reference = baseline()
    signals = judge(reference, traffic(reference, shift=1.0), {}, POLICY, NOW)
    found = Report(endpoint="flights", champion=CHAMPION, at=NOW, signals=signals)
    assert found.breach_counts() == {SignalKind.DATA_DRIFT: 1, SignalKind.DATA_QUALITY: 0}


def test_hours_beyond_the_longest_window_are_not_looked_at():
    reference = baseline()
    policy = ObservePolicy(drift=DriftPolicy(window_hours=2))
    hours = traffic(reference, rows=2000, hours=1, shift=3.0)
    old = [
        type(hours[0])(**{**vars(hours[0]), "start": NOW - timedelta(hours=3)}),
        *traffic(reference, rows=10, hours=2),
    ]
    drift = [s for s in judge(reference, old, {}, policy, NOW) if s.kind is SignalKind.DATA_DRIFT]
    assert {s.status for s in drift} == {Status.NO_DATA}
    assert {s.sample for s in drift} == {20}
