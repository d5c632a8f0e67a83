"""Reading captured traffic and outcomes, as SageMaker writes them.

A line that cannot be read is refused with its position and the reason; the rest of the file is used.
Formats: data capture and ground truth of "Monitor data and model quality", SageMaker developer guide.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

import numpy as np

from selfheal.observe.baseline import Feature, Sample, Values


class MalformedError(ValueError):
    """A line that is not what it should be; the message is the reason."""


@dataclass(frozen=True)
class Rejected:
    """A line that could not be read: where it stands, why, and the line itself."""

    source: str
    line: int
    reason: str
    text: str

    def to_json(self) -> dict[str, Any]:
        return {"source": self.source, "line": self.line, "reason": self.reason, "text": self.text}


@dataclass(frozen=True, kw_only=True)
class Inference:
    """One row that the endpoint was asked about.

    Attributes:
        key: what outcomes are joined by: the inference id, else the event id; rows after the first of one
            request carry `#n`.
        at: when, in UTC.
        fields: the payload's columns as text, in order.
        score: the answer, or None where the request failed.
        model_package: the model that answered, as the answer itself says.
    """

    key: str
    at: datetime
    fields: tuple[str, ...]
    score: float | None
    model_package: str | None


@dataclass(frozen=True)
class Outcome:
    """What really happened with one inference."""

    key: str
    label: float


T = TypeVar("T")


def read_capture(text: str, source: str, width: int) -> tuple[list[Inference], list[Rejected]]:
    """Inferences of one capture file (JSON Lines); `width` is the number of columns of a payload row."""
    batches, rejected = _read(text, source, lambda line: _inferences(line, width))
    return [inference for batch in batches for inference in batch], rejected


def read_outcomes(text: str, source: str) -> tuple[list[Outcome], list[Rejected]]:
    """Outcomes of one ground-truth file (JSON Lines)."""
    return _read(text, source, _outcome)


def sample(inferences: Sequence[Inference], features: Sequence[Feature]) -> Sample:
    """The inferences' payloads as columns. Text that is no number is missing where a number belongs."""
    columns: dict[str, Values] = {}
    for place, feature in enumerate(features):
        texts = [inference.fields[place] for inference in inferences]
        columns[feature.name] = _numbers(texts) if feature.is_numeric else [text or None for text in texts]
    return Sample(columns=columns)


def _read(text: str, source: str, parse: Callable[[str], T]) -> tuple[list[T], list[Rejected]]:
    good: list[T] = []
    rejected: list[Rejected] = []
    # Not splitlines(): it also ends lines where JSON may have a raw U+2028 inside a string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            good.append(parse(line))
        except MalformedError as error:
            rejected.append(Rejected(source, number, str(error), line[:2000]))
    return good, rejected


def _inferences(line: str, width: int) -> list[Inference]:
    record = _object(line)
    try:
        capture, meta = record["captureData"], record["eventMetadata"]
        key = meta.get("inferenceId") or meta["eventId"]
        if not isinstance(key, str):
            raise TypeError(f"eventId is {type(key).__name__}, not text")
        at = _time(meta["inferenceTime"])
        rows = _rows(capture["endpointInput"], width)
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedError(f"not a capture record: {type(error).__name__} {error}") from error
    package, scores = _answer(capture.get("endpointOutput"), len(rows))
    return [
        Inference(key=key if n == 0 else f"{key}#{n}", at=at, fields=row, score=score, model_package=package)
        for n, (row, score) in enumerate(zip(rows, scores, strict=True))
    ]


def _rows(data: dict[str, Any], width: int) -> list[tuple[str, ...]]:
    try:
        rows = [tuple(row) for row in csv.reader(io.StringIO(_payload(data), newline="")) if row]
    except csv.Error as error:
        raise MalformedError(f"the payload is not CSV: {error}") from error
    if not rows:
        raise MalformedError("the request's payload is empty")
    for row in rows:
        if len(row) != width:
            raise MalformedError(f"a payload row has {len(row)} columns instead of {width}")
    return rows


def _answer(data: dict[str, Any] | None, rows: int) -> tuple[str | None, Sequence[float | None]]:
    """The answering package and a score a row; a request that was not answered has neither."""
    if data is None:
        return None, [None] * rows
    try:
        body = json.loads(_payload(data))
        package = str(body["model_package"])
        scores = [float(prediction["score"]) for prediction in body["predictions"]]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise MalformedError(
            f"the answer is not of this workload's form: {type(error).__name__} {error}"
        ) from error
    if len(scores) != rows:
        raise MalformedError(f"{len(scores)} predictions for {rows} rows")
    if not np.isfinite(scores).all():
        raise MalformedError("a prediction is not a finite number")
    return package, scores


def _payload(data: dict[str, Any]) -> str:
    if data["encoding"] != "BASE64":
        return str(data["data"])
    try:
        return base64.b64decode(data["data"], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise MalformedError(f"the payload is not base64 of UTF-8: {error}") from error


def _outcome(line: str) -> Outcome:
    record = _object(line)
    try:
        label = float(record["groundTruthData"]["data"])
        key = str(record["eventMetadata"]["eventId"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MalformedError(f"not a ground-truth record: {type(error).__name__} {error}") from error
    if label not in (0.0, 1.0):
        raise MalformedError(f"label {label!r} is neither 0 nor 1")
    return Outcome(key, label)


def _object(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise MalformedError(f"not a JSON object but {type(record).__name__}")
    return record


def _time(text: str) -> datetime:
    try:
        # fromisoformat reads "Z" only from Python 3.11 on.
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise MalformedError(f"inferenceTime {text!r} is not an ISO time") from error


def _numbers(texts: Iterable[str]) -> Values:
    return np.array([_number(text) for text in texts], dtype=np.float64)


def _number(text: str) -> float:
    if "_" in text:
        return float("nan")  # Python would read 1_000 as a number, and no other reader does
    try:
        return float(text)
    except ValueError:
        return float("nan")
