"""The champion's baseline: the frozen reference that traffic is held against.

A numeric feature is binned on the quantiles of its training data; a categorical one on its categories.
Counts on the same bins add up, so a window of any length is the sum of its hours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 256

Values = NDArray[np.float64] | Sequence[str | None]
Counts = NDArray[np.int64]


class BaselineError(ValueError):
    """A baseline that cannot be used, with the reason."""


@dataclass(frozen=True)
class NumericBins:
    """Bins `(edges[i-1], edges[i]]`, with one more below the first edge and one above the last.

    `edges[0]` lies just below the smallest training value and `edges[-1]` is the largest, so the first
    count is "below the training range" and the last "above it".
    """

    edges: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64], bins: int = BINS) -> NumericBins:
        """Bins on the quantiles of the finite values; raises BaselineError where there are none."""
        finite = values[np.isfinite(values)]
        if finite.size == 0:
            raise BaselineError("no finite value to make bins of")
        # "inverted_cdf" picks values that occur, so that ties never straddle an edge.
        quantiles = np.quantile(finite, np.linspace(0, 1, bins + 1)[1:], method="inverted_cdf")
        below = np.nextafter(finite.min(), -np.inf)
        return cls(np.unique(np.concatenate(([below], quantiles))))

    def count(self, values: NDArray[np.float64]) -> Counts:
        """How many values fall into each of the `len(edges) + 1` bins; non-finite values are left out."""
        finite = values[np.isfinite(values)]
        places = np.searchsorted(self.edges, finite, side="left")
        return np.bincount(places, minlength=len(self.edges) + 1).astype(np.int64)


@dataclass(frozen=True)
class Column:
    """Counts of one feature in one window.

    Attributes:
        counts: by bin (numeric) or by category (categorical; unseen categories included).
        missing: rows without a usable value.
    """

    counts: Counts | Mapping[str, int]
    missing: int

    @property
    def present(self) -> int:
        return int(sum(self.counts.values() if isinstance(self.counts, Mapping) else self.counts))

    @property
    def rows(self) -> int:
        return self.present + self.missing

    @classmethod
    def total(cls, columns: Sequence[Column]) -> Column:
        """Several windows of one feature together; raises BaselineError unless all are on the same bins."""
        missing = sum(column.missing for column in columns)
        categorical = [column.counts for column in columns if isinstance(column.counts, Mapping)]
        numeric = [column.counts for column in columns if not isinstance(column.counts, Mapping)]
        if categorical and numeric:
            raise BaselineError("a numeric and a categorical column cannot be merged")
        if categorical:
            counts: Counter[str] = Counter()
            for each in categorical:
                counts.update(each)
            return cls(dict(counts), missing)
        sizes = sorted({len(each) for each in numeric})
        if len(sizes) > 1:
            raise BaselineError(f"columns on different bins cannot be merged: {sizes[0]} and {sizes[-1]}")
        return cls(np.sum(numeric, axis=0, dtype=np.int64), missing)

    def __add__(self, other: Column) -> Column:
        return Column.total([self, other])

    def to_json(self) -> dict[str, Any]:
        counts = dict(self.counts) if isinstance(self.counts, Mapping) else self.counts.tolist()
        return {"counts": counts, "missing": self.missing}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Column:
        counts = body["counts"]
        return cls(
            dict(counts) if isinstance(counts, dict) else np.asarray(counts, dtype=np.int64), body["missing"]
        )


Profile = Mapping[str, Column]


@dataclass(frozen=True)
class Feature:
    """A column of the payload: its name and, where it is numeric, its bins."""

    name: str
    bins: NumericBins | None

    @property
    def is_numeric(self) -> bool:
        return self.bins is not None

    def count(self, values: Values) -> Column:
        """Counts of a window's values; NaN, infinities and None are missing."""
        if self.bins is not None:
            numbers = np.asarray(values, dtype=np.float64)
            counts = self.bins.count(numbers)
            return Column(counts, int(numbers.size - counts.sum()))
        present = Counter(value for value in values if value is not None)
        return Column(dict(present), len(values) - sum(present.values()))


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What a champion was trained on, and how good it was on its holdout.

    Attributes:
        features: the payload's columns, in order.
        profile: counts of the training data on the features' bins.
        metrics: of the champion on its holdout: `log_loss`, `auc`, `rows`.
        window: ISO times between which the training data lie.
    """

    features: tuple[Feature, ...]
    profile: Profile
    metrics: Mapping[str, float]
    window: tuple[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "features": [
                {
                    "name": f.name,
                    "edges": f.bins.edges.tolist() if f.bins else None,
                    **self.profile[f.name].to_json(),
                }
                for f in self.features
            ],
            "metrics": dict(self.metrics),
            "window": list(self.window),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Baseline:
        """Raises BaselineError where a part is missing or of another version."""
        try:
            if body["version"] != 1:
                raise BaselineError(f"baseline version {body['version']} is not 1")
            features = tuple(
                Feature(
                    f["name"],
                    None if f["edges"] is None else NumericBins(np.asarray(f["edges"], dtype=np.float64)),
                )
                for f in body["features"]
            )
            profile = {f["name"]: Column.from_json(f) for f in body["features"]}
            start, end = body["window"]
            return cls(features=features, profile=profile, metrics=dict(body["metrics"]), window=(start, end))
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, BaselineError):
                raise
            raise BaselineError(f"not a baseline: {type(error).__name__} {error}") from error


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Columns of raw values, by feature name, all of one length."""

    columns: Mapping[str, Values] = field(default_factory=dict)

    def profile(self, features: Sequence[Feature]) -> dict[str, Column]:
        """Counts on the features' bins. A feature without a column is all missing."""
        rows = max((len(values) for values in self.columns.values()), default=0)
        return {
            f.name: f.count(self.columns[f.name])
            if f.name in self.columns
            else Column(np.zeros(len(f.bins.edges) + 1, dtype=np.int64) if f.bins else {}, rows)
            for f in features
        }


def merge(profiles: Sequence[Profile]) -> dict[str, Column]:
    """The profile of all windows together; profiles must be on the same bins."""
    columns: dict[str, list[Column]] = {}
    for profile in profiles:
        for name, column in profile.items():
            columns.setdefault(name, []).append(column)
    return {name: Column.total(parts) for name, parts in columns.items()}
