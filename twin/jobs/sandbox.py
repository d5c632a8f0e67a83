"""A job's own /opt/ml, in a directory that the twin may write.

SageMaker's contract is a set of fixed paths below /opt/ml. A process cannot own /opt/ml on every
machine, so the text `/opt/ml` is rewritten to the sandbox wherever a request carries it: entry points,
arguments and environment. A script must therefore learn its paths from those (or from SM_* variables),
as scripts that are also tested outside SageMaker do; a path written into the script is not rewritten.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from twin.interfaces import TwinError

_ROOT = PurePosixPath("/opt/ml")
# Not inside a longer path or word: /srv/opt/ml and /opt/mlx are someone else's.
_MENTION = re.compile(r"(?<![\w./-])/opt/ml(?![\w.-])")
_SHELLS = ("sh", "bash")


class Sandbox:
    """The directory that stands for one job's file system; `home` holds opt/ml and the log."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._opt_ml = home / "opt" / "ml"

    @property
    def log(self) -> Path:
        return self.home / "log.txt"

    def discard(self) -> None:
        """Forget an earlier job of this name, of an account that is no more."""
        shutil.rmtree(self.home, ignore_errors=True)

    def reset(self) -> None:
        """Empty /opt/ml, as a fresh instance has it; the log keeps growing over attempts."""
        shutil.rmtree(self._opt_ml, ignore_errors=True)
        self._opt_ml.mkdir(parents=True)

    def path(self, container_path: str) -> Path:
        """Where a path of the container lies on this machine; only paths below /opt/ml exist here."""
        path = PurePosixPath(container_path)
        if ".." in path.parts or not path.is_relative_to(_ROOT):
            raise TwinError(f"the twin's containers have no {container_path!r}: only paths below /opt/ml")
        return self._opt_ml.joinpath(*path.relative_to(_ROOT).parts)

    def directory(self, container_path: str) -> Path:
        path = self.path(container_path)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write_json(self, container_path: str, document: Any) -> None:
        path = self.path(container_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, default=str))

    def rewrite(self, text: str) -> str:
        return _MENTION.sub(lambda _: str(self._opt_ml), text)

    def rewrite_values(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {name: self.rewrite(value) for name, value in environment.items()}

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command to run; a path with white space cannot be put into a shell's text."""
        if PurePosixPath(argv[0]).name in _SHELLS and re.search(r"\s", str(self._opt_ml)):
            raise TwinError(
                f"a shell entry point needs a state directory without white space, not {self.home}"
            )
        return [self.rewrite(argument) for argument in argv]
