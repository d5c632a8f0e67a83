"""Captured traffic as columns, and what its payloads look like.

A row is one question to the model; a record of data capture holds one or more of them. Everything is kept
by column, since every statistic of this stage reads columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.performance.metrics.names import Task

# Numbers: float64, NaN where missing. Text: objects, `str` or None where missing.
Values = NDArray[np.float64] | NDArray[np.object_]
Mask = NDArray[np.bool_]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1) // MICROSECOND


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What a row of payload holds and what the model answers.

    Attributes:
        features: name of each column, in the payload's order, and whether it is a number.
        task: what is predicted: the probability of the positive class, one of each class, or a quantity.
        classes: names of the classes, in the order of the model's probabilities; multiclass alone has them.

    Raises:
        ValueError: no feature, two of one name, fewer than two classes where classes are predicted, classes
            where none are.
    """

    features: tuple[tuple[str, bool], ...]
    task: Task = Task.BINARY
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.features:
            raise ValueError("a schema needs at least one feature")
        if len(set(self.names)) < len(self.names):
            repeated = sorted({name for name in self.names if self.names.count(name) > 1})
            raise ValueError(f"two features have one name: {', '.join(repeated)}")
        task = Task(self.task)
        if task is Task.MULTICLASS:
            if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
                raise ValueError("a multiclass schema names its classes: two or more, each once")
        elif self.classes:
            raise ValueError(f"a {task.value} schema has no classes: take them out, or say multiclass")

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.features)

    @cached_property
    def all_numeric(self) -> bool:
        return all(numeric for _, numeric in self.features)

    def prediction_shape(self, rows: int) -> tuple[int, ...]:
        """Shape of the predictions for so many rows."""
        return (rows, len(self.classes)) if self.classes else (rows,)


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Rows of captured traffic, by column; every sequence has one entry a row.

    Attributes:
        keys: what outcomes are joined by: the inference id, else the event id; rows after the first of one
            request carry `#n`.
        at: time of inference, microseconds since 1970 in UTC.
        columns: values by feature, in the schema's order. NaN and infinities count as missing.
        invalid: where a value is of the wrong type (text that is no number where a number belongs; a list
            where a value belongs) and therefore missing; only for features that have any.
        absent: where a payload with names lacked the feature; only for features that were absent.
        extra: where a payload with names carried a name that the schema does not know, by that name.
        packages: the model package that answered; None where the answer named none or there was none.
        values: predictions, (rows,) or (rows, classes); NaN where the request was not answered.
        golden: requests that were left out since they asked a golden set; a selection of the rows has none.
    """

    keys: tuple[str, ...]
    at: NDArray[np.int64]
    columns: Mapping[str, Values]
    packages: NDArray[np.object_]
    values: NDArray[np.float64]
    invalid: Mapping[str, Mask] = field(default_factory=dict)
    absent: Mapping[str, Mask] = field(default_factory=dict)
    extra: Mapping[str, Mask] = field(default_factory=dict)
    golden: int = 0

    @classmethod
    def empty(cls, schema: Schema) -> Traffic:
        """No rows."""
        return cls(
            keys=(),
            at=np.zeros(0, dtype=np.int64),
            columns={
                name: np.zeros(0, dtype=np.float64 if numeric else object)
                for name, numeric in schema.features
            },
            packages=np.zeros(0, dtype=object),
            values=np.zeros(schema.prediction_shape(0)),
        )

    @property
    def rows(self) -> int:
        return len(self.keys)

    @property
    def answered(self) -> Mask:
        """Where there is a prediction."""
        there = ~np.isnan(self.values)
        return there if there.ndim == 1 else np.asarray(there.all(axis=1))

    def take(self, mask: Mask) -> Traffic:
        """The rows where the mask is true, in order. Raises ValueError for a mask of another length."""
        if mask.shape != (self.rows,):
            raise ValueError(f"a mask of shape {mask.shape} for {self.rows} rows")
        if mask.all():
            return self
        return Traffic(
            keys=tuple(compress(self.keys, mask.tolist())),
            at=self.at[mask],
            columns={name: values[mask] for name, values in self.columns.items()},
            packages=self.packages[mask],
            values=self.values[mask],
            golden=0,
            **{
                name: {key: kept for key, each in masks.items() if (kept := each[mask]).any()}
                for name, masks in self._masks().items()
            },
        )

    def by_hour(self) -> dict[datetime, Traffic]:
        """The rows of each hour of inference time, by the hour's start in UTC, in order of time."""
        hours = self.at // HOUR
        return {EPOCH + timedelta(hours=hour): self.take(hours == hour) for hour in np.unique(hours).tolist()}

    @staticmethod
    def concat(parts: Sequence[Traffic]) -> Traffic:
        """All rows of one schema, part after part. Raises ValueError for none, or for other columns."""
        if not parts:
            raise ValueError("nothing to put together: Traffic.empty(schema) has no rows")
        first = parts[0]
        if len(parts) == 1:
            return first
        if any(part.columns.keys() != first.columns.keys() for part in parts):
            raise ValueError("traffic of different columns cannot be put together")
        return Traffic(
            keys=tuple(key for part in parts for key in part.keys),
            at=np.concatenate([part.at for part in parts]),
            columns={name: np.concatenate([part.columns[name] for part in parts]) for name in first.columns},
            packages=np.concatenate([part.packages for part in parts]),
            values=np.concatenate([part.values for part in parts]),
            invalid=_joined([part.invalid for part in parts], parts),
            absent=_joined([part.absent for part in parts], parts),
            extra=_joined([part.extra for part in parts], parts),
            golden=sum(part.golden for part in parts),
        )

    def _masks(self) -> dict[str, Any]:
        return {"invalid": self.invalid, "absent": self.absent, "extra": self.extra}


def _joined(masks: Sequence[Mapping[str, Mask]], parts: Sequence[Traffic]) -> dict[str, Mask]:
    names = dict.fromkeys(name for each in masks for name in each)
    return {
        name: np.concatenate(
            [
                each[name] if name in each else np.zeros(part.rows, dtype=bool)
                for each, part in zip(masks, parts, strict=True)
            ]
        )
        for name in names
    }
