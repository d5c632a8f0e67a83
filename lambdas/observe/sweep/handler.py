"""The sweep: events may be lost, states cannot.

Woken by events and by a schedule alike, it looks at how things are: workflows that wait for something that
has come to rest go on, and an alarm that fires without anyone having taken it up starts an incident.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.runtime import Environment, ledger_table, logger, read_environment, time_of
from selfheal.aws.alarms import Alarms
from selfheal.aws.approvals import Approvals
from selfheal.aws.changes import alarm_event, trigger_of
from selfheal.aws.errors import AwsError, code
from selfheal.aws.ledger_table import Wait
from selfheal.aws.notices import Notices
from selfheal.aws.targets import Targets
from selfheal.record.episode import Episode, episodes, find
from selfheal.record.notice import abandoned_notice
from selfheal.remediate.approval import Question
from selfheal.remediate.release import content_hash


@dataclass(frozen=True, kw_only=True)
class SweepEnvironment(Environment):
    """Settings of this function."""

    incident_machine: str
    topic: str


class Sweep:
    """Looks at one workload."""

    def __init__(self, environment: SweepEnvironment) -> None:
        self._endpoint_name = environment.endpoint
        self._machine = environment.incident_machine
        self._table = ledger_table(environment)
        self._alarms = Alarms(boto3.client("cloudwatch"), environment.endpoint)
        self._notices = Notices(boto3.client("sns"), environment.topic)
        self._workflows = boto3.client("stepfunctions")
        self._approvals = Approvals(boto3.client("dynamodb"), environment.table, self._workflows)
        self._targets = Targets(boto3.client("sagemaker"), self._workflows, environment.endpoint)

    def sweep(self, at: datetime) -> dict[str, int]:
        """Counts of workflows resumed and of incidents started.

        One wait that cannot be looked at must not hide the alarms: its error is raised at the end.
        """
        errors: list[Exception] = []
        resumed = sum(self._resume(wait, errors) for wait in self._table.waits())
        resumed += sum(self._hand_on(question, at, errors) for question in self._approvals.questions())
        self._reclaim_lease(at)
        started = sum(self._start(event, at) for event in map(alarm_event, self._alarms.firing()))
        if errors:
            raise errors[0]
        return {"resumed": resumed, "started": started}

    def _reclaim_lease(self, at: datetime) -> None:
        """An incident whose workflow ended without closing it would keep every later one from opening.

        The lease goes last: a sweep that dies on the way is made up for by the next.
        """
        lease = self._table.lease()
        if lease is None or not lease.is_expired(at):
            return
        status = self._workflows.describe_execution(executionArn=lease.execution)["status"]
        if status == "RUNNING":
            return
        self._table.detach_all(lease.incident)
        self._table.forget_execution(lease.execution)
        # Told first: a sweep that dies or is refused by SNS in between leaves the lease to the next one, which tells it
        # again. The other order would lose the only word of an incident that nobody heals any more. What that costs: it
        # is told twice then, or by two sweeps at once, or of a workflow that was redriven in this very moment.
        self._notices.tell(abandoned_notice(self._endpoint_name, self._episode(lease.incident), status))
        if self._table.abandon(lease, at=at, body={"execution": lease.execution, "status": status}):
            logger.error("an incident was abandoned by its workflow", incident=lease.incident, status=status)

    def _episode(self, incident: str) -> Episode:
        return find(episodes(self._table.entries()), incident)

    def _resume(self, wait: Wait, errors: list[Exception]) -> bool:
        try:
            resumed = self._targets.resume(wait)
        except (AwsError, ClientError) as error:
            logger.exception("a wait cannot be looked at", target=wait.target)
            errors.append(error)
            return False
        if resumed:
            self._table.unpark(wait)
        return resumed

    def _hand_on(self, question: Question, at: datetime, errors: list[Exception]) -> bool:
        """Wake the workflow whose question has an answer. What expired is forgotten: the workflow has a timeout."""
        if question.answer is None:
            if at >= question.expires_at:
                self._approvals.forget(question)
            return False
        try:
            waited = self._approvals.wake(question)
        except ClientError as error:
            logger.exception("an answer cannot be handed on", incident=question.incident)
            errors.append(error)
            return False
        self._approvals.forget(question)
        return waited

    def _start(self, event: dict[str, Any], at: datetime) -> bool:
        trigger = trigger_of(event, self._endpoint_name)
        if trigger is None or self._table.knows(trigger.key):
            return False
        # The name makes a sweep that runs twice start one execution.
        name = f"sweep-{content_hash([trigger.key, f'{at:%Y-%m-%dT%H:%M}'])}"
        try:
            self._workflows.start_execution(stateMachineArn=self._machine, name=name, input=json.dumps(event))
        except ClientError as error:
            if code(error) != "ExecutionAlreadyExists":
                raise
            return False
        return True


@functools.cache
def sweeper() -> Sweep:
    return Sweep(read_environment(SweepEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Entry point: any EventBridge event; it only says that something moved."""
    return sweeper().sweep(time_of(event))
