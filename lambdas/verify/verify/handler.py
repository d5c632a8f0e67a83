"""Is the service whole again? Looks at what serves, at the alarms, and at quality since the remedy."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import boto3

from lambdas.runtime import Environment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.alarms import Alarms
from selfheal.aws.endpoint import Endpoint
from selfheal.aws.objects import Objects, split_uri
from selfheal.aws.policies import observe_policy, recovery_policy
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
from selfheal.verdict import Verdict
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
        self._store = TrafficStore(self._objects, environment.endpoint, environment.variant)

    def verify(self, step: Step) -> dict[str, Any]:
        incident = step.incident
        acted_at = incident.acted_at or incident.opened_at
        recovery = Recovery(
            opened_by=incident.trigger.kind,
            acted_at=acted_at,
            asked_config=incident.deployment["config"] if incident.deployment else None,
            live_config=self._endpoint.state().config,
            firing={firing.kind: firing.since for firing in self._alarms.firing()},
            performance=self._quality(step, incident),
        )
        finding = judge_recovery(recovery, self._policy, step.at)
        body = {"verdict": finding.verdict.value, "reasons": list(finding.reasons)}
        self._table.append(at=step.at, incident=incident.id, kind=EntryKind.VERIFIED, body=body)
        logger.info("verified", extra=body)
        if finding.verdict is Verdict.PASS:
            incident = incident.with_(verified_at=step.at)
        elif finding.verdict is not Verdict.INCONCLUSIVE:
            self._failed(step, incident, finding.reasons)
        wait = min(self._policy.check_minutes, self._policy.clear_minutes) * 60
        return answer(NEXT[finding.verdict], incident, wait_seconds=wait)

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
        predictions = Predictions.merge(stored.hour.predictions for stored in hours)
        joined = join(predictions, outcomes, step.at, self._performance.mature_hours)
        realized = Realized.of(baseline.task, joined)
        return performance_signal(baseline.task, realized, baseline.metrics, self._performance)


@functools.cache
def verifier() -> Verifier:
    return Verifier(read_environment(VerifyEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return verifier().verify(Step.of(event))
