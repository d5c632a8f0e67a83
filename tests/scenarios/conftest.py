from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from drawn import Drawn, Rows
from protocol import Protocol
from scenario import OPENING

from demo.stage import DEPLOYMENT, Stage, set_up
from twin.account import Twin
from workloads.flights.data import SEED_END
from workloads.flights.replay import Replay

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "workloads" / "flights" / "selfheal.yaml"

OpenStage = Callable[..., Stage]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--protocol", type=Path, help="where the protocol of the scenarios goes, as JSON")


def pytest_sessionstart(session: pytest.Session) -> None:
    plugins = session.config.pluginmanager
    path = session.config.getoption("--protocol", default=None)
    # A worker of xdist keeps none: it hands its reports to the process that leads the run.
    if path is not None and not hasattr(session.config, "workerinput"):
        plugins.register(Protocol(path, plugins.get_plugin("terminalreporter")))


@pytest.fixture(scope="session")
def quick_assembly(synthesize: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As it ships, but for drift judged by days, since drawn traffic is as even as it is dense; for a holdout of a
    day, since a scenario has no weeks to learn from; and for a limit of age."""
    settings = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    settings["workload"]["seed"] = str(SHIPPED.parent / settings["workload"]["seed"])
    settings["observe"]["drift"]["min_rows"] = 2000
    settings["observe"]["champion_max_age_days"] = 12
    settings["training"]["holdout_days"] = 1
    path = tmp_path_factory.mktemp("settings") / "quick.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return synthesize(path)


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[Callable[[datetime], Twin]]:
    """Accounts of a test's own; they end with it."""
    with ExitStack() as open_twins:
        yield lambda start: open_twins.enter_context(Twin(state=tmp_path / "twin", start=start))


@pytest.fixture
def open_stage(synthesized: Path, twins: Callable[[datetime], Twin]) -> OpenStage:
    """An account of its own for each scenario: stacks deployed, flights asking from the opening on."""

    def opening(at: datetime = SEED_END, days: int = 12) -> Stage:
        return set_up(
            twins(at - DEPLOYMENT), synthesized, Replay(start=at, end=at + timedelta(days=days)), at
        )

    return opening


@pytest.fixture
def open_drawn(quick_assembly: Path, twins: Callable[[datetime], Twin]) -> Callable[[Rows], Stage]:
    """The same, with drawn flights."""
    return lambda rows: set_up(twins(OPENING - DEPLOYMENT), quick_assembly, Drawn(rows), OPENING)
