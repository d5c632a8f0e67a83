"""What a benchmark found: rows, a table for people, a JSON file for checks."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy

OUTPUT = Path("build/bench")


@dataclass(frozen=True)
class Reach:
    """What a measure should reach: a relation (`<=`, `>=`) and its limit.

    >>> Reach("<=", 2).met(1.5), Reach(">=", 5).met(math.inf), Reach("<=", 2).met(math.nan)
    (True, True, False)
    """

    relation: str
    limit: float

    def met(self, value: float) -> bool:
        """NaN meets nothing."""
        return value <= self.limit if self.relation == "<=" else value >= self.limit

    def __str__(self) -> str:
        return f"{self.relation} {self.limit:g}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure of ours, and the same measure of each peer.

    Attributes:
        measure: what was measured, in words.
        unit: of the value and of those beside it.
        value: ours; None where it was not measured; infinity where what was waited for never came.
        reach: what it should reach, or None where it only informs.
        beside: peer → its value, with the same two exceptions.
    """

    measure: str
    unit: str
    value: float | None
    reach: Reach | None = None
    beside: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """None where there is nothing to meet, or nothing was measured."""
        return None if self.reach is None or self.value is None else self.reach.met(self.value)

    @property
    def measured(self) -> bool:
        """Whether there is any number in it, ours or a peer's."""
        return any(value is not None for value in (self.value, *self.beside.values()))

    def to_json(self) -> dict[str, Any]:
        return {
            "measure": self.measure,
            "value": _plain(self.value),
            "unit": self.unit,
            "reach": None if self.reach is None else str(self.reach),
            "met": self.met,
            "beside": {peer: _plain(value) for peer, value in self.beside.items()},
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole benchmark.

    Attributes:
        name: of the benchmark; the file is build/bench/NAME.json.
        rows: in the order in which they are read.
        versions: of what was measured, beside those of the machine's own Python, numpy and scipy.
        notes: how many repetitions a peer got, why one has no number, what a rule was taken to be.
    """

    name: str
    rows: Sequence[Row]
    versions: Mapping[str, str]
    notes: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        own = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
        return {
            "bench": self.name,
            "machine": machine(),
            "versions": {**own, **self.versions},
            "rows": [row.to_json() for row in self.rows],
            "notes": list(self.notes),
        }

    def write(self) -> Path:
        path = OUTPUT / f"{self.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    def table(self) -> str:
        """Rows as lines, a column for each peer that any row names; then the notes."""
        peers = list(dict.fromkeys(peer for row in self.rows for peer in row.beside))
        head = ["", "unit", "ours", "reach", "met", *peers]
        met = {None: "", True: "yes", False: "NO"}
        body = [
            [
                row.measure,
                row.unit,
                _text(row.value),
                "" if row.reach is None else str(row.reach),
                met[row.met],
                *(_text(row.beside[peer]) if peer in row.beside else "" for peer in peers),
            ]
            for row in self.rows
        ]
        return "\n".join([*_aligned([head, *body]), "", *(f"- {note}" for note in self.notes)])


def publish(report: Report, *, as_json: bool) -> None:
    """Write the file, and show the table or the JSON."""
    path = report.write()
    shown = json.dumps(report.to_json(), indent=2, ensure_ascii=False) if as_json else report.table()
    sys.stdout.write(f"{shown}\n")
    say(f"wrote {path}")


def say(text: str) -> None:
    """A line of progress, beside the result and not in it."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, memory in GiB, operating system."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gib": round(memory, 1),
        "system": platform.platform(),
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    if known.exists():
        for line in known.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _plain(value: float | None) -> float | str | None:
    """JSON knows no infinity; what never came is said in words."""
    if value is None or math.isnan(value):
        return None
    return "never" if math.isinf(value) else float(f"{value:.6g}")


def _text(value: float | None) -> str:
    plain = _plain(value)
    if plain is None or isinstance(plain, str):
        return plain or "-"
    return f"{plain:,.0f}" if abs(plain) >= 1000 else f"{plain:.3g}"


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(
            text.ljust(width) if column < 2 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
