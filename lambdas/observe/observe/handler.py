"""Observe the hour that closed: captured traffic and matured outcomes → profile → signals → metrics."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.runtime import Environment, logger, read_environment, time_of
from selfheal.aws.champion import ChampionPointer, package_of
from selfheal.aws.errors import AwsError, Missing
from selfheal.aws.objects import Objects, split_uri
from selfheal.aws.policies import observe_policy
from selfheal.aws.registry import Registry
from selfheal.aws.report_store import ReportStore
from selfheal.aws.traffic_store import TrafficStore
from selfheal.observe.baseline import Baseline, BaselineError
from selfheal.observe.hours import observe_hour
from selfheal.observe.judgement import judge
from selfheal.observe.monitor_files import statistics, violations
from selfheal.observe.policy import ObservePolicy
from selfheal.observe.report import Report, no_data
from selfheal.observe.signals import SignalKind, Status

METRICS = {
    SignalKind.DATA_DRIFT: "DataDriftBreaches",
    SignalKind.DATA_QUALITY: "DataQualityBreaches",
    SignalKind.PERFORMANCE: "PerformanceBreaches",
}


@dataclass(frozen=True, kw_only=True)
class ObserveEnvironment(Environment):
    """Settings of this function."""

    champion_parameter: str
    observe_policy: str


class Observer:
    """Observes one endpoint; keeps the champion's baseline while the champion is the same."""

    def __init__(self, environment: ObserveEnvironment) -> None:
        objects = Objects(boto3.client("s3"), environment.bucket)
        self._endpoint = environment.endpoint
        self._sagemaker = boto3.client("sagemaker")
        self._pointer = ChampionPointer(boto3.client("ssm"), environment.champion_parameter)
        self._reports = ReportStore(objects, environment.endpoint)
        self._store = TrafficStore(objects, environment.endpoint, environment.variant)
        self._objects = objects
        self._policy: ObservePolicy = observe_policy(environment.observe_policy)
        self._baseline = functools.lru_cache(maxsize=2)(self._load_baseline)

    def observe(self, at: datetime) -> Report:
        """The report of the hour that closed before `at`. What cannot be judged is `NO_DATA`, with the reason."""
        try:
            model = self._pointer.model()
            if model is None:
                raise Missing("there is no champion yet")
            package, baseline = self._baseline(model)
        except (AwsError, BaselineError) as error:
            report = Report(endpoint=self._endpoint, champion=None, at=at, signals=no_data(str(error)))
            self._reports.save(report, {})
            return report
        return self._judge(at, package, baseline)

    def _judge(self, at: datetime, package: str, baseline: Baseline) -> Report:
        now = at.replace(minute=0, second=0, microsecond=0)
        start = now - timedelta(hours=1)
        inferences, rejected = self._store.inferences(start, len(baseline.features))
        hour = observe_hour(start, inferences, rejected, baseline, package)
        self._store.save_hour(package, hour)
        longest = timedelta(hours=max(self._policy.drift.window_hours, self._policy.performance.window_hours))
        labels, bad_labels = self._store.labels(now - longest, at)
        self._store.reject(start, [*rejected, *bad_labels])
        hours = self._store.hours(package, now - longest, now)
        signals = judge(baseline, hours, labels, self._policy, now)
        report = Report(endpoint=self._endpoint, champion=package, at=at, signals=signals)
        files = {
            "statistics": statistics(baseline.features, hour.profile),
            "constraint_violations": violations(signals),
        }
        self._reports.save(report, files)
        return report

    def _load_baseline(self, model: str) -> tuple[str, Baseline]:
        package = package_of(self._sagemaker, model)
        _, key = split_uri(Registry(self._sagemaker).package(package).baseline_uri)
        try:
            body = json.loads(self._objects.read(key))
        except ValueError as error:
            raise BaselineError(f"the baseline of {package} is not JSON: {error}") from error
        return package, Baseline.from_json(body)


@functools.cache
def observer() -> Observer:
    return Observer(read_environment(ObserveEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: EventBridge's scheduled event."""
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
