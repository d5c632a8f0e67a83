"""Quarantine the hours of a broken feed: no training may read them, and its owner is told."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.runtime import ActingEnvironment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.controls import ControlPanel
from selfheal.aws.errors import Missing
from selfheal.aws.notices import Notices
from selfheal.aws.objects import Objects
from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.aws.report_store import ReportStore
from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind
from selfheal.record.notice import quarantined_notice
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.quarantine import LOOK_BACK, Interval, Quarantine, broken_signals, broken_since


@dataclass(frozen=True, kw_only=True)
class QuarantineEnvironment(ActingEnvironment):
    """Settings of this function."""

    topic: str


class Quarantining:
    """Quarantines hours of one endpoint's traffic."""

    def __init__(self, environment: QuarantineEnvironment) -> None:
        objects = Objects(boto3.client("s3"), environment.bucket)
        self._table = ledger_table(environment)
        self._hours = QuarantinedHours(objects)
        self._reports = ReportStore(objects, environment.endpoint)
        self._notices = Notices(boto3.client("sns"), environment.topic)
        self._controls = ControlPanel(
            boto3.client("ssm"), environment.mode_parameter, environment.kill_switch_parameter
        )

    def quarantine(self, step: Step) -> dict[str, Any]:
        """Hours that the incident quarantined already stay as they are: asked twice is done once.

        Raises:
            Missing: no report says what is broken.
            Stopped: people do not want changes now.
            LeaseLost: the incident is not this workflow's any more.
        """
        incident = step.incident
        known = self._hours.of(incident.id)
        found = known or self._find(step, incident)
        if known is None:
            self._controls.require_permission(step.at)
        body = {
            "remedy": Remedy.QUARANTINE.value,
            "since": found.interval.since.isoformat(),
            "broken": list(found.subjects),
            "object": self._hours.uri(incident.id),
            "changed": known is None,
        }
        self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.INTENT, body=body)
        if known is None:
            self._hours.write(found)
        # Told twice is better than never, where the first try ended before it came to this.
        self._tell(incident, found)
        return self._done(step, incident, found)

    def _find(self, step: Step, incident: Incident) -> Quarantine:
        reports = self._reports.newest_first(step.at, LOOK_BACK)
        newest = next((report for report in reports if broken_signals(report)), None)
        if newest is None:
            raise Missing(
                f"no report on {incident.endpoint} says what is broken, so no hours can be quarantined: "
                "see docs/runbooks/upstream-data.md"
            )
        trigger = incident.trigger
        onset = trigger.onset if trigger.kind is SignalKind.DATA_QUALITY else None
        return Quarantine(
            incident=incident.id,
            interval=Interval(since=broken_since(newest, reports, onset)),
            broken=broken_signals(newest),
            at=step.at,
        )

    def _tell(self, incident: Incident, found: Quarantine) -> None:
        notice = quarantined_notice(incident, found)
        logger.info(notice.subject)
        self._notices.tell(notice)

    def _done(self, step: Step, incident: Incident, found: Quarantine) -> dict[str, Any]:
        reason = f"hours {found.interval} are kept out of training: {', '.join(found.subjects)}"
        body = {"remedy": Remedy.QUARANTINE.value, "succeeded": True, "reason": reason}
        self._table.append(at=step.at, incident=incident.id, kind=EntryKind.OUTCOME, body=body)
        return answer("verify", incident.noting(reason).with_(acted_at=step.at))


@functools.cache
def quarantining() -> Quarantining:
    return Quarantining(read_environment(QuarantineEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return quarantining().quarantine(Step.of(event))
