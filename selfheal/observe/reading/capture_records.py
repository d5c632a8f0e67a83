"""One line of a capture file → its record: who was asked what and when, and what came back.

Format: "Capture data from real-time endpoint", SageMaker developer guide.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, NamedTuple

from selfheal.observe.reading.line_layout import LineLayout
from selfheal.observe.reading.lines import MalformedError, demand_utf8
from selfheal.observe.reading.traffic import EPOCH, MICROSECOND

# A file has few layouts: answered or not, with an inference id or not. A lesson costs some readings.
_LESSONS = 8
_ASKED = ("captureData", "endpointInput", "data")
_ANSWERED = ("captureData", "endpointOutput", "data")
_EVENT_ID = ("eventMetadata", "eventId")
_INFERENCE_ID = ("eventMetadata", "inferenceId")
_TIME = ("eventMetadata", "inferenceTime")


class Side(NamedTuple):
    """How one side of a record was captured.

    Attributes:
        is_json: whether the content type, else the encoding, says JSON; None where neither says JSON or CSV.
        is_base64: whether the data is base64 of the text.
    """

    is_json: bool | None
    is_base64: bool

    @classmethod
    def of(cls, content_type: str, encoding: str) -> Side:
        """
        >>> Side.of("text/csv; charset=utf-8", "BASE64"), Side.of("", "JSON").is_json
        (Side(is_json=False, is_base64=True), True)
        """
        said = [says for says in (content_type.lower(), encoding.lower()) if "csv" in says or "json" in says]
        return cls("csv" not in said[0] if said else None, encoding == "BASE64")


class Record(NamedTuple):
    """One captured request; `answered` is None where it was not answered."""

    key: str
    time: str
    asked: str
    asked_as: Side
    answered: str | None
    answered_as: Side


class RecordReader:
    """Reads the lines of one file, or of several alike."""

    def __init__(self) -> None:
        self._layouts: list[tuple[LineLayout, Side, Side]] = []
        self._lessons = _LESSONS

    def read(self, line: str) -> Record:
        """The line's record; raises MalformedError where it is none."""
        demand_utf8(line)
        for layout, asked_as, answered_as in self._layouts:
            strings = layout.strings(line)
            if strings is not None:
                asked, time, answered, event_id, inference_id = strings
                key = inference_id or event_id
                if asked is not None and time is not None and key is not None:
                    return Record(key, time, asked, asked_as, answered, answered_as)
        record = read_record(line)
        self._learn(line, record)
        return record

    def _learn(self, line: str, record: Record) -> None:
        if self._lessons:
            self._lessons -= 1
            layout = LineLayout.learn(line, (_ASKED, _TIME, _ANSWERED, _EVENT_ID, _INFERENCE_ID))
            if layout is not None:
                self._layouts.append((layout, record.asked_as, record.answered_as))


def read_record(line: str) -> Record:
    """The record of one line, read as JSON; raises MalformedError where it is none."""
    record = json_object(line)
    try:
        capture, meta = record["captureData"], record["eventMetadata"]
        asked, asked_as = _side(capture["endpointInput"])
        output = capture.get("endpointOutput")
        answered, answered_as = (None, Side(None, False)) if output is None else _side(output)
        key = text_of(meta.get("inferenceId") or meta["eventId"], "the inferenceId or eventId")
        time = text_of(meta["inferenceTime"], "inferenceTime")
        return Record(key, time, asked, asked_as, answered, answered_as)
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedError(f"not a capture record: {type(error).__name__} {error}") from error


def json_object(line: str) -> dict[str, Any]:
    """The line as a JSON object; raises MalformedError for anything else."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise MalformedError(f"not a JSON object but {type(record).__name__}")
    return record


def text_of(value: Any, name: str) -> str:
    """The value; raises TypeError where it is not text."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {type(value).__name__}, not text")
    return value


@lru_cache(maxsize=8192)  # SageMaker writes whole seconds, so an hour has 3,600 times
def microseconds_of(text: str) -> int:
    """An ISO time as microseconds since 1970; a time without a zone is UTC. Raises MalformedError.

    >>> microseconds_of("1970-01-01T01:00:00Z"), microseconds_of("1970-01-01T01:00:00.5+01:00")
    (3600000000, 500000)
    """
    try:
        # fromisoformat reads "Z" only from Python 3.11 on.
        at = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
        at = at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise MalformedError(f"the time {text[:40]!r} is not an ISO time") from error
    return (at - EPOCH) // MICROSECOND


def _side(side: dict[str, Any]) -> tuple[str, Side]:
    content_type = text_of(side.get("observedContentType") or "", "observedContentType")
    return text_of(side["data"], "data"), Side.of(content_type, text_of(side["encoding"], "encoding"))
