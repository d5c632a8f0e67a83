"""Reading captured traffic, as SageMaker writes it.

A line that cannot be read is refused with its position and the reason; the rest of the file is used.
Lines are read in blocks, so that a file of any size needs the memory of a few thousand lines.
Format: "Capture data from real-time endpoint", SageMaker developer guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import NamedTuple

import numpy as np

from selfheal.observe.reading.alike import read_alike
from selfheal.observe.reading.answers import Prediction, read_answer, unanswered
from selfheal.observe.reading.capture_records import GOLDEN_REQUEST, Record, microseconds_of, read_record
from selfheal.observe.reading.lines import Line, MalformedError, Rejected, lines_of, numbered
from selfheal.observe.reading.payload_columns import cell_text, to_columns
from selfheal.observe.reading.payloads import Row, opened, read_payload
from selfheal.observe.reading.traffic import EPOCH, MICROSECOND, Mask, Schema, Traffic

LINES_PER_BLOCK = 4096


class TextRow(NamedTuple):
    """One row of captured traffic as its text: what training reads."""

    key: str
    at: datetime
    fields: tuple[str, ...]


def read_capture(text: Line, source: str, schema: Schema) -> tuple[Traffic, list[Rejected]]:
    """The traffic of one capture file, whole, and the lines that could not be read.

    >>> schema = Schema(features=(("x", True), ("c", False)))
    >>> line = (
    ...     '{"captureData": {"endpointInput": {"observedContentType": "text/csv", "mode": "INPUT",'
    ...     ' "data": "1.5,a", "encoding": "CSV"}, "endpointOutput": {"observedContentType":'
    ...     ' "application/json", "mode": "OUTPUT", "data": "[0.25]", "encoding": "JSON"}},'
    ...     ' "eventMetadata": {"eventId": "e1", "inferenceTime": "2013-03-01T12:00:00Z"}}'
    ... )
    >>> traffic, rejected = read_capture(line + chr(10) + "{broken", "12/a.jsonl", schema)
    >>> traffic.keys, traffic.columns["x"], traffic.columns["c"], traffic.values
    (('e1',), array([1.5]), array(['a'], dtype=object), array([0.25]))
    >>> rejected[0].line, rejected[0].text
    (2, '{broken')
    """
    parts = [Traffic.empty(schema)]
    rejected: list[Rejected] = []
    for traffic, refused in read_blocks(lines_of(text), source, schema):
        parts.append(traffic)
        rejected += refused
    return Traffic.concat(parts), rejected


def read_blocks(
    lines: Iterable[Line],
    source: str,
    schema: Schema,
    lines_per_block: int = LINES_PER_BLOCK,
) -> Iterator[tuple[Traffic, list[Rejected]]]:
    """The traffic of a capture file of any size, block by block, in the file's order.

    Lines come as text, or as bytes of UTF-8, with or without their line ends; text that was read from bytes
    must have been read with errors="surrogateescape", so that bytes that are not UTF-8 cost their line alone.
    """
    for block in _blocks(lines, source, schema, lines_per_block):
        yield block.traffic(schema), block.rejected


def read_rows(text: Line, source: str, schema: Schema) -> tuple[list[TextRow], list[Rejected]]:
    """The same rows as `read_capture`, as text: fields of CSV as they came, values of JSON as JSON text."""
    rows: list[TextRow] = []
    rejected: list[Rejected] = []
    for block in _blocks(lines_of(text), source, schema, LINES_PER_BLOCK):
        rows += block.text_rows()
        rejected += block.rejected
    return rows, rejected


@dataclass
class _Block:
    """Rows of some lines."""

    keys: list[str] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    packages: list[str | None] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    extra: dict[str, list[int]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    golden: int = 0

    def add(self, record: Record, schema: Schema) -> None:
        """Take in a record's rows, or none of them: raises MalformedError. What asks a golden set is counted alone."""
        if record.key.startswith(GOLDEN_REQUEST):
            self.golden += 1
            return
        at = microseconds_of(record.time)
        rows, extra = read_payload(*opened(record.asked, record.asked_as), schema)
        count = len(rows)
        if record.answered is None:
            package, predictions = unanswered(count, schema)
        else:
            package, predictions = read_answer(*opened(record.answered, record.answered_as), count, schema)
        if extra:
            self._note(extra)
        self.keys.append(record.key)
        if count > 1:
            self.keys += [f"{record.key}#{place}" for place in range(1, count)]
        self.at += [at] * count
        self.packages += [package] * count
        self.rows += rows
        self.predictions += predictions

    def _note(self, extra: Sequence[Sequence[str]]) -> None:
        for place, names in enumerate(extra, start=len(self.rows)):
            for name in names:
                self.extra.setdefault(name, []).append(place)

    def traffic(self, schema: Schema) -> Traffic:
        if not self.rows:
            return replace(Traffic.empty(schema), golden=self.golden)
        columns, invalid, absent = to_columns(self.rows, schema)
        packages = np.empty(len(self.rows), dtype=object)
        packages[:] = self.packages
        return Traffic(
            keys=tuple(self.keys),
            at=np.array(self.at, dtype=np.int64),
            columns=columns,
            packages=packages,
            values=np.array(self.predictions, dtype=np.float64),
            invalid=invalid,
            absent=absent,
            extra={name: self._mask(places) for name, places in self.extra.items()},
            golden=self.golden,
        )

    def text_rows(self) -> list[TextRow]:
        return [
            TextRow(key, EPOCH + at * MICROSECOND, tuple(_fields(row)))
            for key, at, row in zip(self.keys, self.at, self.rows, strict=True)
        ]

    def _mask(self, places: list[int]) -> Mask:
        mask = np.zeros(len(self.rows), dtype=bool)
        mask[places] = True
        return mask


def _fields(row: Row) -> list[str]:
    return row.split(",") if isinstance(row, str) else [cell_text(cell) for cell in row]


def _blocks(lines: Iterable[Line], source: str, schema: Schema, lines_per_block: int) -> Iterator[_Block]:
    rest = numbered(lines)
    while some := list(islice(rest, lines_per_block)):
        alike = read_alike([line for _, line in some], schema)
        yield _one_by_one(some, source, schema) if alike is None else _Block(*alike)


def _one_by_one(lines: Iterable[tuple[int, Line]], source: str, schema: Schema) -> _Block:
    block = _Block()
    for number, line in lines:
        try:
            block.add(read_record(line), schema)
        except MalformedError as error:  # noqa: PERF203 - a bad line costs itself alone
            block.rejected.append(Rejected.of(source, number, error, line))
    return block
