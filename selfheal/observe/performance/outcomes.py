"""Predictions and their outcomes, which come late, twice or never, and the join of both.

Both are kept column-wise, so that an hour of a million rows is three arrays. A prediction's key is its
inference id, else its event id; rows after the first of one request carry `#1`, `#2`, ….

Sampling is by key: a row is kept where the 64-bit hash of its key lies below `limit`. Cutting to the k
smallest hashes sets `limit` to the next one, and merging takes the smallest limit of the parts, so that a
window of hours that were cut differently is still a uniform sample of all its rows: what is kept does not
depend on the order of cutting and merging. That is a theta sketch (A. Dasgupta, K. Lang, L. Rhodes, J. Thaler,
"A framework for estimating stream expression cardinalities", ICDT 2016).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.profiles.key_hash import hash_of
from selfheal.observe.profiles.packing import pack_floats, pack_signed, unpack_floats, unpack_signed
from selfheal.observe.reading.traffic import EPOCH, HOUR, MICROSECOND

Floats = NDArray[np.float64]
Moments = NDArray[np.int64]

ALL = 2**64


class PredictionsError(ValueError):
    """Columns that are no predictions or outcomes, with the reason."""


def microseconds(moment: datetime) -> int:
    """Microseconds since the epoch, exactly; raises PredictionsError on a time without a zone.

    >>> from datetime import timezone
    >>> microseconds(datetime(1970, 1, 1, 1, tzinfo=timezone.utc))
    3600000000
    """
    if moment.tzinfo is None:
        raise PredictionsError(f"the time {moment.isoformat()} has no zone; give it in UTC")
    return (moment - EPOCH) // MICROSECOND


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """What a model answered, by row.

    Attributes:
        keys: of each row, each once.
        at: when it was answered, microseconds since the epoch, shape (rows,).
        values: binary: probability of class 1; regression: the value; both of shape (rows,). Multiclass:
            probabilities of shape (rows, classes).
        limit: rows whose key hashes below this were kept; 2**64 keeps all.
        known_hashes: of the keys, where somebody computed them already.
    """

    keys: tuple[str, ...]
    at: Moments
    values: Floats
    limit: int = ALL
    known_hashes: NDArray[np.uint64] | None = None

    def __post_init__(self) -> None:
        rows = len(self.keys)
        if self.at.shape != (rows,) or self.values.ndim not in (1, 2) or len(self.values) != rows:
            raise PredictionsError(
                f"{rows} keys, times of shape {self.at.shape} and values of shape {self.values.shape} "
                "are no predictions: one time and one value, or one row of class probabilities, per key"
            )

    def __len__(self) -> int:
        return len(self.keys)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Predictions):
            return NotImplemented
        same = self.keys == other.keys and self.limit == other.limit and np.array_equal(self.at, other.at)
        return same and np.array_equal(self.values, other.values, equal_nan=True)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """Of the keys, by which rows are kept."""
        return hash_of(self.keys) if self.known_hashes is None else self.known_hashes

    @property
    def kept_share(self) -> float:
        """The share of all rows that these are a uniform sample of; 1 where nothing was cut."""
        return self.limit / ALL

    @classmethod
    def merge(cls, parts: Iterable[Predictions]) -> Predictions:
        """All parts together; a key that comes twice counts once, and the later prediction wins.

        Of the same microsecond the larger value wins, so that what wins does not depend on the parts' order.
        Rows are in the order in which keys first came.

        Raises PredictionsError where the parts have different numbers of classes. Nothing merges to nothing.
        """
        given = list(parts)
        # An hour without rows does not know how many classes there are, but it knows its limit.
        filled = [part for part in given if len(part)]
        if len({part.values.shape[1:] for part in filled}) > 1:
            shapes = ", ".join(sorted({str(part.values.shape[1:]) for part in filled}))
            raise PredictionsError(f"predictions of different shapes cannot be merged: {shapes} per row")
        limit = min((part.limit for part in given), default=ALL)
        if not filled:
            return cls(keys=(), at=np.empty(0, np.int64), values=np.empty(0), limit=limit)
        whole = cls(
            keys=tuple(chain.from_iterable(part.keys for part in filled)),
            at=np.concatenate([part.at for part in filled]),
            values=np.concatenate([part.values for part in filled]),
            limit=limit,
            known_hashes=np.concatenate([part.hashes for part in filled]) if _hashed(filled) else None,
        )
        whole = whole._rows(_latest(whole.keys, whole.at, whole.values))
        if all(part.limit == limit for part in filled):
            return whole
        return whole._rows(np.flatnonzero(whole.hashes < np.uint64(limit)))

    def cut(self, rows: int) -> Predictions:
        """At most `rows` rows: those with the smallest hashes, in their order. Raises on fewer than one."""
        if rows < 1:
            raise PredictionsError(f"predictions cannot be cut to {rows} rows; keep one at least")
        if len(self) <= rows:
            return self
        limit = np.partition(self.hashes, rows)[rows]
        return replace(self._rows(np.flatnonzero(self.hashes < limit)), limit=int(limit))

    def ordered(self) -> Predictions:
        """The same rows by time, and by hash where times are equal: one order, however the rows came."""
        return self._rows(np.lexsort((self.hashes, self.at)))

    def _rows(self, places: NDArray[np.intp]) -> Predictions:
        if len(places) == len(self) and np.array_equal(places, np.arange(len(self))):
            return self
        keys = tuple(map(self.keys.__getitem__, places.tolist()))
        return Predictions(
            keys=keys,
            at=self.at[places],
            values=self.values[places],
            limit=self.limit,
            known_hashes=self.hashes[places] if _hashed([self]) else None,
        )

    def to_json(self) -> dict[str, Any]:
        """Numbers are base64 of little-endian 64-bit arrays: exact, and a third of their decimals."""
        return {
            "keys": list(self.keys),
            "at": pack_signed(self.at),
            "values": pack_floats(self.values),
            "classes": self.values.shape[1] if self.values.ndim == 2 else None,
            # Beyond 2^53 a JSON number is not exact for every reader.
            "limit": str(self.limit),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Predictions:
        """Raises PredictionsError where a part is missing or cannot be."""
        try:
            values = unpack_floats(body["values"])
            if body["classes"] is not None:
                values = values.reshape(-1, int(body["classes"]))
            at = unpack_signed(body["at"])
            return cls(keys=tuple(body["keys"]), at=at, values=values, limit=int(body["limit"]))
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, PredictionsError):
                raise
            raise PredictionsError(f"not predictions: {type(error).__name__} {error}") from error


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Ground truth as it was collected, in order of arrival; a key may come often.

    Attributes:
        keys: of the predictions that they are the outcomes of.
        labels: the value, or the index of the class, shape (rows,).
        at: when each was collected, microseconds since the epoch, shape (rows,).
    """

    keys: tuple[str, ...]
    labels: Floats
    at: Moments

    def __post_init__(self) -> None:
        rows = len(self.keys)
        if self.labels.shape != (rows,) or self.at.shape != (rows,):
            raise PredictionsError(
                f"{rows} keys, labels of shape {self.labels.shape} and times of shape {self.at.shape} "
                "are no outcomes: one label and one time per key"
            )

    @classmethod
    def merge(cls, parts: Iterable[Outcomes]) -> Outcomes:
        """All parts, one after another."""
        given = list(parts)
        return cls(
            keys=tuple(chain.from_iterable(part.keys for part in given)),
            labels=np.concatenate([np.empty(0), *(part.labels for part in given)]),
            at=np.concatenate([np.empty(0, np.int64), *(part.at for part in given)]),
        )


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Matured predictions beside their labels.

    Attributes:
        values: of the matured predictions with a label, shape (labelled,) or (labelled, classes).
        labels: shape (labelled,).
        young: values of the predictions that have not matured, and are not judged.
        matured: predictions old enough to be judged.
        kept_share: the share of all traffic that these rows are a uniform sample of.
        delay_median_hours, delay_p90_hours: between a prediction and its first label; None without labels.
            Labels that are still to come are not in it, so it is a lower bound while coverage grows.
    """

    values: Floats
    labels: Floats
    young: Floats
    matured: int
    kept_share: float
    delay_median_hours: float | None
    delay_p90_hours: float | None

    @property
    def coverage(self) -> float | None:
        """The share of matured predictions that have a label; None where none has matured."""
        return len(self.labels) / self.matured if self.matured else None


def join(predictions: Predictions, outcomes: Outcomes, now: datetime, mature_hours: float) -> Joined:
    """Values and labels of the predictions that are at least `mature_hours` older than `now`.

    Younger ones are not judged even where their label is in: what is known early is not a random sample
    (a flight that lands on time is known to be on time before a late one is known to be late). The last
    label of a key wins, by time of collection and, where that is equal, by order. Labels that were collected
    after `now` are not known yet.

    A dictionary of keys and one look-up per prediction: a million of each take about a second.
    """
    moment = microseconds(now)
    mature = predictions.at <= moment - round(mature_hours * HOUR)
    known = np.flatnonzero(outcomes.at <= moment)
    keys = [outcomes.keys[place] for place in known] if len(known) < len(outcomes.keys) else outcomes.keys
    at, labels = outcomes.at[known], outcomes.labels[known]
    order = np.argsort(at, kind="stable")
    last = _places(keys, order)
    # A corrected label is later than the outcome was known: the delay is that of the first.
    first = last if len(last) == len(keys) else _places(keys, order[::-1])
    found = np.fromiter(
        (last.get(key, -1) for key in predictions.keys), dtype=np.int64, count=len(predictions)
    )
    rows = np.flatnonzero(mature & (found >= 0))
    arrived = np.fromiter((first[predictions.keys[row]] for row in rows), dtype=np.int64, count=len(rows))
    delays = np.maximum(0, at[arrived] - predictions.at[rows]) / HOUR
    median, p90 = np.quantile(delays, (0.5, 0.9)).tolist() if len(rows) else (None, None)
    return Joined(
        values=predictions.values[rows],
        labels=labels[found[rows]],
        young=predictions.values[~mature],
        matured=int(np.count_nonzero(mature)),
        kept_share=predictions.kept_share,
        delay_median_hours=median,
        delay_p90_hours=p90,
    )


def _hashed(parts: Sequence[Predictions]) -> bool:
    """Whether all hashes are at hand."""
    return all(part.known_hashes is not None or "hashes" in vars(part) for part in parts)


def _places(keys: Sequence[str], order: NDArray[np.intp]) -> dict[str, int]:
    """Where each key stands; the last in `order` wins."""
    if np.array_equal(order, np.arange(len(order))):
        return dict(zip(keys, range(len(keys)), strict=True))
    places = order.tolist()
    return dict(zip(map(keys.__getitem__, places), places, strict=True))


def _latest(keys: Sequence[str], at: Moments, values: Floats) -> NDArray[np.intp]:
    """The latest place of each key, in the order in which keys first came."""
    first = dict.fromkeys(keys, 0)
    if len(first) == len(keys):
        return np.arange(len(keys))
    columns = values.T[::-1] if values.ndim == 2 else (values,)
    first.update(_places(keys, np.lexsort((*columns, at))))
    return np.fromiter(first.values(), dtype=np.intp, count=len(first))
