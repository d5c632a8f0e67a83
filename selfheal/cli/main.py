"""The `selfheal` command: for people at a terminal, and for scripts with `--json`."""

from __future__ import annotations

import getpass
import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from selfheal.aws.ledger_table import LedgerTable
from selfheal.record.ledger import Entry, EntryKind, broken_at
from selfheal.settings_file import SettingsError, load

app = typer.Typer(
    help="Look after a SageMaker endpoint that looks after itself.",
    no_args_is_help=True,
    add_completion=False,
)
ledger = typer.Typer(help="The append-only record of every incident.", no_args_is_help=True)
app.add_typer(ledger, name="ledger")
breaker = typer.Typer(help="The rail that stops remedies after failures in a row.", no_args_is_help=True)
app.add_typer(breaker, name="breaker")

TableName = Annotated[
    str, typer.Option("--table", help="the ledger table: output LedgerTable of the Data stack")
]
EndpointUrl = Annotated[
    str | None, typer.Option("--endpoint-url", help="another address than AWS's, such as a twin's")
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command()
def check(
    settings: Annotated[Path, typer.Argument(help="a workload's settings file")],
    as_json: AsJson = False,
) -> None:
    """Validate a settings file: every error at once, exit status 2 if there is one."""
    try:
        found = load(settings)
    except SettingsError as error:
        if as_json:
            problems = [{"path": p.field, "value": p.value, "expected": p.expected} for p in error.problems]
            _print_json({"file": str(settings), "problems": problems})
        else:
            sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None
    if as_json:
        _print_json({"file": str(settings), "problems": [], "settings": found.model_dump(mode="json")})
    else:
        typer.echo(f"{settings}: valid, workload {found.name}, mode {found.mode.value}")


@app.command()
def incidents(table: TableName, endpoint_url: EndpointUrl = None, as_json: AsJson = False) -> None:
    """List the incidents that ended, oldest first."""
    closed = [e.body for e in _entries(table, endpoint_url) if e.kind is EntryKind.CLOSED]
    if as_json:
        _print_json(closed)
        return
    view = Table("incident", "cause", "remedies", "outcome", "mitigated", "verified")
    for body in closed:
        view.add_row(
            body["id"],
            body["cause"] or "not diagnosed",
            ", ".join(body["tried"]),
            body["outcome"],
            body["mitigated_at"] or "never",
            body["verified_at"] or "never",
        )
    Console().print(view)


@ledger.command()
def verify(table: TableName, endpoint_url: EndpointUrl = None, as_json: AsJson = False) -> None:
    """Check the chain: an entry altered, missing or out of order is found; exit status 1 if there is one."""
    entries = _entries(table, endpoint_url)
    broken = broken_at(entries)
    if as_json:
        _print_json({"entries": len(entries), "whole": broken is None, "reason": broken})
    else:
        typer.echo(f"{len(entries)} entries, the chain is whole" if broken is None else broken)
    raise typer.Exit(0 if broken is None else 1)


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
        entry = LedgerTable(boto3.client("dynamodb", endpoint_url=endpoint_url), table).append(
            at=datetime.now(timezone.utc), incident="breaker", kind=EntryKind.BREAKER_CLOSED, body=body
        )
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"cannot write the ledger {table}: {error}\n")
        raise typer.Exit(2) from None
    typer.echo(f"closed; ledger entry {entry.seq}")


def _entries(table: str, endpoint_url: str | None) -> list[Entry]:
    try:
        return list(LedgerTable(boto3.client("dynamodb", endpoint_url=endpoint_url), table).entries())
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"cannot read the ledger {table}: {error}\n")
        raise typer.Exit(2) from None


def _print_json(body: Any) -> None:
    sys.stdout.write(json.dumps(body, indent=1, default=str) + "\n")


def main() -> None:
    app()
