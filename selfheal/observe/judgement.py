"""From hours of traffic to signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from selfheal.observe.baseline import Baseline
from selfheal.observe.drift import drift_signals
from selfheal.observe.hours import Hour, latest_window
from selfheal.observe.performance import join, performance_signal
from selfheal.observe.policy import ObservePolicy
from selfheal.observe.quality import quality_signals
from selfheal.observe.signals import Signal


def judge(
    baseline: Baseline,
    hours: Sequence[Hour],
    labels: Mapping[str, float],
    policy: ObservePolicy,
    now: datetime,
) -> tuple[Signal, ...]:
    """All signals of the hours before `now`, which must be in order of time."""
    drift = latest_window(_since(hours, now, policy.drift.window_hours), policy.drift.min_rows, now)
    recent = latest_window(_since(hours, now, policy.drift.window_hours), policy.quality.min_rows, now)
    scored = [
        pair for hour in _since(hours, now, policy.performance.window_hours) for pair in hour.predictions
    ]
    return (
        *drift_signals(baseline, drift.profile, policy.drift),
        *quality_signals(baseline, recent, policy.quality),
        performance_signal(baseline, *join(scored, labels), policy.performance),
    )


def _since(hours: Sequence[Hour], now: datetime, length_hours: int) -> list[Hour]:
    start = now - timedelta(hours=length_hours)
    return [hour for hour in hours if start <= hour.start < now]
