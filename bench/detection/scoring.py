"""From watches to numbers. An alarm that never came is infinity; what was not measured is None."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.detection.protocol import Level
from bench.detection.tasks import Watch


def delay(watch: Watch, level: Level) -> float:
    """Windows from the onset to the first look at `level` or above, both included: 1 = found at once.

    >>> watch = Watch(levels=np.array([1, 0, 0, 1, 2], np.int8), onset=2)
    >>> delay(watch, Level.WARN), delay(watch, Level.BREACH)
    (2.0, 3.0)
    """
    if watch.onset is None:
        raise ValueError("a quiet month has no onset to count from")
    found = np.flatnonzero(watch.levels[watch.onset :] >= level)
    return float(found[0] + 1) if len(found) else math.inf


def median_delay(watches: Sequence[Watch], level: Level) -> float | None:
    """Median over repetitions; infinite where half of them, or more, never came to `level`."""
    return _median([delay(watch, level) for watch in watches])


def found_share(watches: Sequence[Watch], level: Level) -> float | None:
    """Per cent of months that came to `level` at or after the onset."""
    return _percent([math.isfinite(delay(watch, level)) for watch in watches])


def alarming_share(watches: Sequence[Watch], level: Level) -> float | None:
    """Per cent of months with at least one look at `level` or above."""
    return _percent([bool((watch.levels >= level).any()) for watch in watches])


def early_share(watches: Sequence[Watch], level: Level) -> float | None:
    """Per cent of changed months with a look at `level` or above before the onset."""
    whole = [watch for watch in watches if watch.since == 0]
    return _percent([bool((watch.levels[: watch.onset] >= level).any()) for watch in whole])


def alarming_windows(watches: Sequence[Watch], level: Level) -> float | None:
    """Median over months of the number of looks at `level` or above."""
    return _median([float((watch.levels >= level).sum()) for watch in watches])


def _median(values: Sequence[float]) -> float | None:
    """The median, where infinities may take part: between a number and infinity lies infinity."""
    if not values:
        return None
    ordered = sorted(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return high if math.isinf(high) else (low + high) / 2


def _percent(flags: Sequence[bool]) -> float | None:
    return 100 * sum(flags) / len(flags) if flags else None
