"""What a profile counts: the features of a champion, each on bins that its training data gave.

A numeric feature has 256 bins on the quantiles of its training data and, beyond the training range on
either side, bins that widen geometrically, so that far values keep their place. A categorical feature has
one bin a category and one for everything unseen. All profiles of one champion share its layout, and so
they add up.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.profiles.moments import unit_of

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Values = NDArray[np.float64] | NDArray[np.object_] | Sequence[str | None]

BINS = 256
# Beyond the training range: eight bins to each doubling of the distance, from 1/16 of the range to 4,096 ranges.
OUTER = 128
_DISTANCES = np.exp2(np.arange(OUTER) / 8 - 4)
# A column with more categories than this is an identifier: its rare values share a bin with unseen ones.
CATEGORIES = 1000


class BaselineError(ValueError):
    """A baseline that cannot be used, with the reason."""


class Role(str, Enum):
    """Which side of the model a feature is on."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, kw_only=True)
class Numeric:
    """A numeric feature: `counts[i]` is of values in `(cuts[i-1], cuts[i]]`.

    Attributes:
        cuts: ascending; `OUTER` of them, the training range's edges and quantiles, and `OUTER` again.
        unit: what sums are whole multiples of.
    """

    name: str
    cuts: Floats
    unit: float
    role: Role = Role.INPUT

    @classmethod
    def of(cls, name: str, values: Floats, role: Role = Role.INPUT) -> Numeric:
        """Bins on the quantiles of the finite values; raises BaselineError where there are none."""
        finite = np.sort(values[np.isfinite(values)])
        if finite.size == 0:
            raise BaselineError(f"{name}: no finite value to make bins of")
        # Values that occur (the inverse of the distribution function), so that ties never straddle an edge.
        quantiles = finite[-(-finite.size * np.arange(1, BINS + 1) // BINS) - 1]
        magnitude = float(max(abs(finite[0]), abs(finite[-1])))
        return cls(
            name=name,
            cuts=_with_outer(_edges(finite, quantiles), magnitude),
            unit=unit_of(magnitude),
            role=role,
        )

    @property
    def size(self) -> int:
        return len(self.cuts) + 1

    @property
    def edges(self) -> Floats:
        """Edges of the training range's bins: the first lies just below the smallest training value."""
        return self.cuts[OUTER:-OUTER]

    @property
    def inner(self) -> slice:
        """The bins of the training range."""
        return slice(OUTER + 1, self.size - OUTER - 1)

    def count(self, ordered: Floats) -> Counts:
        """Counts of finite values in ascending order."""
        places = np.searchsorted(ordered, self.cuts, side="right")
        counts = np.empty(self.size, dtype=np.int64)
        counts[0], counts[1:-1], counts[-1] = places[0], np.diff(places), ordered.size - places[-1]
        return counts

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "role": self.role.value, "cuts": self.cuts.tolist(), "unit": self.unit}


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """A categorical feature: one bin a category, in order, and a last one for all others.

    Attributes:
        categories: those of the training data, most frequent first; at most `CATEGORIES`.
        is_open: whether training had more than these, so that another value is nothing new.
    """

    name: str
    categories: tuple[str, ...]
    is_open: bool = False
    role: Role = Role.INPUT

    @classmethod
    def of(cls, name: str, counts: Mapping[str, int], role: Role = Role.INPUT) -> Categorical:
        """The categories of a column; raises BaselineError where there are none."""
        if not counts:
            raise BaselineError(f"{name}: no value to make categories of")
        ordered = sorted(counts, key=lambda value: (-counts[value], value))
        return cls(
            name=name,
            categories=tuple(ordered[:CATEGORIES]),
            is_open=len(ordered) > CATEGORIES,
            role=role,
        )

    @property
    def size(self) -> int:
        return len(self.categories) + 1

    @functools.cached_property
    def places(self) -> Mapping[str, int]:
        """Category → bin."""
        return {category: place for place, category in enumerate(self.categories)}

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "role": self.role.value,
            "categories": list(self.categories),
            "open": self.is_open,
        }


Feature = Numeric | Categorical


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The features of a champion, in order, and where each one's bins lie in a profile's counts.

    Raises:
        BaselineError: there is no feature, or two have one name.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        if not self.features:
            raise BaselineError("a layout needs at least one feature")
        if len(set(self.names)) < len(self.names):
            repeated = sorted({name for name in self.names if self.names.count(name) > 1})
            raise BaselineError(f"two features have one name: {', '.join(repeated)}")

    @functools.cached_property
    def starts(self) -> tuple[int, ...]:
        sizes = [0, *(feature.size for feature in self.features)]
        return tuple(np.cumsum(sizes).tolist())

    @property
    def size(self) -> int:
        return self.starts[-1]

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    def bins(self, place: int) -> slice:
        """Where the bins of the feature at a place lie."""
        return slice(self.starts[place], self.starts[place + 1])

    @functools.cached_property
    def digest(self) -> str:
        """Names a layout: profiles of different layouts must never be added."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> list[dict[str, Any]]:
        return [feature.to_json() for feature in self.features]

    @classmethod
    def from_json(cls, body: Sequence[Mapping[str, Any]]) -> Layout:
        return cls(features=tuple(_feature(each) for each in body))


def _edges(ordered: Floats, quantiles: Floats) -> Floats:
    """The quantiles, with a cut just below the smallest value and just below each heavy one.

    A value that makes a bin hold more than its share has that bin to itself, and its neighbours keep theirs:
    no bin that spans several numbers holds more than ⌈n / 256⌉ of the n values.
    """
    tops = np.unique(quantiles)
    held = np.diff(np.searchsorted(ordered, tops, side="right"), prepend=0)
    heavy = tops[held > math.ceil(ordered.size / BINS)]
    with np.errstate(over="ignore"):
        below = np.maximum(np.nextafter((ordered[0], *heavy), -np.inf), np.finfo(float).min)
    # Adding zero makes -0.0 and 0.0, which sort in any order, one.
    return np.unique(np.concatenate((below, tops))) + 0.0


def _with_outer(edges: Floats, magnitude: float) -> Floats:
    """Cuts beyond the range at growing distances; near the largest and smallest floats several may coincide."""
    reach = float(edges[-1]) - float(edges[0])
    if not reach > magnitude * 1e-9:  # a constant: its own size, or one, is the only scale there is
        reach = magnitude or 1.0
    with np.errstate(over="ignore"):
        above = np.minimum(edges[-1] + reach * _DISTANCES, np.finfo(float).max)
        below = np.maximum(edges[0] - reach * _DISTANCES, np.finfo(float).min)
    return np.concatenate((below[::-1], edges, above))


def _feature(body: Mapping[str, Any]) -> Feature:
    role = Role(body["role"])
    if "cuts" in body:
        cuts = np.asarray(body["cuts"], dtype=np.float64)
        return Numeric(name=body["name"], cuts=cuts, unit=float(body["unit"]), role=role)
    return Categorical(
        name=body["name"], categories=tuple(body["categories"]), is_open=bool(body["open"]), role=role
    )
