"""Rows of cells → columns of values.

Numbers are read as Python's `float` reads them, with one exception: "1_000" is no number, since no other
reader takes it for one. Numbers beyond 2⁵³ become the nearest float64. Empty text, null, NaN and infinities
(1e400 and 10⁴⁰⁰ too) are missing. Anything else where a number belongs is invalid: text, true and false,
arrays, objects. In a text column a JSON number is its JSON text; arrays and objects are invalid.
"""

from __future__ import annotations

import json
import math
import warnings
from array import array
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.reading.payloads import ABSENT, Row
from selfheal.observe.reading.traffic import Mask, Schema, Values
from selfheal.observe.reading.typed_json import decoder

# Texts that are no numbers are looked for piece by piece, down to so few, which are then read one by one.
_PIECES = 16
_FEW = 16
_NOT_PLAIN = "( \t\n\v\f\r"

_json_numbers = decoder(list[float])

Columns = tuple[dict[str, Values], dict[str, Mask], dict[str, Mask]]


def to_columns(rows: Sequence[Row], schema: Schema) -> Columns:
    """Values, invalid and absent by feature; see `Traffic` for what they mean.

    >>> schema = Schema(features=(("x", True), ("c", False)))
    >>> values, invalid, absent = to_columns(["1.5,a", "none,", [None, 7]], schema)
    >>> values["x"], values["c"], invalid["x"]
    (array([1.5, nan, nan]), array(['a', None, '7'], dtype=object), array([False,  True, False]))
    """
    if schema.all_numeric and set(map(type, rows)) == {str}:
        return _all_numbers(cast("Sequence[str]", rows), schema)
    values: dict[str, Values] = {}
    invalid: dict[str, Mask] = {}
    absent: dict[str, Mask] = {}
    columns = zip(*(row.split(",") if isinstance(row, str) else row for row in rows), strict=True)
    for (name, numeric), cells in zip(schema.features, columns, strict=True):
        values[name], bad = _numbers(cells) if numeric else _texts(cells)
        if bad:
            invalid[name] = _mask(bad, len(rows))
        if ABSENT in cells:
            absent[name] = np.array([cell is ABSENT for cell in cells])
    return values, invalid, absent


def cell_text(cell: Any) -> str:
    """A cell as CSV has it: what is missing is empty, what JSON has is its JSON text."""
    if isinstance(cell, str):
        return cell
    return "" if cell is None or cell is ABSENT else json.dumps(cell, ensure_ascii=False)


def _all_numbers(rows: Sequence[str], schema: Schema) -> Columns:
    width = len(schema.names)
    flat, bad = _parse(rows, width)
    values = np.ascontiguousarray(flat.reshape(-1, width).T)  # so that each column is one piece of memory
    invalid: dict[str, Mask] = {}
    for name, place in zip(schema.names, range(width), strict=True):
        places = [each // width for each in bad if each % width == place] if bad else []
        if places:
            invalid[name] = _mask(places, len(rows))
    return dict(zip(schema.names, values, strict=True)), invalid, {}


def _numbers(cells: Sequence[Any]) -> tuple[NDArray[np.float64], list[int]]:
    kinds = set(map(type, cells))
    if kinds == {str} and not any("," in cell for cell in cells):
        return _parse(cells, 1)
    if kinds <= {int, float}:
        try:
            values = np.array(cells, dtype=np.float64)
        except OverflowError:
            pass
        else:
            return _finite(values), []
    return _one_by_one(cells)


def _texts(cells: Sequence[Any]) -> tuple[NDArray[np.object_], list[int]]:
    bad = []
    if set(map(type, cells)) == {str}:
        texts = [cell or None for cell in cells]
    else:
        bad = [place for place, cell in enumerate(cells) if isinstance(cell, list | dict)]
        texts = [_text(cell) for cell in cells]
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column, bad


def _text(cell: Any) -> str | None:
    if isinstance(cell, list | dict) or (isinstance(cell, float) and not math.isfinite(cell)):
        return None
    return cell_text(cell) or None


def _parse(texts: Sequence[str], width: int) -> tuple[NDArray[np.float64], list[int]]:
    """The numbers of texts that hold `width` fields each, and the places of those that are invalid."""
    values = _at_once(",".join(texts), len(texts) * width)
    if values is not None:
        return values, []
    if len(texts) <= _FEW:
        return _one_by_one([field for text in texts for field in (text.split(",") if width > 1 else [text])])
    step = max(_FEW, len(texts) // _PIECES)
    values = np.empty(len(texts) * width)
    bad: list[int] = []
    for start in range(0, len(texts), step):
        piece, places = _parse(texts[start : start + step], width)
        values[start * width : start * width + len(piece)] = piece
        bad += [start * width + place for place in places]
    return values, bad


def _at_once(text: str, count: int) -> NDArray[np.float64] | None:
    """So many numbers between commas; None unless all of the text is plain numbers or empty.

    What numpy takes for a number, `float` takes for the same one, but for what is not plain: numpy reads
    "nan(…)", and -1 where there is nothing but blanks.
    """
    numbers = _json_numbers(f"[{text}]")
    if numbers is not None and len(numbers) == count:
        # By way of array: numpy takes twice as long to find out what is in a list.
        return np.frombuffer(array("d", numbers))
    if " " in text:
        text = text.replace(", ", ",")  # a blank after the comma is all that is usual
    if not text.isascii() or any(sign in text for sign in _NOT_PLAIN):
        return None
    values = _from_text(text, count)
    if values is None:
        # Every second empty field is met by each of the two passes.
        filled = f",{text},".replace(",,", ",nan,").replace(",,", ",nan,")[1:-1]
        values = _from_text(filled, count) if len(filled) > len(text) else None
    return values


def _from_text(text: str, count: int) -> NDArray[np.float64] | None:
    with warnings.catch_warnings():
        # Some releases of numpy raise where they stop at text that is no number, others only warn.
        warnings.simplefilter("error")
        try:
            values = np.fromstring(text, dtype=np.float64, sep=",")
        except (DeprecationWarning, ValueError):
            return None
    return _finite(values) if len(values) == count else None


def _one_by_one(cells: Sequence[Any]) -> tuple[NDArray[np.float64], list[int]]:
    values = np.full(len(cells), np.nan)
    bad = []
    for place, cell in enumerate(cells):
        try:
            values[place] = _number(cell)
        except ValueError:  # noqa: PERF203 - few cells come here
            bad.append(place)
    return _finite(values), bad


def _number(cell: Any) -> float:
    """NaN for what is missing; raises ValueError for what is invalid."""
    if cell is None or cell is ABSENT:
        return math.nan
    if isinstance(cell, str):
        if not cell.strip():
            return math.nan
        if "_" in cell:
            raise ValueError(f"{cell!r} is not a number")
        return float(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise ValueError(f"{type(cell).__name__} is not a number")
    try:
        return float(cell)
    except OverflowError:
        return math.nan


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values with infinities made missing; in place."""
    infinite = np.isinf(values)
    if infinite.any():
        values[infinite] = np.nan
    return values


def _mask(places: Sequence[int], rows: int) -> Mask:
    mask = np.zeros(rows, dtype=bool)
    mask[places] = True
    return mask
