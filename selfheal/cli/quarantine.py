"""`selfheal quarantine`: which hours no training may read, and how a person gives them back."""

from __future__ import annotations

import getpass
from datetime import datetime, timezone
from typing import Annotated

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from selfheal.aws.errors import AwsError
from selfheal.aws.objects import Objects
from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.cli.access import AsJson, EndpointUrl, TableName, ledger_table, print_json, refuse
from selfheal.record.ledger import EntryKind
from selfheal.remediate.quarantine import Quarantine, QuarantineError

BucketName = Annotated[
    str, typer.Option("--bucket", help="the data bucket: output DataBucket of the Data stack")
]

quarantine = typer.Typer(help="Hours of a broken feed, which no training may read.", no_args_is_help=True)


@quarantine.command("list")
def list_(bucket: BucketName, endpoint_url: EndpointUrl = None, as_json: AsJson = False) -> None:
    """List the hours that incidents keep out of training, those that are free again among them."""
    try:
        found = _hours(bucket, endpoint_url).all()
    except (BotoCoreError, ClientError, AwsError) as error:
        refuse(f"cannot read the quarantine of {bucket}: {error}")
    if as_json:
        print_json([each.to_json() for each in found])
        return
    view = Table("incident", "broken", "kept out", "ended by")
    for each in found:
        view.add_row(*_row(each))
    Console().print(view)


@quarantine.command()
def release(
    incident: Annotated[str, typer.Argument(help="the incident that quarantined them")],
    bucket: BucketName,
    table: TableName,
    reason: Annotated[str, typer.Option("--reason", help="why they may be learned from; it is written down")],
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="the first hour that is sound, as 2013-03-05T10:00+00:00; by default the one that is under way. "
            "What lies before it stays out; an hour before their beginning frees them all",
        ),
    ] = None,
    endpoint_url: EndpointUrl = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """End a quarantine: hours from a moment on may be learned from. Your name and reason go into the record."""
    now = datetime.now(timezone.utc)
    hours = _hours(bucket, endpoint_url)
    try:
        known = hours.of(incident)
        if known is None:
            refuse(f"incident {incident} quarantined no hours: selfheal quarantine list names those that did")
        ended = known.ending(_moment(since) if since else now, by=getpass.getuser(), reason=reason, at=now)
        if not yes:
            typer.confirm(
                f"Keep hours {ended.interval} out of training, and let it learn from the rest?", abort=True
            )
        entry = ledger_table(table, endpoint_url).append(
            at=now, incident=incident, kind=EntryKind.HOURS_RELEASED, body=ended.release_to_json()
        )
        hours.write(ended)
    except (BotoCoreError, ClientError, AwsError, QuarantineError) as error:
        refuse(f"cannot release the hours of {incident}: {error}")
    typer.echo(f"released; ledger entry {entry.seq}")


def _hours(bucket: str, endpoint_url: str | None) -> QuarantinedHours:
    return QuarantinedHours(Objects(boto3.client("s3", endpoint_url=endpoint_url), bucket))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise QuarantineError(
            f"--from {text!r}: expected a moment with its offset, as 2013-03-05T10:00+00:00"
        )
    return moment


def _row(each: Quarantine) -> tuple[str, str, str, str]:
    released = each.released
    by = f"{released.by}: {released.reason}" if released else "nobody"
    return each.incident, ", ".join(each.subjects), str(each.interval), by
