"""`selfheal breaker`: the rail that only a person can take away again."""

from __future__ import annotations

import getpass
from datetime import datetime, timezone
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from selfheal.cli.access import EndpointUrl, TableName, ledger_table, refuse
from selfheal.record.ledger import EntryKind

breaker = typer.Typer(help="The rail that stops remedies after failures in a row.", no_args_is_help=True)


@breaker.command()
def close(
    table: TableName,
    reason: Annotated[
        str, typer.Option("--reason", help="what was found and mended; it goes into the ledger")
    ],
    endpoint_url: EndpointUrl = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Close the breaker: remedies may be taken again. Written into the ledger with your name and reason."""
    if not yes:
        typer.confirm(f"Let healing act again on what {table} records?", abort=True)
    body = {"by": getpass.getuser(), "reason": reason}
    try:
        entry = ledger_table(table, endpoint_url).append(
            at=datetime.now(timezone.utc), incident="breaker", kind=EntryKind.BREAKER_CLOSED, body=body
        )
    except (BotoCoreError, ClientError) as error:
        refuse(f"cannot write the ledger {table}: {error}")
    typer.echo(f"closed; ledger entry {entry.seq}")
