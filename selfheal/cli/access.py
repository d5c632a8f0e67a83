"""What the commands share: how they are told which ledger, how they read it, and how they answer scripts."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, NoReturn

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from selfheal.aws.ledger_table import LedgerTable
from selfheal.record.ledger import Entry

TableName = Annotated[
    str, typer.Option("--table", help="the ledger table: output LedgerTable of the Data stack")
]
EndpointUrl = Annotated[
    str | None, typer.Option("--endpoint-url", help="another address than AWS's, such as a twin's")
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def ledger_table(table: str, endpoint_url: str | None) -> LedgerTable:
    return LedgerTable(boto3.client("dynamodb", endpoint_url=endpoint_url), table)


def read_entries(table: str, endpoint_url: str | None) -> list[Entry]:
    """The whole chain; ends the command with status 2 where it cannot be read."""
    try:
        return list(ledger_table(table, endpoint_url).entries())
    except (BotoCoreError, ClientError) as error:
        refuse(f"cannot read the ledger {table}: {error}")


def refuse(reason: str) -> NoReturn:
    """End the command with status 2: it could not do what it was asked to do."""
    sys.stderr.write(f"{reason}\n")
    raise typer.Exit(2) from None


def print_json(body: Any) -> None:
    sys.stdout.write(json.dumps(body, indent=1, default=str) + "\n")
