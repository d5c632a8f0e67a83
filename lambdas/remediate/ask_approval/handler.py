"""Ask people whether a remedy may be taken, and let the workflow wait for their word."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3

from lambdas.runtime import Environment, Step, UnknownEvent, ledger_table, logger, read_environment
from selfheal.aws.approvals import Approvals
from selfheal.aws.notices import Notices
from selfheal.aws.policies import rails
from selfheal.record.ledger import EntryKind
from selfheal.record.notice import approval_notice
from selfheal.remediate.approval import Question


@dataclass(frozen=True, kw_only=True)
class AskEnvironment(Environment):
    """Settings of this function."""

    rails: str
    topic: str


class Asking:
    """Asks for one endpoint's remedies."""

    def __init__(self, environment: AskEnvironment) -> None:
        self._table_name = environment.table
        self._expires = timedelta(hours=rails(environment.rails).approval.expires_hours)
        self._table = ledger_table(environment)
        self._notices = Notices(boto3.client("sns"), environment.topic)
        workflows = boto3.client("stepfunctions")
        self._approvals = Approvals(boto3.client("dynamodb"), environment.table, workflows)

    def ask(self, step: Step) -> dict[str, Any]:
        """Ask for the remedy that was planned last. A try that is repeated asks, and tells people, once more.

        Raises:
            LeaseLost: the incident is not this workflow's any more.
        """
        if step.token is None:
            raise UnknownEvent("a workflow that waits must send its task token")
        incident = step.incident
        question = Question(
            incident=incident.id,
            remedy=incident.tried[-1],
            key=f"{incident.fencing_token}-{len(incident.tried)}",
            token=step.token,
            asked_at=step.at,
            expires_at=step.at + self._expires,
        )
        body = {"remedy": question.remedy.value, "until": question.expires_at.isoformat()}
        self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.ASKED, body=body)
        question = self._approvals.ask(question)
        if question.answer is not None:
            self._approvals.wake(question)
        else:
            self._notices.tell(approval_notice(incident, question, self._table_name))
        logger.info("asked", extra=body)
        return {"asked": question.remedy.value}


@functools.cache
def asking() -> Asking:
    return Asking(read_environment(AskEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task with a token of the incident workflow."""
    return asking().ask(Step.of(event))
