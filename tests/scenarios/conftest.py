from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from demo.stage import DEPLOYMENT, Stage, set_up
from twin.account import Twin
from workloads.flights.data import SEED_END
from workloads.flights.replay import Replay

ROOT = Path(__file__).resolve().parents[2]

OpenStage = Callable[..., Stage]


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """What `cdk deploy` would deploy, synthesized once for this run, by the worker that comes first."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    out = shared / "synthesized"
    environment = {**os.environ, "CDK_OUTDIR": str(out), "CDK_VALIDATION": "false"}
    with (shared / "synthesis.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (out / "manifest.json").exists():
            subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, check=True, timeout=120)
    return out


@pytest.fixture
def open_stage(assembly: Path, tmp_path: Path) -> Iterator[OpenStage]:
    """An account of its own for each scenario: stacks deployed, flights asking from the opening on."""
    twins: list[Twin] = []

    def opening(at: datetime = SEED_END, days: int = 12) -> Stage:
        twin = Twin(state=tmp_path / "twin", start=at - DEPLOYMENT)
        twin.__enter__()
        twins.append(twin)
        return set_up(twin, assembly, Replay(start=at, end=at + timedelta(days=days)), at)

    yield opening
    for twin in twins:
        twin.__exit__(None, None, None)
