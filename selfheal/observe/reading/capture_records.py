"""One line of a capture file → its record: who was asked what and when, and what came back.

Format: "Capture data from real-time endpoint", SageMaker developer guide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, NamedTuple, TypedDict

from selfheal.observe.reading.lines import Line, MalformedError, json_object, text_of
from selfheal.observe.reading.traffic import EPOCH, MICROSECOND
from selfheal.observe.reading.typed_json import decoder

# How the inference id of a request begins by which verification asks a golden set: such rows are no traffic.
GOLDEN_REQUEST = "selfheal-golden-"


class Side(NamedTuple):
    """How one side of a record was captured.

    Attributes:
        is_json: whether the content type, else the encoding, says JSON; None where neither says JSON or CSV.
        is_base64: whether the data is base64 of the text.
    """

    is_json: bool | None
    is_base64: bool

    @classmethod
    @lru_cache(maxsize=64)  # an endpoint has one or two of each
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


class _Side(TypedDict, total=False):
    data: str
    encoding: str
    observedContentType: str


class _Data(TypedDict, total=False):
    endpointInput: _Side
    endpointOutput: _Side


class _Meta(TypedDict, total=False):
    eventId: str
    inferenceId: str
    inferenceTime: str


class _Line(TypedDict, total=False):
    captureData: _Data
    eventMetadata: _Meta


_usual: Callable[[Line], Mapping[str, Any] | None] = decoder(_Line)
_NOT_ANSWERED = None, Side(None, False)


def read_record(line: Line) -> Record:
    """The record of one line; raises MalformedError where it is none."""
    record: Mapping[str, Any] = _usual(line) or json_object(line)
    try:
        capture, meta = record["captureData"], record["eventMetadata"]
        asked, asked_as = _side(capture["endpointInput"])
        output = capture.get("endpointOutput")
        answered, answered_as = _NOT_ANSWERED if output is None else _side(output)
        key = text_of(meta.get("inferenceId") or meta["eventId"], "the inferenceId or eventId")
        time = text_of(meta["inferenceTime"], "inferenceTime")
        return Record(key, time, asked, asked_as, answered, answered_as)
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedError(f"not a capture record: {type(error).__name__} {error}") from error


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
