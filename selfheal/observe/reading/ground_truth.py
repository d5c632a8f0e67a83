"""Reading ground truth: what really happened with the rows that a model was asked about.

    {"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "…"}, "eventVersion": "0"}

`eventId` is the row's key: the inference id, else the event id, with `#n` for rows after the first.
Format: "Ingest ground truth labels and merge them with predictions", SageMaker developer guide.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

import numpy as np

from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.performance.outcomes import Outcomes, microseconds
from selfheal.observe.reading.capture_records import microseconds_of
from selfheal.observe.reading.lines import (
    Line,
    MalformedError,
    Rejected,
    json_object,
    lines_of,
    numbered,
    text_of,
)
from selfheal.observe.reading.traffic import Schema
from selfheal.observe.reading.typed_json import decoder


class _Data(TypedDict, total=False):
    data: str


class _Meta(TypedDict, total=False):
    eventId: str
    collectionTime: str


class _Line(TypedDict, total=False):
    groundTruthData: _Data
    eventMetadata: _Meta


_usual: Any = decoder(_Line)

_TRUTH = {"true": 1.0, "false": 0.0}


def read_outcomes(
    text: Line, source: str, schema: Schema, collected_at: datetime
) -> tuple[Outcomes, list[Rejected]]:
    """The outcomes of one ground-truth file, in its order, and the lines that could not be read.

    Labels by task: 0, 1, true or false; a class's name, else its index; a finite number. They were collected
    at their record's `collectionTime`, which is this template's addition, else at `collected_at`.

    >>> from datetime import timezone
    >>> line = '{"groundTruthData": {"data": "%s"}, "eventMetadata": {"eventId": "e1"}}'
    >>> schema = Schema(features=(("x", True),), task=Task.MULTICLASS, classes=("cat", "dog"))
    >>> outcomes, rejected = read_outcomes(
    ...     chr(10).join(line % label for label in ("dog", "0", "cow")), "12/a.jsonl", schema,
    ...     datetime(1970, 1, 1, 1, tzinfo=timezone.utc))
    >>> outcomes.keys, outcomes.labels, outcomes.at
    (('e1', 'e1'), array([1., 0.]), array([3600000000, 3600000000]))
    >>> rejected[0].reason
    "label 'cow' is neither a class nor the index of one"
    """
    reader = _Reader(schema, microseconds(collected_at))
    rejected: list[Rejected] = []
    for number, line in numbered(lines_of(text)):
        try:
            reader.add(line)
        except MalformedError as error:  # noqa: PERF203 - a bad line costs itself alone
            rejected.append(Rejected.of(source, number, error, line))
    return reader.outcomes(), rejected


class _Reader:
    def __init__(self, schema: Schema, collected_at: int) -> None:
        self._schema = schema
        self._collected_at = collected_at
        self._keys: list[str] = []
        self._labels: list[float] = []
        self._at: list[int] = []
        self._known: dict[str, float] = {}

    def add(self, line: Line) -> None:
        label, key, collected = _strings(line)
        if label not in self._known:
            if len(self._known) > 10_000:  # quantities hardly repeat
                self._known.clear()
            self._known[label] = _label(label, self._schema)
        at = self._collected_at if collected is None else microseconds_of(collected)
        self._labels.append(self._known[label])
        self._keys.append(key)
        self._at.append(at)

    def outcomes(self) -> Outcomes:
        return Outcomes(
            keys=tuple(self._keys),
            labels=np.array(self._labels, dtype=np.float64),
            at=np.array(self._at, dtype=np.int64),
        )


def _strings(line: Line) -> tuple[str, str, str | None]:
    record: Mapping[str, Any] = _usual(line) or json_object(line)
    try:
        meta = record["eventMetadata"]
        data = record["groundTruthData"]["data"]
        collected = meta.get("collectionTime")
        return (
            _label_text(data),
            text_of(meta["eventId"], "eventId"),
            None if collected is None else text_of(collected, "collectionTime"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedError(f"not a ground-truth record: {type(error).__name__} {error}") from error


def _label_text(data: Any) -> str:
    # A number or a truth value beside the CSV that the format asks for: it says no less.
    return json.dumps(data) if isinstance(data, int | float) else text_of(data, "data")


def _label(text: str, schema: Schema) -> float:
    """The label that CSV of one field holds; raises MalformedError."""
    text = _field(text).strip()
    if schema.task is Task.MULTICLASS and text in schema.classes:
        return float(schema.classes.index(text))
    if schema.task is Task.BINARY and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    number = _number(text)
    if schema.task is Task.REGRESSION:
        if not math.isfinite(number):
            raise MalformedError(f"label {text[:40]!r} is not a finite number")
    elif number not in range(len(schema.classes) or 2):
        wanted = "a class nor the index of one" if schema.classes else "0 nor 1"
        raise MalformedError(f"label {text[:40]!r} is neither {wanted}")
    return number


def _field(text: str) -> str:
    if '"' not in text:
        return text
    try:
        rows = list(csv.reader([text]))
    except csv.Error as error:
        raise MalformedError(f"the label is not CSV: {error}") from error
    return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else text


def _number(text: str) -> float:
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan
