"""From hours of traffic to signals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from selfheal.observe.baseline import Baseline
from selfheal.observe.drift.standing import Standing, drift_of, drift_windows
from selfheal.observe.hours import DAY, Hour, Window, shortest_window, usual_rows, window
from selfheal.observe.measures import measures
from selfheal.observe.performance.estimation import Calibration
from selfheal.observe.performance.label_coverage import coverage_signal
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.performance.outcomes import Outcomes, Predictions, join
from selfheal.observe.performance.realized import Realized, performance_report, performance_signal
from selfheal.observe.policy import DriftPolicy, ObservePolicy, PerformancePolicy
from selfheal.observe.quality.data_quality import Context, quality_signals
from selfheal.observe.signals import Signal, Status


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Signals of a moment, and what people want to see beside them.

    Attributes:
        quality_since: the first hour of the window that quality of the input was judged on.
        measures: every statistic of every feature, over the shortest window that is large enough.
        performance: every metric over the window of matured labels, realized and estimated.

    The last two are made once a day, at midnight UTC; in other hours they are empty. But where quality is in breach,
    every report has all of its metrics: which of them suffer is what a diagnosis goes by.
    """

    signals: tuple[Signal, ...]
    quality_since: datetime
    measures: Sequence[Mapping[str, Any]]
    performance: Mapping[str, Any]


def judge(
    baseline: Baseline,
    standing: Standing | None,
    hours: Sequence[Hour],
    outcomes: Outcomes,
    policy: ObservePolicy,
    now: datetime,
    blameless: Collection[datetime] = (),
) -> Judgement:
    """All signals of the hours before `now`.

    Args:
        standing: after the last of these hours.
        hours: in order of time; as many as the policy's longest window.
        blameless: starts of hours whose outcomes say nothing of the model, since it was asked with broken input.
    """
    recent = shortest_window(hours, policy.quality.min_rows, policy.drift.window_hours, now)
    windows = drift_windows(hours, policy.drift, now)
    lately = window(hours, min(DAY, recent.length_hours), now)
    context = Context(
        usual_rows_per_hour=usual_rows(hours, lately),
        lately=lately,
        days=window(hours, policy.quality.stuck_hours, now),
        hours=hours,
    )
    own = [hour for hour in hours if hour.start not in blameless]
    realized = realize(baseline.task, own, outcomes, policy.performance, now)
    # What has matured within a day, whatever the model was asked with: its labels should have come.
    day = replace(policy.performance, window_hours=DAY)
    same = _starts(own, policy.performance, now) == _starts(hours, day, now)
    of_a_day = realized if same else realize(baseline.task, hours, outcomes, day, now)
    quality = performance_signal(baseline.task, realized, baseline.metrics, policy.performance)
    # What people look at is a matter of days; what acts is a matter of hours.
    daily = now.hour == 0
    measured = daily or quality.status is Status.BREACH
    return Judgement(
        signals=(
            *drift_of(baseline, standing, windows, policy.drift),
            *quality_signals(baseline, recent, policy.quality, now, context),
            quality,
            coverage_signal(of_a_day, policy.performance),
        ),
        quality_since=recent.start,
        measures=_measures(baseline, windows[0], policy.drift) if daily else [],
        performance=_performance(baseline, realized, policy.performance) if measured else {},
    )


def realize(
    task: Task, hours: Sequence[Hour], outcomes: Outcomes, policy: PerformancePolicy, now: datetime
) -> Realized:
    """The champion's answers of a window whose labels have matured, beside those labels."""
    predictions = Predictions.merge(hour.predictions for hour in _maturing(hours, policy, now))
    return Realized.of(task, join(predictions, outcomes, now, policy.mature_hours))


def _maturing(hours: Sequence[Hour], policy: PerformancePolicy, now: datetime) -> Sequence[Hour]:
    """The hours of a window of matured labels, and the younger ones after it."""
    return window(hours, policy.window_hours + round(policy.mature_hours), now).parts


def _starts(hours: Sequence[Hour], policy: PerformancePolicy, now: datetime) -> list[datetime]:
    return [hour.start for hour in _maturing(hours, policy, now)]


def _measures(baseline: Baseline, judged: Window, policy: DriftPolicy) -> Sequence[Mapping[str, Any]]:
    return measures(baseline.profile, judged.profile) if judged.rows >= policy.min_rows else []


def _performance(baseline: Baseline, realized: Realized, policy: PerformancePolicy) -> Mapping[str, Any]:
    calibration = Calibration.from_json(baseline.calibrator) if baseline.calibrator else None
    return performance_report(baseline.task, realized, baseline.metrics, policy, calibration)
