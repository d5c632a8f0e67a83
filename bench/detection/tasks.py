"""What is asked of a month, and what detectors said in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.detection.traffic import Month

OURS = "ours"


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What one detector said in one month.

    Attributes:
        levels: int8, one a look; shorter than the month where the watch ended early.
        onset: first changed window; None in a quiet month.
        since: first look that was taken; earlier ones count as neither alarm nor silence.
    """

    levels: NDArray[np.int8]
    onset: int | None
    since: int = 0


@dataclass(frozen=True)
class Key:
    """Whose watch it was, against a reference of how many rows, of which scenario."""

    detector: str
    rows: int
    scenario: str


Watches = Mapping[Key, Sequence[Watch]]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One month, for ours against references of some sizes, and for the plain rules against others."""

    name: str
    month: Month
    ours: Sequence[int]
    rules: Sequence[int]
