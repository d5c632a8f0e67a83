"""A profile: what a window of traffic looks like on a champion's bins, small and mergeable.

Everything in it is a sum of integers, a minimum, a maximum or a set: profiles merge associatively and
commutatively, bit for bit, and a window of any length is a merge of its hours.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.profiles.key_hash import hash_of
from selfheal.observe.profiles.layout import Categorical, Counts, Feature, Floats, Layout, Numeric, Values
from selfheal.observe.profiles.moments import fixed_point_sums, mean_and_deviation
from selfheal.observe.profiles.packing import pack, unpack
from selfheal.observe.profiles.row_sample import Hashes, RowSample

# So many names of what training never saw are kept for people to look at.
EXAMPLES = 10
EXAMPLE_LENGTH = 40

Mask = NDArray[np.bool_]


class ProfileError(ValueError):
    """Profiles that cannot be read or do not belong together."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows to be profiled, as columns of one length.

    Attributes:
        keys: one a row.
        columns: values by feature; a feature without a column is missing in every row.
        invalid: rows in which a numeric column held text that is no number.
        absent: rows whose payload lacked the column altogether.

    Raises:
        ProfileError: a column has another number of rows than there are keys.
    """

    keys: Sequence[str]
    columns: Mapping[str, Values]
    invalid: Mapping[str, Mask] = field(default_factory=dict)
    absent: Mapping[str, Mask] = field(default_factory=dict)

    @cached_property
    def hashes(self) -> Hashes:
        """Of the keys, by which rows are sampled."""
        return hash_of(self.keys)

    def __post_init__(self) -> None:
        for columns in (self.columns, self.invalid, self.absent):
            for name, values in columns.items():
                if len(values) != len(self.keys):
                    raise ProfileError(f"{name} has {len(values)} rows where there are {len(self.keys)} keys")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Counts and sums of a window, by feature of its layout.

    Attributes:
        layout: the bins.
        rows: rows of the window.
        counts: by bin, all features one after the other; shape (layout.size,).
        missing: rows without a usable value, by feature: empty, not finite, invalid or absent.
        invalid: rows with text where a number belongs.
        absent: rows whose payload lacked the column.
        negative: values below zero.
        sums, squares: of the values, in fixed point (`moments`).
        low, high: smallest and largest value; infinite where there is none.
        unseen: a few values by feature that training never saw.
        sample: a few whole rows.
    """

    layout: Layout
    rows: int
    counts: Counts
    missing: Counts
    invalid: Counts
    absent: Counts
    negative: Counts
    sums: tuple[int, ...]
    squares: tuple[int, ...]
    low: Floats
    high: Floats
    unseen: Mapping[str, tuple[str, ...]]
    sample: RowSample

    def of(self, place: int) -> Counts:
        """Counts of the feature at a place, by bin."""
        return self.counts[self.layout.bins(place)]

    def present(self, place: int) -> int:
        """Rows with a usable value."""
        return int(self.of(place).sum())

    def moments(self, place: int) -> tuple[float, float]:
        """Mean and population deviation; raises ValueError where there are no values or no numbers."""
        feature = self.layout.features[place]
        if isinstance(feature, Categorical):
            raise ValueError(f"{feature.name} is categorical and has no mean")
        return mean_and_deviation(self.present(place), self.sums[place], self.squares[place], feature.unit)

    def to_json(self) -> dict[str, Any]:
        return {
            "layout": self.layout.digest,
            "rows": self.rows,
            "counts": pack(self.counts),
            "missing": self.missing.tolist(),
            "invalid": _sparse(self.invalid),
            "absent": _sparse(self.absent),
            "negative": _sparse(self.negative),
            "sums": list(self.sums),
            "squares": list(self.squares),
            "low": _finite(self.low),
            "high": _finite(self.high),
            "unseen": {name: list(values) for name, values in self.unseen.items()},
            "sample": self.sample.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any], layout: Layout) -> Profile:
        """Raises ProfileError where it is of another layout or not a profile."""
        try:
            if body["layout"] != layout.digest:
                raise ProfileError(f"the profile is of layout {body['layout']}, not of {layout.digest}")
            features = len(layout.features)
            counts = unpack(body["counts"], np.int64)
            if counts.size != layout.size:
                raise ProfileError(f"the profile has {counts.size} bins, its layout {layout.size}")
            return cls(
                layout=layout,
                rows=int(body["rows"]),
                counts=counts,
                missing=np.array(_each(body["missing"], features), dtype=np.int64),
                invalid=_dense(body["invalid"], features),
                absent=_dense(body["absent"], features),
                negative=_dense(body["negative"], features),
                sums=tuple(_each(body["sums"], features)),
                squares=tuple(_each(body["squares"], features)),
                low=_infinite(_each(body["low"], features), np.inf),
                high=_infinite(_each(body["high"], features), -np.inf),
                unseen={name: tuple(values) for name, values in body["unseen"].items()},
                sample=RowSample.from_json(body["sample"], features),
            )
        except ProfileError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise ProfileError(f"not a profile: {type(error).__name__} {error}") from error


