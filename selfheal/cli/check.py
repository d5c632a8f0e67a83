"""`selfheal check`: is a settings file valid?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from selfheal.cli.access import AsJson, print_json
from selfheal.settings_file import SettingsError, load


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
            print_json({"file": str(settings), "problems": problems})
        else:
            sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None
    if as_json:
        print_json({"file": str(settings), "problems": [], "settings": found.model_dump(mode="json")})
    else:
        typer.echo(f"{settings}: valid, workload {found.name}, mode {found.mode.value}")
