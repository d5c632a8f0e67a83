"""Reading a snapshot: everything that the rules look at, from where it really is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.runtime import Environment, Step, ledger_table, logger
from selfheal.aws.alarms import Alarms
from selfheal.aws.capture_gap import CaptureGap
from selfheal.aws.champion import package_of
from selfheal.aws.endpoint import Endpoint
from selfheal.aws.errors import AwsError, Missing
from selfheal.aws.importance import importance_of
from selfheal.aws.objects import Objects
from selfheal.aws.registry import Registry
from selfheal.aws.report_store import ReportStore
from selfheal.diagnose.ranking import Ranking
from selfheal.diagnose.snapshot import Release, Snapshot
from selfheal.observe.report import Report
from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Incident
from selfheal.record.training_history import retrainings

T = TypeVar("T")


class Readings:
    """Reads the state of one endpoint.

    Alarms, reports, ledger and what serves must be there, or the step fails and is tried again. The rest may be
    missing or refused; it is not known then.
    """

    def __init__(self, environment: Environment) -> None:
        cloudwatch = boto3.client("cloudwatch")
        self._table = ledger_table(environment)
        self._sagemaker = boto3.client("sagemaker")
        self._endpoint = Endpoint(self._sagemaker, environment.endpoint)
        self._registry = Registry(self._sagemaker)
        self._alarms = Alarms(cloudwatch, environment.endpoint)
        self._objects = Objects(boto3.client("s3"), environment.bucket)
        self._reports = ReportStore(self._objects, environment.endpoint)
        self._gap = CaptureGap(cloudwatch, self._objects, environment.endpoint, environment.variant)

    def snapshot(self, step: Step) -> tuple[Snapshot, str | None]:
        """The snapshot, and the package that serves: None where the model names none."""
        at, incident = step.at, step.incident
        config = self._endpoint.config(self._endpoint.state().config)
        model = str(config["ProductionVariants"][0]["ModelName"])
        package = self._package_of(model)
        report = self._reports.latest(at)
        return Snapshot(
            at=at,
            incident=incident.id,
            opened_by=incident.trigger.kind,
            firing={firing.kind: firing.since for firing in self._alarms.firing()},
            elsewhere=known("alarms of other endpoints", self._alarms.firing_elsewhere),
            live_config=config["EndpointConfigName"],
            capture=known("what was captured", lambda: self._gap.look(config, at)),
            observed_at=report.at if report else None,
            observe_failure=_failure(report) if report else None,
            signals=report.signals if report else (),
            # Of the very labels that the report's signals are of: before them it says nothing of what suffers now.
            ranking=Ranking.of(report.performance) if report else None,
            importance=known("importances", lambda: self._importance(package)) if package else None,
            release=self._release(incident),
            retrainings=retrainings(self._table.entries(), incident.id),
        ), package

    def _package_of(self, model: str) -> str | None:
        """The package that a model was made of, or None where it was made by hand and names none."""
        try:
            return package_of(self._sagemaker, model)
        except Missing as error:
            logger.warning(str(error))
            return None

    def _release(self, incident: Incident) -> Release | None:
        if incident.trigger.kind is SignalKind.RELEASE:
            return self._table.release(incident.trigger.subject)
        return self._table.last_release()

    def _importance(self, package: str) -> Mapping[str, float]:
        return importance_of(self._objects, self._registry.package(package))


def _failure(report: Report) -> str | None:
    """Why a report could judge nothing: without a champion there is nothing to hold traffic against."""
    if report.champion is not None:
        return None
    return next((signal.reason for signal in report.signals), "there is no champion")


def known(what: str, read: Callable[[], T]) -> T | None:
    """What is read; None, and a line in the log, where it is missing or refused."""
    try:
        return read()
    except (AwsError, ClientError, BotoCoreError) as error:
        logger.warning("not known", reading=what, reason=str(error))
        return None
