"""What the benchmark asks of a detector."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Level(enum.IntEnum):
    """What a detector says of a window: nothing, drift for certain, drift beyond the tolerance for certain."""

    NONE = 0
    WARN = 1
    BREACH = 2


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Rows from before the watch, in order of time.

    Attributes:
        values: float64, shape (rows, features), each column contiguous; a category is its code.
        at: int64, shape (rows,): the hour of each row. Hour of the day = at % 24, of the week = at % 168.
        names: of the features.
        categorical: places of the features that are categories.
    """

    values: Floats
    at: NDArray[np.int64]
    names: Sequence[str]
    categorical: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Window:
    """Rows of one hour: `values` as in the reference, `at` the hour of all of them."""

    values: Floats
    at: int


class Detector(Protocol):
    """Made anew for each month; it keeps what it knows from look to look."""

    def start(self, reference: Reference) -> None: ...

    def look(self, window: Window) -> Level: ...
