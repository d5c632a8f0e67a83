"""What must hold of reading: nothing makes it fail, nothing is lost, and speed changes no result.

The oracle reads one line at a time and one field at a time, with json, csv and float alone.
"""

from __future__ import annotations

import base64
import csv
import importlib
import io
import json
import math
import sys
from datetime import datetime, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import CHALLENGER, CHAMPION, NOW, capture_record

from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.reading.alike import read_alike
from selfheal.observe.reading.capture import read_blocks, read_capture, read_rows
from selfheal.observe.reading.ground_truth import read_outcomes
from selfheal.observe.reading.payload_columns import to_columns
from selfheal.observe.reading.traffic import Schema, Traffic

MIXED = Schema(features=(("x", True), ("c", False)))
NUMBERS = Schema(features=(("x", True), ("y", True)))
ANIMALS = Schema(features=MIXED.features, task=Task.MULTICLASS, classes=("cat", "dog"))
schemas = st.sampled_from([MIXED, NUMBERS])

scalars = st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=20)
NAMES = [
    *("captureData", "eventMetadata", "endpointInput", "endpointOutput", "data", "encoding", "eventId"),
    *("inferenceTime", "groundTruthData", "predictions", "instances", "features", "x", "c"),
]
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
# Texts around everything that is or almost is a number, quoted, empty or blank.
fields = (
    st.sampled_from(
        [
            "",
            " ",
            "\t",
            "nan",
            "inf",
            "-Infinity",
            "1e400",
            "none",
            "1_0",
            "nan(1)",
            "0x1",
            "1 2",
            "a",
            '"',
            '"a,b"',
        ]
    )
    | st.floats().map(repr)
    | st.floats(-1e3, 1e3).map(lambda value: f" {value:.3f}")
    | st.text("0123456789.+-eEinfax_ \t\v\x00()\"'", max_size=6)
    | st.text(max_size=4)
)


def physical_lines(text):
    return [line for line in text.split("\n") if line.strip(" \t\r")]


def same(one, other):
    assert one.keys == other.keys
    assert one.at.tolist() == other.at.tolist()
    assert one.packages.tolist() == other.packages.tolist()
    np.testing.assert_array_equal(one.values, other.values)
    for name in one.columns:
        np.testing.assert_array_equal(one.columns[name], other.columns[name])
    for mine, theirs in ((one.invalid, other.invalid), (one.absent, other.absent), (one.extra, other.extra)):
        assert {name: mask.tolist() for name, mask in mine.items()} == {
            name: mask.tolist() for name, mask in theirs.items()
        }


# --- nothing that can be written makes reading fail, and nothing is lost


@given(st.lists(documents, max_size=5), schemas)
def test_any_json_is_read_or_refused(bodies, schema):
    text = "\n".join(json.dumps(body) for body in bodies)
    traffic, rejected = read_capture(text, "a.jsonl", schema)
    assert traffic.rows + len(rejected) >= len(physical_lines(text))
    outcomes, bad = read_outcomes(text, "b.jsonl", schema, NOW)
    assert len(outcomes.keys) + len(bad) == len(physical_lines(text))


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_read_or_refused(text):
    traffic, rejected = read_capture(text, "a.jsonl", MIXED)
    assert traffic.rows == 0
    known = text if isinstance(text, str) else text.decode(errors="surrogateescape")
    assert len(rejected) == len(physical_lines(known))
    json.dumps([item.to_json() for item in rejected]).encode()


@given(
    documents,
    st.sampled_from(["endpointInput", "endpointOutput", "eventMetadata"]),
    st.sampled_from([MIXED, NUMBERS, ANIMALS]),
)
def test_a_record_of_which_any_part_is_anything_is_read_or_refused(anything, part, schema):
    record = capture_record("1.5,2", output='{"model_package": "p", "predictions": [[0.5, 0.5]]}')
    record["eventMetadata"]["inferenceId"] = "i1"
    holder = record["eventMetadata"] if part == "eventMetadata" else record["captureData"][part]
    for name in list(holder):
        changed = json.loads(json.dumps(record))
        place = changed["eventMetadata"] if part == "eventMetadata" else changed["captureData"][part]
        place[name] = anything
        traffic, rejected = read_capture(json.dumps(changed), "a.jsonl", schema)
        assert (traffic.rows > 0) != bool(rejected)


