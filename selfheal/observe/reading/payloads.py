"""What the model was asked: the text of a payload → its rows of cells.

Read forms: CSV without a header; JSON as {"instances": [row, …]}, as an array of rows, or as one row; JSON
Lines, one row a line. A JSON row is an array in the schema's order, {"features": [the same]}, or an object by
name. Rows without names must have the schema's width; rows with names may lack some and carry others.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from selfheal.observe.reading.capture_records import Side
from selfheal.observe.reading.lines import MalformedError
from selfheal.observe.reading.traffic import Schema

ABSENT = object()  # the cell of a name that a row with names lacks

# A row of CSV as it came, without quotes and of the right width; or cells: text, or what JSON has.
Row = str | Sequence[Any]

# The csv module's own limit to a field, which a row of CSV without quotes must keep to as well.
_LONGEST_FIELD = 131_072


class Payload(NamedTuple):
    """Rows of one request, and the unknown names that each of them carried."""

    rows: Sequence[Row]
    extra: Sequence[Sequence[str]] = ()


def opened(data: str, side: Side) -> tuple[str, bool]:
    """The text of captured data, and whether it is JSON; raises MalformedError where it is no base64.

    Where the record does not say what it is, the text does: only JSON begins with a bracket or a brace.
    """
    text = data
    if side.is_base64:
        try:
            text = base64.b64decode(data, validate=True).decode("utf-8")
        except ValueError as error:  # binascii.Error and UnicodeDecodeError among them
            raise MalformedError(f"the payload is not base64 of UTF-8: {error}") from error
    if side.is_json is None:
        return text, text.lstrip().startswith(("[", "{"))
    return text, side.is_json


def read_payload(text: str, json_: bool, schema: Schema) -> Payload:
    """The payload's rows, at least one; raises MalformedError."""
    payload = _from_json(text, schema) if json_ else _from_csv(text, schema)
    if not payload.rows:
        raise MalformedError("the request's payload is empty")
    return payload


def are_plain(texts: Sequence[str], schema: Schema) -> bool:
    """Whether each text is one row of CSV that needs no csv module to be read."""
    whole = "\n".join(texts)
    return (
        '"' not in whole
        and "\r" not in whole
        and whole.count("\n") == len(texts) - 1
        and max(map(len, texts)) <= _LONGEST_FIELD
        and all(texts)
        and {text.count(",") for text in texts} == {len(schema.features) - 1}
    )


def _from_csv(text: str, schema: Schema) -> Payload:
    width = len(schema.features)
    if '"' in text or "\r" in text or len(text) > _LONGEST_FIELD:
        try:
            rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        except csv.Error as error:
            raise MalformedError(f"the payload is not CSV: {error}") from error
        for row in rows:
            _demand_width(len(row), width)
        return Payload(rows)
    lines = [line for line in text.split("\n") if line] if "\n" in text else [text] if text else []
    for line in lines:
        if line.count(",") != width - 1:
            _demand_width(line.count(",") + 1, width)
    return Payload(lines)


def _from_json(text: str, schema: Schema) -> Payload:
    named = [_cells(row, schema) for row in _json_rows(text)]
    return Payload([cells for cells, _ in named], [extra for _, extra in named])


def _json_rows(text: str) -> list[Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _json_lines(text, error)
    if isinstance(body, dict) and isinstance(body.get("instances"), list):
        body = body["instances"]
        return body if all(isinstance(row, list | dict) for row in body) else [body]
    if isinstance(body, list) and all(isinstance(row, list | dict) for row in body):
        return body
    return [body]


def _json_lines(text: str, whole: Exception) -> list[Any]:
    """The rows of JSON Lines; `whole` is why the text is not one JSON document."""
    lines = [line for line in text.split("\n") if line.strip()]
    try:
        if len(lines) < 2:
            raise whole
        return [json.loads(line) for line in lines]
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"the payload is not JSON: {error}") from error


def _cells(row: Any, schema: Schema) -> tuple[Sequence[Any], Sequence[str]]:
    """A JSON row's cells in the schema's order, and the names in it that the schema does not know."""
    if isinstance(row, dict):
        if "features" not in schema.names and isinstance(row.get("features"), list):
            row = row["features"]
        else:
            return _by_name(row, schema)
    if not isinstance(row, list):
        raise MalformedError(f"a payload row is {type(row).__name__}, not an array or an object")
    _demand_width(len(row), len(schema.features))
    return row, ()


def _by_name(row: dict[str, Any], schema: Schema) -> tuple[Sequence[Any], Sequence[str]]:
    cells = [row.get(name, ABSENT) for name in schema.names]
    known = len(cells) - cells.count(ABSENT)
    if not known:
        found = ", ".join(list(row)[:5]) or "nothing"
        raise MalformedError(f"a payload row has none of the schema's columns but {found}")
    extra = () if known == len(row) else [name for name in row if name not in schema.names]
    return cells, extra


def _demand_width(found: int, width: int) -> None:
    if found != width:
        raise MalformedError(f"a payload row has {found} columns instead of {width}")
