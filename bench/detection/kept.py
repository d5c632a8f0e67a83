"""Months that were watched already: a run that was interrupted goes on where it ended.

Each month is kept in a file under build/bench/detection/, named after everything that its watches depend on:
the sources of the detectors and of the traffic, the versions of numpy and scipy, and the task itself. A changed
source gives other names, so nothing stale is ever read.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from bench.detection.protocol import Floats
from bench.detection.tasks import Key, Task, Watch
from bench.report import OUTPUT

FOLDER = OUTPUT / "detection"
ROOT = Path(__file__).resolve().parents[2]
# What the levels of a month follow from.
SOURCES = (
    "selfheal/bounds.py",
    "selfheal/observe",
    "bench/ours_detection.py",
    *(
        f"bench/detection/{name}.py"
        for name in ("protocol", "rules", "scenarios", "tasks", "traffic", "watch")
    ),
)

Seen = tuple[dict[Key, Watch], dict[int, Floats]]


@dataclass(frozen=True)
class Kept:
    """What is kept of months, by task."""

    folder: Path = field(default=FOLDER)

    def load(self, task: Task) -> Seen | None:
        path = self._path(task)
        if not path.exists():
            return None
        with np.load(path) as found:
            watches = {
                Key(detector, int(rows), task.name): Watch(levels=found[name], onset=task.month.onset_if_any)
                for name in found.files
                if (parts := name.split("|"))[0] == "levels"
                for detector, rows in [parts[1:]]
            }
            ranks = {int(name.split("|")[1]): found[name] for name in found.files if name.startswith("ranks")}
        return watches, ranks

    def save(self, task: Task, seen: Seen) -> None:
        watches, ranks = seen
        arrays: dict[str, Any] = {
            **{f"levels|{key.detector}|{key.rows}": watch.levels for key, watch in watches.items()},
            **{f"ranks|{rows}": np.asarray(means) for rows, means in ranks.items()},
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        # Under another name first: a month that was written in part is none.
        part = self._path(task).with_suffix(".part.npz")
        np.savez_compressed(part, **arrays)
        part.rename(self._path(task))

    def _path(self, task: Task) -> Path:
        return self.folder / f"{hashlib.sha256(f'{_digest()}{task}'.encode()).hexdigest()[:24]}.npz"


@functools.cache
def _digest() -> str:
    found = hashlib.sha256(f"{np.__version__} {scipy.__version__}".encode())
    for path in _sources():
        found.update(path.read_bytes())
    return found.hexdigest()


def _sources() -> Iterator[Path]:
    for source in SOURCES:
        path = ROOT / source
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]
