"""The training data hour by hour of the week, so that a night can be compared with nights.

A feature's 256 bins are put together by eight here: 168 hours of fine bins would be megabytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.hours import WEEK
from selfheal.observe.profiles.layout import OUTER, Categorical, Counts, Feature, Layout
from selfheal.observe.profiles.packing import pack, unpack
from selfheal.observe.profiles.profile import Profile

TOGETHER = 8
# A column with more categories is compared as a whole only.
CATEGORIES = 64


@dataclass(frozen=True, kw_only=True)
class Seasons:
    """Coarse counts of the training data by hour of the week.

    Attributes:
        rows: of each hour of the week, shape (168,).
        counts: shape (168, coarse bins of all features).
    """

    rows: Counts
    counts: Counts

    @classmethod
    def of(cls, layout: Layout, hours: Iterable[tuple[int, Profile]]) -> Seasons:
        """From profiles of hours, given in hours since the epoch."""
        coarse = Coarse(layout)
        rows = np.zeros(WEEK, dtype=np.int64)
        counts = np.zeros((WEEK, coarse.size), dtype=np.int64)
        for hour, window in hours:
            rows[hour % WEEK] += window.rows
            counts[hour % WEEK] += coarse.count(window.counts)
        return cls(rows=rows, counts=counts)

    def like(self, weights: Mapping[int, int], least: int) -> Counts | None:
        """Coarse counts of the given hours of the week, or None where they are worth fewer rows than `least`.

        Args:
            weights: rows of the window by hour of the week; the training hours are given the same shares.
        """
        places = np.array(sorted(weights), dtype=np.intp)
        own = self.rows[places]
        if not own.size or (own == 0).any():
            return None
        share = np.array([weights[place] for place in places.tolist()], dtype=np.float64)
        share /= share.sum()
        # Where a few rows stand for a large share, the mixture is worth no more than those few (L. Kish,
        # "Survey sampling", 1965, effective sample size). Rounded to whole rows.
        worth = 1 / (share**2 / own).sum()
        if worth < least:
            return None
        factor = share * worth / own
        mixed: Counts = np.rint(factor @ self.counts[places]).astype(np.int64)
        return mixed

    def to_json(self) -> dict[str, Any]:
        return {"rows": self.rows.tolist(), "counts": pack(self.counts)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Seasons:
        counts = unpack(body["counts"], np.int64).reshape(WEEK, -1)
        return cls(rows=np.asarray(body["rows"], dtype=np.int64), counts=counts)


class Coarse:
    """Where a layout's bins go when neighbours are put together."""

    def __init__(self, layout: Layout) -> None:
        targets, start, self._bins = [], 0, []
        for feature in layout.features:
            target = _together(feature)
            size = int(target.max()) + 1
            targets.append(np.where(target >= 0, target + start, -1))
            self._bins.append(slice(start, start + size))
            start += size
        self._target = np.concatenate(targets)
        self._kept = self._target >= 0
        self.size = start

    def count(self, counts: Counts) -> Counts:
        """Coarse counts of a profile's counts, shape (size,)."""
        summed = np.bincount(self._target[self._kept], weights=counts[self._kept], minlength=self.size)
        return summed.astype(np.int64)

    def bins(self, place: int) -> slice:
        """Where the coarse bins of the feature at a place lie; empty where it has none."""
        return self._bins[place]


def _together(feature: Feature) -> NDArray[np.intp]:
    """The coarse bin of each bin, -1 where the feature has none."""
    if isinstance(feature, Categorical):
        places = np.arange(feature.size)
        return places if feature.size <= CATEGORIES else np.full(feature.size, -1)
    inner = feature.size - 2 * (OUTER + 1)
    places = np.concatenate(
        (
            np.zeros(OUTER + 1, dtype=np.intp),
            1 + np.arange(inner) // TOGETHER,
            np.zeros(OUTER + 1, dtype=np.intp),
        )
    )
    places[-(OUTER + 1) :] = places.max() + 1
    return places
