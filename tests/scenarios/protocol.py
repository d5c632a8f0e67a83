"""What a run of the scenarios leaves: a line for each as it ends, and `build/scenarios.json` (`make scenarios`)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "scenario"
OUTCOMES = {"passed": "passed", "failed": "FAILED", "skipped": "known "}


@dataclass
class Told:
    """What is told of one scenario; its test fills in what happened.

    Attributes:
        cause, remedies, outcome: of the last incident that was closed; None and empty where there was none.
        expected_cause: None where nothing may be done.
    """

    scenario: str
    expected_cause: str | None
    cause: str | None = None
    remedies: list[str] = field(default_factory=list)
    outcome: str | None = None


class Protocol:
    """Collects on the process that leads the run; workers hand over what they know with their reports."""

    def __init__(self, path: Path, terminal: Any) -> None:
        self._path = path
        self._say = terminal.write_line
        self._rows: list[dict[str, Any]] = []

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._say(f"      …  {nodeid.partition('::')[2]}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No dots between the lines."""
        return (report.outcome if report.when == "call" else "", "", "") if report.passed else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        row = dict(report.user_properties).get(PROPERTY)
        if row is None or report.when != "call":
            return
        # A known fault of the product's is skipped: it did not pass, and does not fail the run.
        self._rows.append({**row, "passed": report.passed})
        self._say(
            f"{report.duration:5.0f} s  {OUTCOMES[report.outcome]}  {row['scenario']}: "
            f"{row['cause'] or 'nothing'} → {', '.join(row['remedies']) or 'nothing'} → {row['outcome'] or 'calm'}"
        )

    def pytest_sessionfinish(self) -> None:
        if self._rows:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            rows = sorted(self._rows, key=lambda row: row["scenario"])
            self._path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
            self._say(f"wrote {self._path}")


def attach(node: pytest.Item, told: Told) -> None:
    """Let the report of a test carry what is told of it: as it stands then, whether or not the test went on."""
    node.user_properties.append((PROPERTY, asdict(told)))
