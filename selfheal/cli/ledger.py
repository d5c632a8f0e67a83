"""`selfheal ledger`: is the record whole, and do its decisions follow from it?"""

from __future__ import annotations

import typer

from selfheal.cli.access import AsJson, EndpointUrl, TableName, print_json, read_entries
from selfheal.record.json_form import json_form
from selfheal.record.ledger import broken_at
from selfheal.record.replay import replay as replay_decisions
from selfheal.verdict import Verdict

ledger = typer.Typer(help="The append-only record of every incident.", no_args_is_help=True)


@ledger.command()
def verify(table: TableName, endpoint_url: EndpointUrl = None, as_json: AsJson = False) -> None:
    """Check the chain: an entry altered, missing or out of order is found; exit status 1 if there is one."""
    entries = read_entries(table, endpoint_url)
    broken = broken_at(entries)
    if as_json:
        print_json({"entries": len(entries), "whole": broken is None, "reason": broken})
    else:
        typer.echo(f"{len(entries)} entries, the chain is whole" if broken is None else broken)
    raise typer.Exit(0 if broken is None else 1)


@ledger.command()
def replay(table: TableName, endpoint_url: EndpointUrl = None, as_json: AsJson = False) -> None:
    """Decide every plan again from the ledger alone; exit status 1 unless all come out as they are written."""
    replayed = replay_decisions(read_entries(table, endpoint_url))
    doubtful = [decision for decision in replayed if decision.verdict is not Verdict.PASS]
    if as_json:
        print_json(json_form(replayed))
    else:
        for decision in doubtful:
            typer.echo(f"entry {decision.seq}, incident {decision.incident}: {decision.reason}")
        typer.echo(f"{len(replayed) - len(doubtful)} of {len(replayed)} decisions follow from the ledger")
    raise typer.Exit(1 if doubtful else 0)
