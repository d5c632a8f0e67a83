"""Recalibrate the champion on its newest labels: the same model, the same order, and how sure to be of it anew."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3

from lambdas.runtime import ActingEnvironment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.baselines import baseline_of
from selfheal.aws.champion import ChampionPointer, package_of
from selfheal.aws.controls import ControlPanel
from selfheal.aws.errors import Missing
from selfheal.aws.model_archive import Uncalibrated
from selfheal.aws.objects import Objects
from selfheal.aws.policies import gate_policy, observe_policy
from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.aws.recalibrated_package import Origin, RecalibratedPackages, Registered
from selfheal.aws.registry import Registry
from selfheal.aws.traffic_store import TrafficStore
from selfheal.observe.judgement import realize
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.performance.realized import Realized, performance_signal
from selfheal.observe.signals import Status
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.quarantine import may_be_read, merged
from selfheal.remediate.recalibration import Recalibration, Refusal, recalibrate


@dataclass(frozen=True, kw_only=True)
class RecalibrateEnvironment(ActingEnvironment):
    """Settings of this function."""

    observe_policy: str
    gate_policy: str
    champion_parameter: str


class Recalibrating:
    """Recalibrates one workload's model."""

    def __init__(self, environment: RecalibrateEnvironment) -> None:
        self._s3, self._sagemaker, ssm = boto3.client("s3"), boto3.client("sagemaker"), boto3.client("ssm")
        self._objects = Objects(self._s3, environment.bucket)
        self._performance = observe_policy(environment.observe_policy).performance
        self._gate = gate_policy(environment.gate_policy)
        self._table = ledger_table(environment)
        self._registry = Registry(self._sagemaker)
        self._packages = RecalibratedPackages(self._s3, self._objects, self._registry)
        self._store = TrafficStore(self._objects, environment.endpoint, environment.variant)
        self._quarantined = QuarantinedHours(self._objects)
        self._pointer = ChampionPointer(ssm, environment.champion_parameter)
        self._controls = ControlPanel(ssm, environment.mode_parameter, environment.kill_switch_parameter)

    def recalibrate(self, step: Step) -> dict[str, Any]:
        """The next state: `approve` with a package that passed its gate, or `plan` with the reason why there is none.

        What is asked twice for one rung of an incident is one package.

        Raises:
            Missing: there is no champion, or it lacks its baseline or its archive.
            BaselineError: its baseline is not one of this version.
            Refused: the champion's archive is not what was registered, or must not be copied.
            Stopped: people do not want changes now.
            LeaseLost: the incident is not this workflow's any more.
        """
        request = step.incident.idempotency_key(Remedy.RECALIBRATE.value)
        registered = self._packages.registered(request)
        if registered is None:
            origin, realized = self._labelled(step)
            found = self._fit(origin, realized)
            if isinstance(found, Refusal):
                return self._refused(step, found)
            try:
                registered = self._register(step, request, origin, found)
            except Uncalibrated as reason:
                return self._refused(step, str(reason))
        incident = step.incident.noting(f"recalibrate: {registered.reason}")
        folder = self._packages.folder(request)
        return answer("approve", incident, package=registered.package, evaluation=folder)

    def _labelled(self, step: Step) -> tuple[Origin, Realized]:
        """The champion's answers whose labels have matured, in order of time, without those of quarantined hours."""
        model = self._pointer.model()
        if model is None:
            raise Missing("there is no champion whose answers could be calibrated: deploy the stacks first")
        champion = self._registry.package(package_of(self._sagemaker, model))
        baseline = baseline_of(self._objects, champion)
        policy, until = self._performance, step.at
        since = until - timedelta(hours=policy.window_hours + round(policy.mature_hours))
        quarantined = merged(each.interval for each in self._quarantined.all())
        stored = self._store.hours(champion.arn, baseline.layout, since, until)
        hours = [each.hour for each in stored if may_be_read(each.hour.start, quarantined)]
        outcomes, _ = self._store.outcomes(since, until, baseline.schema)
        matured = until - timedelta(hours=policy.mature_hours)
        first = hours[0].start if hours else since
        origin = Origin(champion=champion, baseline=baseline, labels=(first.isoformat(), matured.isoformat()))
        return origin, realize(baseline.task, hours, outcomes, policy, until)

    def _fit(self, origin: Origin, realized: Realized) -> Recalibration | Refusal:
        task = origin.baseline.task
        if task is not Task.BINARY:
            return f"the answers of a {task.value} model have no calibration: retrain instead"
        # Labels that are too few, or stopped, are no sample of what happened: observe's rule holds here, too.
        judged = performance_signal(task, realized, origin.baseline.metrics, self._performance)
        if judged.status is Status.NO_DATA:
            return judged.reason
        return recalibrate(realized.values, realized.labels, self._gate)

    def _register(self, step: Step, request: str, origin: Origin, found: Recalibration) -> Registered:
        since, until = origin.labels
        body = {
            "remedy": Remedy.RECALIBRATE.value,
            "champion": origin.champion.arn,
            "token": request,
            "map": found.map.to_json(),
            "labels": {"from": since, "to": until, "fitted": found.fitted, "judged": len(found.labels)},
        }
        with self._packages.archive(origin, found) as archive:
            self._controls.require_permission(step.at)
            self._table.append_fenced(at=step.at, incident=step.incident, kind=EntryKind.INTENT, body=body)
            self._packages.write(request, origin, found, archive)
            # The folder took a while to write, in which somebody may have thrown the switch.
            self._controls.require_permission(step.at)
            return self._packages.register(request, origin, found, archive)

    def _refused(self, step: Step, reason: str) -> dict[str, Any]:
        logger.warning("no recalibration", reason=reason)
        body = {"remedy": Remedy.RECALIBRATE.value, "succeeded": False, "reason": reason}
        self._table.append(at=step.at, incident=step.incident.id, kind=EntryKind.OUTCOME, body=body)
        return answer("plan", step.incident.noting(f"recalibrate: {reason}"))


@functools.cache
def recalibrating() -> Recalibrating:
    return Recalibrating(read_environment(RecalibrateEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return recalibrating().recalibrate(Step.of(event))
