from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from demo.stage import DEPLOYMENT, Stage, set_up
from twin.account import Twin
from workloads.flights.data import SEED_END
from workloads.flights.replay import Replay

OpenStage = Callable[..., Stage]


@pytest.fixture
def open_stage(synthesized: Path, tmp_path: Path) -> Iterator[OpenStage]:
    """An account of its own for each scenario: stacks deployed, flights asking from the opening on."""
    twins: list[Twin] = []

    def opening(at: datetime = SEED_END, days: int = 12) -> Stage:
        twin = Twin(state=tmp_path / "twin", start=at - DEPLOYMENT)
        twin.__enter__()
        twins.append(twin)
        return set_up(twin, synthesized, Replay(start=at, end=at + timedelta(days=days)), at)

    yield opening
    for twin in twins:
        twin.__exit__(None, None, None)
