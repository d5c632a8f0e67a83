"""A few whole rows of a window, so that what happens between columns can be seen.

A profile counts each column by itself. The sample keeps the rows whose key has the smallest hash (a
bottom-k sample: E. Cohen, H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007): a uniform
sample that does not depend on the order or the division of the rows, as bin numbers instead of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.profiles.layout import Feature, Layout, Numeric, Values
from selfheal.observe.profiles.packing import pack, unpack

SIZE = 128
MISSING = 65535

Hashes = NDArray[np.uint64]
Codes = NDArray[np.uint16]


@dataclass(frozen=True, kw_only=True)
class RowSample:
    """At most `SIZE` rows.

    Attributes:
        hashes: of the rows' keys, ascending, each once; shape (rows,).
        codes: the bin of each value in its feature, `MISSING` where there is none; shape (rows, features).
    """

    hashes: Hashes
    codes: Codes

    @classmethod
    def empty(cls, features: int) -> RowSample:
        return cls(hashes=np.empty(0, dtype=np.uint64), codes=np.empty((0, features), dtype=np.uint16))

    @classmethod
    def of(cls, layout: Layout, hashes: Hashes, columns: Mapping[str, Values]) -> RowSample:
        """The sample of rows with the hash of a key each and values by feature, `None` and NaN where there
        is none."""
        if not hashes.size:
            return cls.empty(len(layout.features))
        # Ties at the border stay in: `total` settles which of them remain.
        chosen = np.flatnonzero(hashes <= _border(hashes))
        codes = np.column_stack(
            [_codes(feature, columns.get(feature.name), chosen) for feature in layout.features]
        )
        return cls.total([cls(hashes=hashes[chosen], codes=codes)])

    @classmethod
    def total(cls, samples: Sequence[RowSample]) -> RowSample:
        """The sample of all rows together."""
        hashes = np.concatenate([sample.hashes for sample in samples])
        codes = np.concatenate([sample.codes for sample in samples])
        if hashes.size > SIZE:
            near = hashes <= _border(hashes)
            hashes, codes = hashes[near], codes[near]
        # Rows of one key are one row; which of them it is must not depend on their order either.
        order = np.lexsort((*codes.T[::-1], hashes))
        hashes, codes = hashes[order], codes[order]
        first = np.concatenate((np.ones(min(1, hashes.size), dtype=bool), hashes[1:] != hashes[:-1]))
        return cls(hashes=hashes[first][:SIZE], codes=codes[first][:SIZE])

    def to_json(self) -> dict[str, Any]:
        return {"hashes": pack(self.hashes), "codes": pack(self.codes)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any], features: int) -> RowSample:
        """Raises ValueError where it is not a sample of so many features."""
        hashes = unpack(body["hashes"], np.uint64)
        codes = unpack(body["codes"], np.uint16).reshape(-1, features)
        if len(codes) != hashes.size:
            raise ValueError(f"a sample of {hashes.size} rows with codes of {len(codes)}")
        return cls(hashes=hashes, codes=codes)


def _border(hashes: Hashes) -> np.uint64:
    """The largest of the `SIZE` smallest hashes, each counted once however many rows share it."""
    last = min(SIZE, hashes.size) - 1
    border: np.uint64 = np.partition(hashes, last)[last]
    if np.unique(hashes[hashes <= border]).size > last:
        return border
    distinct = np.unique(hashes)
    return distinct[min(SIZE, distinct.size) - 1]  # type: ignore[no-any-return]


def _codes(feature: Feature, values: Values | None, chosen: NDArray[np.intp]) -> NDArray[np.uint16]:
    if values is None:
        return np.full(chosen.size, MISSING, dtype=np.uint16)
    if isinstance(feature, Numeric):
        numbers = np.asarray(values, dtype=np.float64)[chosen]
        places = np.searchsorted(feature.cuts, numbers, side="left")
        return np.where(np.isfinite(numbers), places, MISSING).astype(np.uint16)
    texts = [values[place] for place in chosen.tolist()]
    other = feature.size - 1
    return np.array(
        [MISSING if text is None else feature.places.get(text, other) for text in texts], dtype=np.uint16
    )
