"""Observe the hour that closed: captured traffic and matured outcomes → profile → signals → metrics."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.observe.observe.sight import HOUR, Seen, Sight
from lambdas.runtime import Environment, logger, read_environment, time_of
from selfheal.aws.baselines import baseline_of
from selfheal.aws.champion import ChampionPointer, package_of
from selfheal.aws.errors import AwsError, Missing
from selfheal.aws.objects import Objects
from selfheal.aws.policies import job_settings, observe_policy
from selfheal.aws.profile_job import ProfileJobs
from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.aws.registry import TRAINED_TO, Package, Registry
from selfheal.aws.report_store import ReportStore
from selfheal.aws.traffic_store import TrafficStore
from selfheal.observe.baseline import Baseline
from selfheal.observe.drift.standing import Standing, advance, first_standing
from selfheal.observe.hours import WEEK
from selfheal.observe.judgement import Judgement, judge
from selfheal.observe.model_age import age_signal
from selfheal.observe.policy import ObservePolicy
from selfheal.observe.profiles.layout import BaselineError
from selfheal.observe.quality.monitor_files import statistics, violations
from selfheal.observe.report import Report, no_data
from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.remediate.quarantine import Interval, may_be_read, merged

METRICS = {
    SignalKind.DATA_DRIFT: "DataDriftBreaches",
    SignalKind.PREDICTION_DRIFT: "PredictionDriftBreaches",
    SignalKind.DATA_QUALITY: "DataQualityBreaches",
    SignalKind.PERFORMANCE: "PerformanceBreaches",
    SignalKind.LABELS: "LabelBreaches",
    SignalKind.MODEL_AGE: "ModelAgeBreaches",
}


@dataclass(frozen=True, kw_only=True)
class ObserveEnvironment(Environment):
    """Settings of this function."""

    champion_parameter: str
    observe_policy: str
    profile_job: str


class Observer:
    """Observes one endpoint; keeps the champion's baseline while the champion is the same."""

    def __init__(self, environment: ObserveEnvironment) -> None:
        objects = Objects(boto3.client("s3"), environment.bucket)
        self._endpoint = environment.endpoint
        self._sagemaker = boto3.client("sagemaker")
        self._pointer = ChampionPointer(boto3.client("ssm"), environment.champion_parameter)
        self._reports = ReportStore(objects, environment.endpoint)
        self._store = TrafficStore(objects, environment.endpoint, environment.variant)
        self._quarantined = QuarantinedHours(objects)
        self._objects = objects
        self._policy: ObservePolicy = observe_policy(environment.observe_policy)
        performance = self._policy.performance
        longest = max(self._policy.drift.window_hours, performance.window_hours + performance.mature_hours)
        self._longest = timedelta(hours=max(WEEK, round(longest)))
        jobs = ProfileJobs(
            self._sagemaker,
            objects,
            environment.endpoint,
            settings=job_settings(environment.profile_job),
            policy=self._policy.volume,
        )
        self._sight = Sight(self._store, jobs, self._longest)
        self._champion = functools.lru_cache(maxsize=2)(self._load_champion)

    def observe(self, at: datetime) -> Report:
        """The report of the last hour whose files have had their time to come. What cannot be judged is
        `NO_DATA`, with the reason."""
        try:
            model = self._pointer.model()
            if model is None:
                raise Missing("there is no champion yet")
            package, baseline = self._champion(model)
            quarantined = merged(each.interval for each in self._quarantined.all())
        except (AwsError, BaselineError) as error:
            report = Report(endpoint=self._endpoint, champion=None, at=at, signals=no_data(str(error)))
            self._reports.save(report, {})
            return report
        return self._judge(at, package, baseline, quarantined)

    def _judge(
        self, at: datetime, champion: Package, baseline: Baseline, quarantined: Sequence[Interval]
    ) -> Report:
        package = champion.arn
        # A job's end may wake us early in an hour: the hour before is not due then.
        due = at - timedelta(minutes=self._policy.capture_delay_minutes)
        now = due.replace(minute=0, second=0, microsecond=0)
        seen = self._sight.see(now, package, baseline)
        for start, reason in seen.awaited.items():
            logger.warning("an hour is not known yet", hour=start.isoformat(), reason=reason)
        standing = self._advance(now, package, baseline, seen)
        outcomes, bad_labels = self._store.outcomes(now - self._longest, at, baseline.schema)
        self._store.reject(now - HOUR, [*seen.rejected, *bad_labels])
        blameless = {hour.start for hour in seen.hours if not may_be_read(hour.start, quarantined)}
        judgement = judge(baseline, standing, seen.hours, outcomes, self._policy, now, blameless)
        awaited = seen.awaited.get(now - HOUR)
        report = Report(
            endpoint=self._endpoint,
            champion=package,
            at=at,
            signals=(*_signals(judgement, awaited), *self._age(champion, at)),
            performance=judgement.performance,
            measures=judgement.measures if awaited is None else (),
            quality_since=judgement.quality_since if awaited is None else None,
        )
        self._reports.save(report, _monitor_files(report, seen, now))
        return report

    def _advance(self, now: datetime, package: str, baseline: Baseline, seen: Seen) -> Standing | None:
        """The standing after the last hour, from the one before the first hour that changed."""
        before = self._store.standing(package, seen.changed - HOUR) or first_standing(baseline)
        standing = advance(baseline, before, seen.hours, self._policy.drift)
        if standing is not None:
            self._store.save_standing(package, now - HOUR, standing)
        return standing

    def _age(self, champion: Package, at: datetime) -> tuple[Signal, ...]:
        limit = self._policy.champion_max_age_days
        return () if limit is None else (age_signal(champion.metadata.get(TRAINED_TO), limit, at),)

    def _load_champion(self, model: str) -> tuple[Package, Baseline]:
        package = Registry(self._sagemaker).package(package_of(self._sagemaker, model))
        return package, baseline_of(self._objects, package)


def _signals(judgement: Judgement, awaited: str | None) -> tuple[Signal, ...]:
    """All signals; where the last hour is not known yet, those alone that do not speak of it."""
    if awaited is None:
        return judgement.signals
    matured = tuple(
        signal for signal in judgement.signals if signal.kind in (SignalKind.PERFORMANCE, SignalKind.LABELS)
    )
    return (*(each for each in no_data(awaited) if each.kind is not SignalKind.PERFORMANCE), *matured)


def _monitor_files(report: Report, seen: Seen, now: datetime) -> Mapping[str, Any]:
    """Model Monitor's files of the last hour; none while it is not known."""
    if now - HOUR in seen.awaited:
        return {}
    return {
        "statistics": statistics(seen.hours[-1].profile),
        "constraint_violations": violations(report.signals),
    }


@functools.cache
def observer() -> Observer:
    return Observer(read_environment(ObserveEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: EventBridge's scheduled event, or that a profile job came to its end.

    Both wake a look at what there is: which of them it was does not matter, nor that one of them is lost.
    """
    report = observer().observe(time_of(event))
    emit(report)
    for signal in report.signals:
        if signal.status in (Status.WARN, Status.BREACH):
            logger.info(signal.reason, kind=signal.kind.value, status=signal.status.value)
    return {"champion": report.champion, "signals": len(report.signals)}


def emit(report: Report) -> None:
    """One metric a kind: signals in breach. A kind without data has no datapoint, since nobody knows."""
    metrics = Metrics()
    counts = report.breach_counts()
    for kind, count in counts.items():
        metrics.add_metric(name=METRICS[kind], unit=MetricUnit.Count, value=count)
    if counts:
        metrics.flush_metrics()
