"""Is the service whole again? Looks at what serves, at the alarms, and at quality since the remedy."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import boto3

from lambdas.runtime import Environment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.alarms import Alarms
from selfheal.aws.endpoint import Endpoint
from selfheal.aws.objects import Objects, split_uri
from selfheal.aws.policies import observe_policy, recovery_policy
from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.aws.registry import Registry
from selfheal.aws.report_store import ReportStore
from selfheal.aws.traffic_store import TrafficStore
from selfheal.observe.baseline import Baseline
from selfheal.observe.performance.outcomes import Predictions, join
from selfheal.observe.performance.realized import Realized, performance_signal
from selfheal.observe.report import no_data
from selfheal.observe.signals import Signal, SignalKind
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.quarantine import Quarantine, may_be_read, merged
from selfheal.verdict import Verdict
from selfheal.verify.feed import feed_of
from selfheal.verify.recovery import Recovery, judge_recovery

NEXT = {
    Verdict.PASS: "record",
    Verdict.INCONCLUSIVE: "wait",
    # What failed may have another cause than the one that was remedied: look again.
    Verdict.FAIL: "diagnose",
    Verdict.ERROR: "diagnose",
}


@dataclass(frozen=True, kw_only=True)
class VerifyEnvironment(Environment):
    """Settings of this function."""

    recovery_policy: str
    observe_policy: str


class Verifier:
    """Verifies recoveries of one endpoint."""

    def __init__(self, environment: VerifyEnvironment) -> None:
        self._policy = recovery_policy(environment.recovery_policy)
        self._performance = replace(
            observe_policy(environment.observe_policy).performance, min_labels=self._policy.min_labels
        )
        sagemaker = boto3.client("sagemaker")
        self._registry = Registry(sagemaker)
        self._endpoint = Endpoint(sagemaker, environment.endpoint)
        self._alarms = Alarms(boto3.client("cloudwatch"), environment.endpoint)
        self._table = ledger_table(environment)
        self._objects = Objects(boto3.client("s3"), environment.bucket)
        self._reports = ReportStore(self._objects, environment.endpoint)
        self._quarantined = QuarantinedHours(self._objects)
        self._store = TrafficStore(self._objects, environment.endpoint, environment.variant)

    def verify(self, step: Step) -> dict[str, Any]:
        incident = step.incident
        acted_at = incident.acted_at or incident.opened_at
        quarantine = self._quarantined.of(incident.id) if Remedy.QUARANTINE in incident.tried else None
        feed = feed_of(self._reports.newest_first(step.at), quarantine.broken) if quarantine else None
        recovery = Recovery(
            opened_by=incident.trigger.kind,
            acted_at=acted_at,
            asked_config=incident.deployment["config"] if incident.deployment else None,
            live_config=self._endpoint.state().config,
            firing={firing.kind: firing.since for firing in self._alarms.firing()},
            judged=feed or self._quality(step, incident),
        )
        finding = judge_recovery(recovery, self._policy, step.at)
        body = {"verdict": finding.verdict.value, "reasons": list(finding.reasons)}
        self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.VERIFIED, body=body)
        logger.info("verified", extra=body)
        if finding.verdict is Verdict.PASS:
            incident = incident.with_(verified_at=step.at, mitigated_at=incident.mitigated_at or step.at)
            if quarantine and feed and feed.sound_since:
                incident = self._release_hours(step, incident, quarantine, feed.sound_since)
        elif finding.verdict is not Verdict.INCONCLUSIVE:
            self._failed(step, incident, finding.reasons)
        # A feed is looked at by reports, which come once an hour.
        minutes = (
            self._policy.check_minutes
            if feed
            else min(self._policy.check_minutes, self._policy.clear_minutes)
        )
        return answer(NEXT[finding.verdict], incident, wait_seconds=minutes * 60)

    def _release_hours(
        self, step: Step, incident: Incident, quarantine: Quarantine, sound_since: datetime
    ) -> Incident:
        """End the quarantine with the first of the sound hours, unless a person ended it before.

        It says how something ended that was begun already, as settling does: mode and kill switch do not hold it.
        """
        if quarantine.interval.until is not None:
            return incident
        reason = f"the feed is healthy since {sound_since:%Y-%m-%d %H:%M} UTC"
        ended = quarantine.ending(sound_since, by="verify", reason=reason, at=step.at)
        self._table.append_fenced(
            at=step.at, incident=incident, kind=EntryKind.HOURS_RELEASED, body=ended.release_to_json()
        )
        self._quarantined.write(ended)
        return incident.noting(f"{reason}; hours {ended.interval} stay out of training")

    def _failed(self, step: Step, incident: Incident, reasons: tuple[str, ...]) -> None:
        """A remedy that did not heal has failed, even where its deployment succeeded."""
        body = {"remedy": incident.tried[-1].value, "succeeded": False, "reason": "; ".join(reasons)}
        self._table.append(at=step.at, incident=incident.id, kind=EntryKind.OUTCOME, body=body)

    def _quality(self, step: Step, incident: Incident) -> Signal:
        """Quality on the new champion's own answers; where the champion stayed, what observe found last."""
        if Remedy.RETRAIN in incident.tried and incident.candidate and incident.acted_at:
            return self._quality_of(incident.candidate, step, incident)
        report = self._reports.latest(step.at)
        signals = report.signals if report else no_data("observe has not found anything yet")
        return next(signal for signal in signals if signal.kind is SignalKind.PERFORMANCE)

    def _quality_of(self, package: str, step: Step, incident: Incident) -> Signal:
        assert incident.acted_at is not None
        since = incident.acted_at - timedelta(hours=1)
        _, key = split_uri(self._registry.package(package).baseline_uri)
        baseline = Baseline.from_json(self._objects.read_json(key))
        hours = self._store.hours(package, baseline.layout, since, step.at)
        outcomes, _ = self._store.outcomes(since, step.at, baseline.schema)
        quarantined = merged(each.interval for each in self._quarantined.all())
        own = (stored.hour for stored in hours if may_be_read(stored.hour.start, quarantined))
        predictions = Predictions.merge(hour.predictions for hour in own)
        joined = join(predictions, outcomes, step.at, self._performance.mature_hours)
        realized = Realized.of(baseline.task, joined)
        return performance_signal(baseline.task, realized, baseline.metrics, self._performance)


@functools.cache
def verifier() -> Verifier:
    return Verifier(read_environment(VerifyEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return verifier().verify(Step.of(event))
