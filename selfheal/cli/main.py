"""The `selfheal` command: for people at a terminal, and for scripts with `--json`."""

from __future__ import annotations

import typer

from selfheal.cli.approval import approve, reject
from selfheal.cli.breaker import breaker
from selfheal.cli.check import check
from selfheal.cli.incidents import explain, incidents
from selfheal.cli.ledger import ledger
from selfheal.cli.quarantine import quarantine
from selfheal.cli.report import report

app = typer.Typer(
    help="Look after a SageMaker endpoint that looks after itself.",
    no_args_is_help=True,
    add_completion=False,
)
for command in (check, incidents, explain, approve, reject, report):
    app.command()(command)
app.add_typer(ledger, name="ledger")
app.add_typer(breaker, name="breaker")
app.add_typer(quarantine, name="quarantine")


def main() -> None:
    app()
