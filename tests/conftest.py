"""What every test shares: how hard Hypothesis looks, how OpenMP waits, which worker runs what, and one synthesis."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "workloads" / "flights" / "selfheal.yaml"

# No deadline: the machines that run this are shared, and a slow example is not a wrong one.
settings.register_profile(
    "selfheal", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("selfheal")

# Before anything that uses OpenMP is imported. Workers share the cores: a thread that spins while it waits for
# another takes the time that the other one needs.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class Together(LoadScopeScheduling):
    """Tests that share something costly run on one worker, so that it is made once.

    A file shares its fixtures, and the whole of `tests/infra` a synthesis and a Node process; scenarios, each in
    an account of its own, share nothing. xdist's own groups do not work with pytest 9.2: they rename node ids,
    which cannot be renamed any more.
    """

    def _split_scope(self, nodeid: str) -> str:
        folder, _, file = nodeid.partition("::")[0].rpartition("/")
        if folder == "tests/infra":
            return folder
        return nodeid if folder == "tests/scenarios" else f"{folder}/{file}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    # In order of collection: the long scenarios, each a group of one, must not come last.
    config.option.loadscopereorder = False
    return Together(config, log)


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[Path], Path]:
    """What `cdk deploy` would deploy, by settings, synthesized once for this run by the worker that comes first."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent

    def by(settings: Path) -> Path:
        out = shared / f"synthesized-{settings.stem}"
        environment = {
            **os.environ,
            "CDK_OUTDIR": str(out),
            "CDK_VALIDATION": "false",
            "SELFHEAL_SETTINGS": str(settings),
        }
        with (shared / "synthesis.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (out / "manifest.json").exists():
                subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, check=True, timeout=120)
        return out

    return by


@pytest.fixture(scope="session")
def synthesized(synthesize: Callable[[Path], Path]) -> Path:
    """As it ships."""
    return synthesize(SHIPPED)