@given(documents, st.sampled_from([MIXED, NUMBERS, ANIMALS]), st.booleans())
def test_payloads_and_answers_that_are_any_json_are_read_or_refused(anything, schema, asks):
    record = capture_record("1.5,2", output="[[0.5, 0.5]]" if schema.classes else "[0.5]")
    side = record["captureData"]["endpointInput" if asks else "endpointOutput"]
    side.update(data=json.dumps(anything), encoding="JSON", observedContentType="application/json")
    traffic, rejected = read_capture(json.dumps(record), "a.jsonl", schema)
    assert (traffic.rows > 0) != bool(rejected)
    for values in traffic.columns.values():
        assert len(values) == traffic.rows
        assert values.dtype == object or not np.isinf(values).any()
    for masks in (traffic.invalid, traffic.absent, traffic.extra):
        assert all(mask.shape == (traffic.rows,) and mask.any() for mask in masks.values())


# --- speed changes no result


def oracle_number(text):
    """(value, invalid)"""
    if not text.strip():
        return math.nan, False
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan, True
    return (value if math.isfinite(value) else math.nan), "_" in text


@given(st.lists(st.tuples(fields, fields), min_size=1, max_size=80))
def test_columns_hold_what_float_reads(rows):
    plain = [row for row in rows if not any(sign in field for field in row for sign in '",\r\n')]
    for given_ in (rows, [",".join(row) for row in plain], plain):
        if not given_:
            continue
        cells = [row.split(",") if isinstance(row, str) else row for row in given_]
        values, invalid, _ = to_columns(given_, NUMBERS)
        for place, name in enumerate(("x", "y")):
            expected = [oracle_number(row[place]) for row in cells]
            np.testing.assert_array_equal(values[name], [value for value, _ in expected])
            bad = [wrong for _, wrong in expected]
            assert invalid.get(name, np.zeros(len(bad), dtype=bool)).tolist() == bad


@st.composite
def records(draw):
    """A line of a capture file, of one of a few layouts; its payload and answer may be good or bad."""
    row = st.tuples(fields, fields) if draw(st.integers(0, 9)) else st.lists(fields, max_size=3)
    rows = draw(st.lists(row, min_size=1, max_size=draw(st.sampled_from([1, 1, 1, 3]))))
    body = io.StringIO()
    csv.writer(body, lineterminator="\n").writerows(rows)
    payload = body.getvalue().removesuffix("\n")
    scores = draw(st.lists(st.floats(), min_size=len(rows), max_size=len(rows)))
    package = draw(st.sampled_from([CHAMPION, CHALLENGER, 'p"', "\u00fc"]))
    answer = json.dumps({"model_package": package, "predictions": [{"score": score} for score in scores]})
    record = capture_record(
        payload,
        answer if draw(st.booleans()) else None,
        key=draw(st.sampled_from(["e1", "INPUT", "data", "0", 'a"b', "\u2028"])),
        at=draw(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc))),  # noqa: DTZ001
        inference_id=draw(st.sampled_from([None, None, "", "i1", "text/csv"])),
    )
    if draw(st.booleans()):
        side = record["captureData"]["endpointInput"]
        side.update(encoding="BASE64", data=base64.b64encode(payload.encode(errors="replace")).decode())
    separators = draw(st.sampled_from([(",", ":"), None]))
    return json.dumps(record, separators=separators, ensure_ascii=draw(st.booleans()))


@st.composite
def lines(draw):
    """Such a line, or one that lost a character."""
    line = draw(records())
    cut = draw(st.none() | st.none() | st.integers(0, len(line)))
    return line if cut is None else line[:cut] + line[cut + 1 :]


def oracle(line, schema):
    """What one line says, by the book: rows of (key, time, values, invalid, package, score), or None."""
    try:
        record = json.loads(line.encode().decode())
        capture, meta = record["captureData"], record["eventMetadata"]
        side = capture["endpointInput"]
        coded = side["encoding"] == "BASE64"
        payload = base64.b64decode(side["data"], validate=True).decode() if coded else side["data"]
        rows = [row for row in csv.reader(io.StringIO(payload, newline="")) if row]
        at = datetime.fromisoformat(meta["inferenceTime"].replace("Z", "+00:00"))
        key = meta.get("inferenceId") or meta["eventId"]
        package, scores = None, [math.nan] * len(rows)
        if "endpointOutput" in capture:
            body = json.loads(capture["endpointOutput"]["data"])
            package, scores = body.get("model_package"), [each["score"] for each in body["predictions"]]
            if len(scores) != len(rows) or not np.isfinite(scores).all():
                return None
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error):
        return None
    if not rows or any(len(row) != len(schema.names) for row in rows):
        return None
    found = []
    for place, (row, score) in enumerate(zip(rows, scores, strict=True)):
        cells = [
            oracle_number(text) if numeric else (text or None, False)
            for text, (_, numeric) in zip(row, schema.features, strict=True)
        ]
        found.append((f"{key}#{place}" if place else key, at.timestamp(), cells, package, score))
    return found


