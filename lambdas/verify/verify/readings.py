"""What is known of a recovery at a moment: read, and not judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice, takewhile

import boto3
from botocore.config import Config

from lambdas.runtime import Environment, Step
from selfheal.aws.alarms import Alarms
from selfheal.aws.baselines import baseline_of
from selfheal.aws.champion import ChampionPointer, package_of
from selfheal.aws.endpoint import Endpoint
from selfheal.aws.errors import AwsError, Missing
from selfheal.aws.golden_set import ask, golden_set_of
from selfheal.aws.objects import Objects
from selfheal.aws.policies import observe_policy, recovery_policy
from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.aws.registry import Registry
from selfheal.aws.report_store import ReportStore
from selfheal.aws.traffic_store import TrafficStore
from selfheal.observe.performance.outcomes import Predictions, join
from selfheal.observe.performance.realized import Realized, performance_signal
from selfheal.observe.reading.capture_records import GOLDEN_REQUEST, Side
from selfheal.observe.reading.payloads import opened
from selfheal.observe.report import Report, no_data
from selfheal.observe.signals import Signal, SignalKind
from selfheal.record.incident import Incident
from selfheal.remediate.quarantine import Quarantine, may_be_read, merged
from selfheal.verify.clear import reported
from selfheal.verify.feed import feed_of
from selfheal.verify.finding import Finding
from selfheal.verify.golden import judge_golden
from selfheal.verify.others import judge_others, others
from selfheal.verify.recovery import Quality, Recovery, asks_quality, asks_report
from selfheal.verify.serving import Intended, Live, judge_serving

HOUR = timedelta(hours=1)
# SageMaker gives a container a minute; whoever does not answer is asked again at the next look, and not before.
PATIENT = Config(read_timeout=65, retries={"total_max_attempts": 1})


@dataclass(frozen=True, kw_only=True)
class VerifyEnvironment(Environment):
    """Settings of this function."""

    champion_parameter: str
    recovery_policy: str
    observe_policy: str


class Readings:
    """Reads what there is to know of one endpoint."""

    def __init__(self, environment: VerifyEnvironment) -> None:
        self.policy = recovery_policy(environment.recovery_policy)
        self._performance = replace(
            observe_policy(environment.observe_policy).performance, min_labels=self.policy.min_labels
        )
        self._sagemaker = boto3.client("sagemaker")
        self._runtime = boto3.client("sagemaker-runtime", config=PATIENT)
        self._registry = Registry(self._sagemaker)
        self._endpoint = Endpoint(self._sagemaker, environment.endpoint)
        self._pointer = ChampionPointer(boto3.client("ssm"), environment.champion_parameter)
        self._alarms = Alarms(boto3.client("cloudwatch"), environment.endpoint)
        self._objects = Objects(boto3.client("s3"), environment.bucket)
        self._reports = ReportStore(self._objects, environment.endpoint)
        self._store = TrafficStore(self._objects, environment.endpoint, environment.variant)
        self.quarantined = QuarantinedHours(self._objects)

    def take(self, step: Step, incident: Incident, quarantine: Quarantine | None) -> Recovery:
        opened_by, acted_at = incident.trigger.kind, incident.acted_at or incident.opened_at
        live, since = self._live(), self._since(acted_at, step.at)
        last = incident.tried[-1] if incident.tried else None
        quality = asks_quality(opened_by, quarantined=quarantine is not None)
        kinds = others(opened_by, quality_judged=quality, quarantined=quarantine is not None)
        return Recovery(
            opened_by=opened_by,
            acted_at=acted_at,
            serving=judge_serving(live, self._intended(incident)),
            golden=self._golden(live, incident),
            others=judge_others(self._before(acted_at), since, kinds, self.policy.clear_windows),
            firing={firing.kind: firing.since for firing in self._alarms.firing()},
            quiet_since=max(acted_at, self._alarms.quiet_since() or acted_at),
            signal=reported(since, opened_by)
            if asks_report(opened_by, last, quarantined=quarantine is not None)
            else None,
            quality=Quality.of(self._quality(step.at, incident, live)) if quality else None,
            feed=feed_of(self._reports.newest_first(step.at), quarantine.broken) if quarantine else None,
        )

    def _since(self, acted_at: datetime, now: datetime) -> tuple[Report, ...]:
        """The newest reports since the remedy, newest first, as many as windows must be clear."""
        since = takewhile(lambda report: report.at > acted_at, self._reports.newest_first(now))
        return tuple(islice(since, self.policy.clear_windows))

    def _before(self, acted_at: datetime) -> Report | None:
        earlier = (report for report in self._reports.newest_first(acted_at) if report.at <= acted_at)
        return next(earlier, None)

    def _live(self) -> Live:
        state = self._endpoint.state()
        model = self._endpoint.model_of(state.config)
        return Live(status=state.status, config=state.config, model=model, package=self._package(model))

    def _package(self, model: str) -> str | None:
        try:
            return package_of(self._sagemaker, model)
        except Missing:
            return None

    def _intended(self, incident: Incident) -> Intended:
        """What the last remedy asked for; where it asked for no model, that of the champion pointer."""
        asked = incident.deployment or {}
        released = asked.get("package") if asked.get("kind") == "release" else incident.champion_after
        return Intended(
            config=asked.get("config"),
            model=asked.get("model") or self._pointer.model(),
            package=released if asked else None,
        )

    def _golden(self, live: Live, incident: Incident) -> Finding:
        """The golden set of the package that serves now, asked again."""
        if live.status != "InService":
            return Finding.held(f"the golden set is not asked while the endpoint is {live.status}")
        if live.package is None:
            return Finding.passed(f"{live.model} names no package, so there is no golden set: judged without")
        package = self._registry.package(live.package)
        try:
            golden = golden_set_of(self._objects, package)
            if golden is None:
                return Finding.passed(f"{live.package} carries no golden set: judged without")
            said = ask(self._runtime, self._endpoint.name, golden, f"{GOLDEN_REQUEST}{incident.id}"[:64])
        except AwsError as error:
            return Finding.held(str(error))
        text, is_json = opened(said.text, Side.of(said.content_type, ""))
        schema = baseline_of(self._objects, package).schema
        return judge_golden(golden, package.arn, text, is_json, schema, self.policy.golden_tolerance)

    def _quality(self, now: datetime, incident: Incident, live: Live) -> list[Signal]:
        """Performance in hourly windows, newest first: of the new champion, its own answers since the remedy; where
        the model stayed, what observe found."""
        if not incident.tried or not incident.tried[-1].changes_model:
            reports = islice(self._reports.newest_first(now), self.policy.clear_windows)
            found = [signal for report in reports for signal in _performance(report)]
            return found or list(_performance(None))
        if live.package is None:
            return list(_performance(None))
        return list(self._own_quality(live.package, incident.acted_at or incident.opened_at, now))

    def _own_quality(self, package: str, acted_at: datetime, now: datetime) -> Iterator[Signal]:
        since = acted_at - HOUR
        baseline = baseline_of(self._objects, self._registry.package(package))
        hours = self._store.hours(package, baseline.layout, since, now)
        outcomes, _ = self._store.outcomes(since, now, baseline.schema)
        quarantined = merged(each.interval for each in self.quarantined.all())
        own = (stored.hour for stored in hours if may_be_read(stored.hour.start, quarantined))
        predictions = Predictions.merge(hour.predictions for hour in own)
        for place in range(self.policy.clear_windows):
            joined = join(predictions, outcomes, now - place * HOUR, self._performance.mature_hours)
            realized = Realized.of(baseline.task, joined)
            yield performance_signal(baseline.task, realized, baseline.metrics, self._performance)


def _performance(report: Report | None) -> Iterator[Signal]:
    signals = report.signals if report else no_data("observe has not found anything yet")
    return (signal for signal in signals if signal.kind is SignalKind.PERFORMANCE)
