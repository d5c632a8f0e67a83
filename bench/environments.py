"""Environments of the peers: one a group that cannot live with the others, from a hashed lock.

An environment is made once for each lock; a second call finds it ready. The project's own environment is
neither read nor changed, but for the `uv` that it carries.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from bench.report import OUTPUT, say

PEERS = Path(__file__).parent / "peers"


class PeerUnavailableError(Exception):
    """A peer that cannot be measured here; the message is the reason that its row gives."""


def python_of(group: str) -> Path:
    """The Python of a group's environment, which is made where it is missing or its lock has changed.

    Raises:
        PeerUnavailableError: the lock does not install here.
    """
    lock = PEERS / f"{group}.lock"
    folder = (OUTPUT / "venvs" / group).absolute()
    ready = folder / f".ready-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    python = folder / "bin" / "python"
    if not ready.exists():
        say(f"setting up {OUTPUT / 'venvs' / group}, once")
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _run(group, "venv", "--quiet", "--python", sys.executable, str(folder))
        _run(group, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(lock))
        ready.touch()
    return python


def _run(group: str, *arguments: str) -> None:
    uv = Path(sys.executable).parent / "uv"
    if not uv.exists():
        raise PeerUnavailableError(f"{group}: {uv} is missing; run the benchmark through make")
    done = subprocess.run([str(uv), *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        reason = " ".join(done.stderr.split())
        raise PeerUnavailableError(f"{group} does not install here: {reason[:300]}")