def profile(layout: Layout, rows: Rows) -> Profile:
    """The profile of some rows; NaN, infinities and None are missing."""
    size = len(rows.keys)
    columns = [_column(feature, rows.columns.get(feature.name), size) for feature in layout.features]
    return Profile(
        layout=layout,
        rows=size,
        counts=np.concatenate([column.counts for column in columns]),
        missing=np.array([column.missing for column in columns], dtype=np.int64),
        invalid=_marked(layout, rows.invalid),
        absent=_marked(layout, rows.absent),
        negative=np.array([column.negative for column in columns], dtype=np.int64),
        sums=tuple(column.first for column in columns),
        squares=tuple(column.second for column in columns),
        low=np.array([column.low for column in columns]),
        high=np.array([column.high for column in columns]),
        unseen={f.name: c.unseen for f, c in zip(layout.features, columns, strict=True) if c.unseen},
        sample=RowSample.of(layout, rows.hashes, rows.columns),
    )


def empty(layout: Layout) -> Profile:
    """The profile of no rows: merging it changes nothing."""
    return profile(layout, Rows(keys=(), columns={}))


def merge(profiles: Sequence[Profile]) -> Profile:
    """The profile of all windows together.

    Raises:
        ProfileError: there are none, or they are of different layouts.
    """
    if not profiles:
        raise ProfileError("no profile to merge; `empty(layout)` is the profile of no rows")
    layout = profiles[0].layout
    others = {each.layout.digest for each in profiles} - {layout.digest}
    if others:
        raise ProfileError(f"profiles of layout {others.pop()} and of {layout.digest} cannot be merged")
    if len(profiles) == 1:
        return profiles[0]
    names = {name for each in profiles for name in each.unseen}
    return Profile(
        layout=layout,
        rows=sum(each.rows for each in profiles),
        counts=_sum([each.counts for each in profiles]),
        missing=np.sum([each.missing for each in profiles], axis=0),
        invalid=np.sum([each.invalid for each in profiles], axis=0),
        absent=np.sum([each.absent for each in profiles], axis=0),
        negative=np.sum([each.negative for each in profiles], axis=0),
        sums=tuple(map(sum, zip(*(each.sums for each in profiles), strict=True))),
        squares=tuple(map(sum, zip(*(each.squares for each in profiles), strict=True))),
        low=np.min([each.low for each in profiles], axis=0),
        high=np.max([each.high for each in profiles], axis=0),
        unseen={
            name: _examples(value for each in profiles for value in each.unseen.get(name, ()))
            for name in layout.names
            if name in names
        },
        sample=RowSample.total([each.sample for each in profiles]),
    )


def _sum(arrays: Sequence[Counts]) -> Counts:
    """Added one by one, since a stack of a week's counts would be copied before it is summed."""
    total = arrays[0].copy()
    for each in arrays[1:]:
        total += each
    return total


@dataclass(frozen=True)
class _Column:
    counts: Counts
    missing: int
    negative: int = 0
    first: int = 0
    second: int = 0
    low: float = np.inf
    high: float = -np.inf
    unseen: tuple[str, ...] = ()


def _column(feature: Feature, values: Values | None, rows: int) -> _Column:
    if values is None:
        return _Column(np.zeros(feature.size, dtype=np.int64), rows)
    if isinstance(feature, Numeric):
        return _numeric(feature, np.asarray(values, dtype=np.float64))
    return _categorical(feature, values)


def _numeric(feature: Numeric, values: Floats) -> _Column:
    there = np.isfinite(values)
    finite = values if there.all() else values[there]
    # Sorting first makes the bins a matter of a few hundred look-ups, and minimum and maximum free.
    ordered = np.sort(finite)
    if not ordered.size:
        return _Column(np.zeros(feature.size, dtype=np.int64), values.size)
    return _Column(
        feature.count(ordered),
        values.size - ordered.size,
        int(np.searchsorted(ordered, 0.0)),
        *fixed_point_sums(finite, feature.unit),
        # Adding zero makes a negative zero positive: which of the two is smaller depends on their order.
        float(ordered[0]) + 0.0,
        float(ordered[-1]) + 0.0,
    )


def _categorical(feature: Categorical, values: Values) -> _Column:
    found = Counter(values)
    missing = found.pop(None, 0)
    counts = np.zeros(feature.size, dtype=np.int64)
    unseen = []
    for value, count in found.items():
        place = feature.places.get(value, feature.size - 1)
        counts[place] += count
        if place == feature.size - 1:
            unseen.append(value)
    return _Column(counts, missing, unseen=() if feature.is_open else _examples(unseen))


def _examples(values: Iterable[str]) -> tuple[str, ...]:
    # The smallest ones: which values are kept must not depend on the order in which they came.
    return tuple(heapq.nsmallest(EXAMPLES, {value[:EXAMPLE_LENGTH] for value in values}))


def _marked(layout: Layout, masks: Mapping[str, Mask]) -> Counts:
    return np.array([int(masks[name].sum()) if name in masks else 0 for name in layout.names], dtype=np.int64)


def _sparse(counts: Counts) -> dict[str, int]:
    return {str(place): int(counts[place]) for place in np.flatnonzero(counts)}


def _dense(body: Mapping[str, int], size: int) -> Counts:
    counts = np.zeros(size, dtype=np.int64)
    for place, count in body.items():
        counts[int(place)] = count
    return counts


def _each(values: Sequence[Any], features: int) -> Sequence[Any]:
    if len(values) != features:
        raise ProfileError(f"{len(values)} numbers for {features} features")
    return values


def _finite(values: Floats) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _infinite(values: Sequence[float | None], fill: float) -> Floats:
    return np.array([fill if value is None else value for value in values], dtype=np.float64)
