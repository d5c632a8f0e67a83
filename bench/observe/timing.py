"""Seconds of work, and the limits that the machine sets to it."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median over `repeats` runs."""
    return statistics.median(_once(work) for _ in range(repeats))


def medians(answer: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """A worker's timings, a list a part, as medians."""
    return {part: statistics.median(times) for part, times in answer.items() if isinstance(times, list)}


def limits(folder: Path, window: NDArray[np.float64], repeats: int) -> dict[str, float]:
    """Seconds in which this machine reads the capture files, parses their lines as JSON, sorts the values.

    Files come from the page cache, as they would just after they were fetched; one core.
    """
    paths = sorted((folder / "capture").rglob("*.jsonl"))
    lines = [line for path in paths for line in path.read_bytes().splitlines()]
    columns = np.ascontiguousarray(window.T)
    return {
        "read": seconds(lambda: [path.read_bytes() for path in paths], repeats),
        "decode": seconds(lambda: [json.loads(line) for line in lines], repeats),
        "sort": seconds(lambda: np.sort(columns, axis=1), repeats),
    }


def _once(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
