from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from machine.installation import installed
from machine.template import Deployed

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """What `cdk deploy` would deploy, synthesized once for a run, for the scenarios too, by whoever comes first."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    out = shared / "synthesized"
    environment = {**os.environ, "CDK_OUTDIR": str(out), "CDK_VALIDATION": "false"}
    with (shared / "synthesis.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (out / "manifest.json").exists():
            subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, check=True, timeout=120)
    return out


@pytest.fixture(scope="module")
def deployed(synthesized: Path) -> Iterator[Deployed]:
    """The workload's functions, workflows and rules, and the functions ready to be run."""
    found = Deployed(synthesized)
    with installed(found):
        yield found
