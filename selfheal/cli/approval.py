"""`selfheal approve` and `selfheal reject`: a person's word on a remedy that waits for it.

They speak of remedies of incidents. Model packages are approved and rejected in the registry.
"""

from __future__ import annotations

import getpass
from datetime import datetime, timezone
from typing import Annotated

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from selfheal.aws.approvals import Approvals, UnknownQuestion
from selfheal.cli.access import EndpointUrl, TableName, refuse
from selfheal.remediate.approval import Answer, Question

IncidentName = Annotated[
    str, typer.Argument(help="the incident, or as much of its id's beginning as is unambiguous")
]
Reason = Annotated[str | None, typer.Option("--reason", help="why; it goes into the ledger")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]


def approve(
    incident: IncidentName,
    table: TableName,
    reason: Reason = None,
    endpoint_url: EndpointUrl = None,
    yes: Yes = False,
) -> None:
    """Let healing take the remedy that an incident asks for. The kill switch and the mode still stop it."""
    _say(incident, table, reason, endpoint_url, yes, approved=True)


def reject(
    incident: IncidentName,
    table: TableName,
    reason: Reason = None,
    endpoint_url: EndpointUrl = None,
    yes: Yes = False,
) -> None:
    """Have healing pass the remedy over that an incident asks for, and plan the next rung."""
    _say(incident, table, reason, endpoint_url, yes, approved=False)


def _say(
    incident: str, table: str, reason: str | None, endpoint_url: str | None, yes: bool, *, approved: bool
) -> None:
    now = datetime.now(timezone.utc)
    answer = Answer(approved=approved, by=getpass.getuser(), at=now, reason=reason)
    approvals = Approvals(
        boto3.client("dynamodb", endpoint_url=endpoint_url),
        table,
        boto3.client("stepfunctions", endpoint_url=endpoint_url),
    )
    try:
        question = approvals.find(incident)
        _require_open(question, now)
        if not yes:
            verb = "Approve" if approved else "Reject"
            typer.confirm(f"{verb} {question.remedy.value} of incident {question.incident}?", abort=True)
        if not approvals.answer(question, answer):
            refuse(
                f"{question.incident} was answered by somebody else meanwhile, or asks something else by now"
            )
    except (BotoCoreError, ClientError, UnknownQuestion) as error:
        refuse(f"cannot answer {incident}: {error}")
    _wake(approvals, approvals.find(question.incident))


def _require_open(question: Question, now: datetime) -> None:
    said = question.answer
    if said is not None:
        word = "approved" if said.approved else "rejected"
        refuse(f"{question.remedy.value} of {question.incident} was {word} by {said.by} already")
    if now >= question.expires_at:
        refuse(f"{question.incident} asked until {question.expires_at.isoformat()}: it goes to people now")


def _wake(approvals: Approvals, question: Question) -> None:
    said = "approved" if question.answer and question.answer.approved else "rejected"
    name = f"{question.remedy.value} of {question.incident}"
    try:
        waits = approvals.wake(question)
    except (BotoCoreError, ClientError) as error:
        typer.echo(
            f"{said}: {name}. The next sweep goes on with it, since the workflow cannot be told now: {error}"
        )
        return
    typer.echo(
        f"{said}: {name}" if waits else f"no workflow waits for {name} any more: nothing follows from it"
    )