@given(st.lists(lines(), min_size=1, max_size=12), schemas, st.integers(1, 13))
def test_lines_together_read_as_each_alone_and_as_the_oracle_reads_them(drawn, schema, block):
    text = "\n".join(drawn)
    traffic, rejected = read_capture(text, "a.jsonl", schema)
    parts = list(read_blocks(drawn, "a.jsonl", schema, lines_per_block=block))
    same(Traffic.concat([part for part, _ in parts]), traffic)
    alone = [read_capture(line, "a.jsonl", schema) for line in drawn]
    same(Traffic.concat([part for part, _ in alone]), traffic)
    encoded = list(read_blocks([line.encode() for line in drawn], "a.jsonl", schema, lines_per_block=block))
    same(Traffic.concat([part for part, _ in encoded]), traffic)
    assert [item for _, refused in encoded for item in refused] == rejected
    assert [item.reason for _, refused in alone for item in refused] == [item.reason for item in rejected]
    assert [row.key for row in read_rows(text, "a.jsonl", schema)[0]] == list(traffic.keys)


@given(st.lists(records() | st.sampled_from(["{broken", "\u2003", "\x1c"]), min_size=1, max_size=12), schemas)
def test_lines_read_as_the_oracle_reads_them(drawn, schema):
    traffic, rejected = read_capture("\n".join(drawn), "a.jsonl", schema)
    read = [oracle(line, schema) for line in drawn]
    assert [item.line for item in rejected] == [n for n, rows in enumerate(read, start=1) if rows is None]
    rows = [row for found in read if found is not None for row in found]
    assert list(traffic.keys) == [row[0] for row in rows]
    assert (traffic.at / 1e6).tolist() == [row[1] for row in rows]
    assert traffic.packages.tolist() == [row[3] for row in rows]
    np.testing.assert_array_equal(traffic.values, np.array([row[4] for row in rows], dtype=float))
    for place, (name, numeric) in enumerate(schema.features):
        expected = [row[2][place][0] for row in rows]
        np.testing.assert_array_equal(
            traffic.columns[name], np.array(expected, dtype=float if numeric else object)
        )
        bad = [row[2][place][1] for row in rows]
        assert traffic.invalid.get(name, np.zeros(len(bad), dtype=bool)).tolist() == bad


alike = st.builds(
    lambda row, score, inference_id: json.dumps(
        capture_record(
            ",".join(map(repr, row)),
            json.dumps({"model_package": CHAMPION, "predictions": [{"score": score}]}),
            inference_id=inference_id,
        )
    ),
    st.tuples(st.floats(-1e300, 1e300), st.integers(-(2**70), 2**70) | st.floats()),
    st.integers(0, 1) | st.floats(0, 1),
    st.sampled_from([None, "", "i1"]),
)


@given(st.lists(alike, min_size=2, max_size=8), lines(), st.integers(0, 8))
def test_lines_that_are_alike_read_as_each_alone(drawn, other, place):
    assert read_alike(drawn, NUMBERS) is not None
    for together in (drawn, [*drawn[:place], other, *drawn[place:]]):
        traffic, rejected = read_capture("\n".join(together), "a.jsonl", NUMBERS)
        alone = [read_capture(line, "a.jsonl", NUMBERS) for line in together]
        same(traffic, Traffic.concat([part for part, _ in alone]))
        assert [item.reason for item in rejected] == [item.reason for _, bad in alone for item in bad]


@pytest.fixture(scope="module")
def without_msgspec():
    """The reading of captured files as it is where msgspec is not installed."""
    ours = {
        name: module for name, module in sys.modules.items() if name.startswith("selfheal.observe.reading")
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "msgspec", None)
        for name in ours:
            patch.delitem(sys.modules, name)
        module = importlib.import_module("selfheal.observe.reading.capture")
        assert module.read_alike([json.dumps(capture_record("1,2", "[]"))], NUMBERS) is None
        for name in [name for name in sys.modules if name.startswith("selfheal.observe.reading")]:
            patch.delitem(sys.modules, name)
    assert sys.modules["selfheal.observe.reading.capture"] is ours["selfheal.observe.reading.capture"]
    return module


@given(st.lists(lines(), min_size=1, max_size=12), schemas)
def test_msgspec_changes_speed_alone(without_msgspec, drawn, schema):
    text = "\n".join(drawn)
    traffic, rejected = read_capture(text, "a.jsonl", schema)
    plain, plainly_rejected = without_msgspec.read_capture(text, "a.jsonl", schema)
    same(traffic, plain)
    assert rejected == plainly_rejected
