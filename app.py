"""Settings become stacks: `python app.py` writes cdk.out, with no AWS call and no CDK command line."""

import os
import sys
from pathlib import Path

from infra.account import declare, new_app
from selfheal.settings_file import SettingsError

DEFAULT_SETTINGS = Path(__file__).resolve().parent / "workloads" / "flights" / "selfheal.yaml"


def main() -> int:
    """Which settings: `-c settings=PATH` of the CDK's command line, SELFHEAL_SETTINGS, or the flights'."""
    app = new_app()
    path = app.node.try_get_context("settings") or os.environ.get("SELFHEAL_SETTINGS", DEFAULT_SETTINGS)
    try:
        declare(app, Path(path))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
