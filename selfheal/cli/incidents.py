"""`selfheal incidents` and `selfheal explain`: what happened."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from selfheal.cli.access import AsJson, EndpointUrl, TableName, print_json, read_entries, refuse
from selfheal.record.episode import UnknownIncident, episodes, find
from selfheal.record.explanation import explain as explanation
from selfheal.record.ledger import EntryKind


def incidents(table: TableName, endpoint_url: EndpointUrl = None, as_json: AsJson = False) -> None:
    """List the incidents that ended, oldest first."""
    closed = [e.body for e in read_entries(table, endpoint_url) if e.kind is EntryKind.CLOSED]
    if as_json:
        print_json(closed)
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


def explain(
    incident: Annotated[str, typer.Argument(help="its id, or as much of its beginning as is unambiguous")],
    table: TableName,
    endpoint_url: EndpointUrl = None,
    as_json: AsJson = False,
) -> None:
    """Tell an incident: evidence, decisions, rails, actions and verification. Exit status 2 if there is none."""
    try:
        episode = find(episodes(read_entries(table, endpoint_url)), incident)
    except UnknownIncident as error:
        refuse(f"{error}. selfheal incidents lists those that ended")
    if as_json:
        print_json(episode.to_json())
    else:
        typer.echo(explanation(episode))
