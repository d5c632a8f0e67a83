"""Reading traffic: what is read, what is refused and why, and that nothing is lost in between."""

from __future__ import annotations

import json
import tracemalloc
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.reading.capture import read_blocks, read_capture, read_rows
from selfheal.observe.reading.ground_truth import read_outcomes
from selfheal.observe.reading.traffic import MICROSECOND, Schema, Traffic
from unit.samples import (
    CHALLENGER,
    CHAMPION,
    NOW,
    answer,
    base64_of,
    capture_line,
    capture_record,
    outcome_line,
)

SCHEMA = Schema(features=(("x", True), ("c", False)))
NUMBERS = Schema(features=(("x", True), ("y", True), ("z", True)))
ANIMALS = Schema(features=(("x", True), ("c", False)), task=Task.MULTICLASS, classes=("cat", "dog", "cow"))
QUANTITY = Schema(features=(("x", True), ("c", False)), task=Task.REGRESSION)
ANSWER = answer(0.5)
NOW_MICROSECONDS = (NOW - datetime(1970, 1, 1, tzinfo=timezone.utc)) // MICROSECOND


def read(line, schema=SCHEMA):
    traffic, rejected = read_capture(line, "05/a.jsonl", schema)
    assert rejected == []
    return traffic


def refusal(line, schema=SCHEMA):
    traffic, rejected = read_capture(line, "05/a.jsonl", schema)
    assert traffic.rows == 0
    assert len(rejected) == 1
    assert rejected[0].source == "05/a.jsonl"
    assert rejected[0].line == 1
    return rejected[0].reason


def edited(edit, **kwargs):
    record = capture_record(output=answer(0.5), **kwargs)
    edit(record)
    return json.dumps(record)


def asked(data, content_type="application/json", output=ANSWER, encoding="JSON", **kwargs):
    record = capture_record(data, output, encoding=encoding, **kwargs)
    record["captureData"]["endpointInput"]["observedContentType"] = content_type
    return json.dumps(record)


def answered(data, content_type="application/json", encoding="JSON", rows="1.5,a"):
    record = capture_record(rows, data)
    record["captureData"]["endpointOutput"].update(observedContentType=content_type, encoding=encoding)
    return json.dumps(record)


def same(one, other):
    assert one.keys == other.keys
    assert one.at.tolist() == other.at.tolist()
    assert one.packages.tolist() == other.packages.tolist()
    np.testing.assert_array_equal(one.values, other.values)
    assert one.columns.keys() == other.columns.keys()
    for name, values in one.columns.items():
        assert values.dtype == other.columns[name].dtype
        np.testing.assert_array_equal(values, other.columns[name])
    for mine, theirs in ((one.invalid, other.invalid), (one.absent, other.absent), (one.extra, other.extra)):
        assert {name: mask.tolist() for name, mask in mine.items()} == {
            name: mask.tolist() for name, mask in theirs.items()
        }


# --- records


def test_a_plain_record():
    traffic = read(capture_line("1.5,a", answer(0.25)))
    assert traffic.keys == ("e1",)
    assert traffic.at.tolist() == [NOW_MICROSECONDS]
    assert traffic.columns["x"].tolist() == [1.5]
    assert traffic.columns["c"].tolist() == ["a"]
    assert traffic.values.tolist() == [0.25]
    assert traffic.packages.tolist() == [CHAMPION]
    assert (traffic.invalid, traffic.absent, traffic.extra) == ({}, {}, {})


def test_a_base64_record_says_the_same():
    coded = capture_record(base64_of("1.5,a"), base64_of(answer(0.25)), encoding="BASE64")
    coded["captureData"]["endpointOutput"]["encoding"] = "BASE64"
    same(read(json.dumps(coded)), read(capture_line("1.5,a", answer(0.25))))


@pytest.mark.parametrize("payload", ["1.5,a", '[[1.5, "a"]]', ' {"x": 1.5, "c": "a"}'])
def test_base64_without_a_content_type_is_what_it_looks_like(payload):
    coded = capture_record(base64_of(payload), base64_of(answer(0.25)), encoding="BASE64")
    for side in coded["captureData"].values():
        side["encoding"] = "BASE64"
        side.pop("observedContentType")
    same(read(json.dumps(coded)), read(capture_line("1.5,a", answer(0.25))))


def test_the_inference_id_is_the_key_where_there_is_one():
    assert read(capture_line(output=answer(0.5), inference_id="flight-7")).keys == ("flight-7",)
    assert read(capture_line(output=answer(0.5), inference_id="")).keys == ("e1",)


def test_rows_of_one_request_have_keys_of_their_own():
    traffic = read(capture_line("1,a\n2,b\n3,c\n", answer(0.1, 0.2, 0.3)))
    assert traffic.keys == ("e1", "e1#1", "e1#2")
    assert traffic.values.tolist() == [0.1, 0.2, 0.3]
    assert traffic.columns["c"].tolist() == ["a", "b", "c"]
    assert traffic.at.tolist() == [NOW_MICROSECONDS] * 3
    assert traffic.packages.tolist() == [CHAMPION] * 3


def test_quoted_columns_are_one_column():
    traffic = read(capture_line('1.5,"a, with ""comma"" and\nline"', answer(0.5)))
    assert traffic.columns["c"].tolist() == ['a, with "comma" and\nline']


def test_a_request_that_failed_is_a_row_without_an_answer():
    traffic = read(capture_line(output=None))
    assert np.isnan(traffic.values).tolist() == [True]
    assert traffic.answered.tolist() == [False]
    assert traffic.packages.tolist() == [None]
    assert traffic.columns["x"].tolist() == [1.5]


@pytest.mark.parametrize(
    "time",
    [
        "2013-03-01T07:00:00-05:00",
        "2013-03-01T12:00:00",
        "2013-03-01T12:00:00.000Z",
        "2013-03-01T12:00:00+00:00",
    ],
)
def test_times_are_utc_whatever_their_offset(time):
    assert read(edited(set_meta(inferenceTime=time))).at.tolist() == [NOW_MICROSECONDS]


def set_input(**changes):
    return lambda record: record["captureData"]["endpointInput"].update(changes)


def set_output(**changes):
    return lambda record: record["captureData"]["endpointOutput"].update(changes)


def set_meta(**changes):
    return lambda record: record["eventMetadata"].update(changes)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{not json", "not JSON"),
        ("[1, 2]", "not a JSON object but list"),
        ('"text"', "not a JSON object but str"),
        ("null", "not a JSON object but NoneType"),
        ("{}", "captureData"),
        (edited(lambda r: r.pop("eventMetadata")), "eventMetadata"),
        (edited(lambda r: r["captureData"].pop("endpointInput")), "endpointInput"),
        (edited(lambda r: r["eventMetadata"].pop("eventId")), "eventId"),
        (edited(lambda r: r["eventMetadata"].pop("inferenceTime")), "inferenceTime"),
        (edited(lambda r: r.update(captureData=[])), "not a capture record"),
        (edited(lambda r: r.update(eventMetadata="now")), "not a capture record"),
        (edited(set_meta(eventId=["e", 1])), "eventId is list, not text"),
        (edited(set_meta(inferenceTime="yesterday")), "'yesterday' is not an ISO time"),
        (edited(set_meta(inferenceTime="")), "ISO time"),
        (edited(set_meta(inferenceTime=1362139200)), "not a capture record"),
        (edited(set_meta(inferenceTime="0001-01-01T00:00:00+23:00")), "ISO time"),
        (edited(set_input(data="1.5")), "1 columns instead of 2"),
        (edited(set_input(data="1.5,a,b")), "3 columns instead of 2"),
        (edited(set_input(data='1.5,"a",b')), "3 columns instead of 2"),
        (edited(set_input(data="1,a\n2")), "1 columns instead of 2"),
        (edited(set_input(data="")), "payload is empty"),
        (edited(set_input(data="\n\n")), "payload is empty"),
        (edited(set_input(data="\r\n")), "payload is empty"),
        (edited(set_input(data="***", encoding="BASE64")), "not base64"),
        (edited(set_input(data="é", encoding="BASE64")), "not base64"),
        (edited(set_input(data="/w==", encoding="BASE64")), "not base64 of UTF-8"),
        (edited(set_input(data=7, encoding="BASE64")), "not a capture record"),
        (edited(set_input(data=["1,a"])), "data is list, not text"),
        (edited(set_input(data="1," + "x" * 200_000)), "not CSV"),
        (edited(set_output(data="<html>")), "answer is not of this workload's form"),
        (edited(set_output(data="{}")), "predictions"),
        (edited(set_output(data='{"predictions": 3}')), "predictions are int, not a list"),
        (edited(set_output(data='{"model_package": 3, "predictions": [0.5]}')), "model_package is int"),
        (edited(set_output(data='{"model_package": "p", "predictions": [{"x": 1}]}')), "score"),
        (edited(set_output(data='{"model_package": "p", "predictions": [{"score": "high"}]}')), "form"),
        (edited(set_output(data='{"model_package": "p", "predictions": [{"score": true}]}')), "form"),
        (edited(set_output(data='{"model_package": "p", "predictions": [{"score": null}]}')), "form"),
        (edited(set_output(data='{"model_package": "p", "predictions": [{"score": NaN}]}')), "finite"),
        (edited(set_output(data='{"model_package": "p", "predictions": [{"score": 1e999}]}')), "finite"),
        (
            edited(set_output(data='{"model_package": "p", "predictions": [{"score": 1' + "0" * 400 + "}]}")),
            "form",
        ),
        (edited(set_output(data=answer(0.1, 0.2))), "2 predictions for 1 rows"),
        (edited(set_output(data=answer())), "0 predictions for 1 rows"),
        (edited(set_output(data="***", encoding="BASE64")), "base64"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_malformed_record_is_refused_with_its_reason(line, reason):
    assert reason in refusal(line)


def test_nothing_is_lost():
    lines = [
        capture_line(key="good-1", output=answer(0.5)),
        "{broken",
        capture_line(key="unanswered"),
        capture_line("1", key="narrow"),
        capture_line(key="good-2", output=answer(0.5)),
    ]
    traffic, rejected = read_capture("\n".join(lines) + "\n", "a.jsonl", SCHEMA)
    assert traffic.keys == ("good-1", "unanswered", "good-2")
    assert [(item.line, item.text) for item in rejected] == [(2, lines[1]), (4, lines[3])]


def test_blank_lines_are_no_records_but_keep_their_numbers():
    traffic, rejected = read_capture("\n\n{broken\n   \n", "a.jsonl", SCHEMA)
    assert traffic.rows == 0
    assert [item.line for item in rejected] == [3]


def test_no_lines_are_no_rows_of_the_schemas_columns():
    same(read("", ANIMALS), Traffic.empty(ANIMALS))
    assert read("", ANIMALS).values.shape == (0, 3)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_only_a_newline_ends_a_line(separator):
    # JSON may carry these raw inside a string, where Unicode would end a line.
    line = json.dumps(capture_record(f'1.5,"a{separator}b"', answer(0.5)), ensure_ascii=False)
    assert read(line).columns["c"].tolist() == [f"a{separator}b"]


def test_lines_that_end_as_on_windows_are_read():
    text = "\r\n".join([capture_line(output=answer(0.5)), capture_line(key="e2", output=answer(0.5))])
    assert read(text).rows == 2


def test_bytes_that_are_not_utf_8_cost_their_line():
    good = json.dumps(capture_record("1.5,Zürich", answer(0.5)), ensure_ascii=False).encode()
    bad = good.replace("ü".encode(), b"\xfc")
    traffic, rejected = read_capture(b"\n".join([good, bad, good]), "a.jsonl", SCHEMA)
    assert traffic.columns["c"].tolist() == ["Zürich"] * 2
    assert [(item.line, "not UTF-8" in item.reason, "Z?rich" in item.text) for item in rejected] == [
        (2, True, True)
    ]


def test_a_long_refused_line_is_kept_shortened():
    _, rejected = read_capture("{" * 5000, "a.jsonl", SCHEMA)
    assert rejected[0].text == "{" * 2000
    assert rejected[0].to_json()["line"] == 1


# --- payloads


@pytest.mark.parametrize(
    "payload",
    [
        '{"instances": [[1.5, "a"], [2, "b"]]}',
        '{"instances": [{"features": [1.5, "a"]}, {"features": [2, "b"]}]}',
        '{"instances": [{"x": 1.5, "c": "a"}, {"c": "b", "x": 2}]}',
        '[[1.5, "a"], [2, "b"]]',
        '[{"x": 1.5, "c": "a"}, {"x": "2", "c": "b"}]',
        '[1.5, "a"]\n[2, "b"]\n',
        '{"x": 1.5, "c": "a"}\n\n{"x": 2, "c": "b"}',
        '{"features": [1.5, "a"]}\n{"features": [2, "b"]}',
    ],
)
def test_forms_of_json(payload):
    traffic = read(asked(payload, output=answer(0.1, 0.2)))
    assert traffic.columns["x"].tolist() == [1.5, 2.0]
    assert traffic.columns["c"].tolist() == ["a", "b"]
    assert (traffic.invalid, traffic.absent, traffic.extra) == ({}, {}, {})


@pytest.mark.parametrize("payload", ['[1.5, "a"]', '{"x": 1.5, "c": "a"}', '{"instances": [1.5, "a"]}'])
def test_forms_of_one_row_of_json(payload):
    for content_type in ("application/json", "application/jsonlines", ""):
        traffic = read(asked(payload, content_type))
        assert (traffic.columns["x"].tolist(), traffic.columns["c"].tolist()) == ([1.5], ["a"])


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('[1.5, "a"]\n{', "not JSON"),
        ("[]", "empty"),
        ('{"instances": []}', "empty"),
        ("7", "a payload row is int"),
        ("null", "a payload row is NoneType"),
        ("[1.5]", "1 columns instead of 2"),
        ('{"instances": [[1.5, "a", 3]]}', "3 columns instead of 2"),
        ('{"inputs": [[1.5, "a"]]}', "none of the schema's columns but inputs"),
        ("{}", "none of the schema's columns but nothing"),
    ],
)
def test_json_that_is_no_payload_is_refused(payload, reason):
    assert reason in refusal(asked(payload))


def test_names_that_are_absent_and_names_that_nobody_knows_are_marked():
    rows = '{"instances": [{"x": 1, "c": "a"}, {"c": "b", "colour": 1}, {"x": null, "c": "c", "size": []}]}'
    traffic = read(asked(rows, output=answer(0.1, 0.2, 0.3)))
    assert np.isnan(traffic.columns["x"]).tolist() == [False, True, True]
    assert {name: mask.tolist() for name, mask in traffic.absent.items()} == {"x": [False, True, False]}
    assert {name: mask.tolist() for name, mask in traffic.extra.items()} == {
        "colour": [False, True, False],
        "size": [False, False, True],
    }
    assert traffic.invalid == {}


@pytest.mark.parametrize(
    ("text", "value", "invalid"),
    [
        ("1.5", 1.5, False),
        (" 1.5 ", 1.5, False),
        ("-0", -0.0, False),
        ("1e3", 1000.0, False),
        ("9007199254740993", 9007199254740992.0, False),
        ("", np.nan, False),
        ("   ", np.nan, False),
        ("\t", np.nan, False),
        ("nan", np.nan, False),
        ("-inf", np.nan, False),
        ("Infinity", np.nan, False),
        ("1e400", np.nan, False),
        ("none", np.nan, True),
        ("1_000", np.nan, True),
        ("nan(1)", np.nan, True),
        ("0x10", np.nan, True),
        ("1 2", np.nan, True),
        ("1.5.5", np.nan, True),
        ("1\x002", np.nan, True),
        ("²", np.nan, True),
    ],
)
def test_text_where_a_number_belongs(text, value, invalid):
    # In a schema of numbers alone, and beside a text column; among good rows, and alone.
    for schema, row in ((NUMBERS, "7,{},9"), (SCHEMA, "{},a")):
        name = "y" if schema is NUMBERS else "x"
        good = row.format(3)
        lines = [capture_line(data, answer(0.5)) for data in (good, row.format(text), good)]
        traffic = read("\n".join(lines), schema)
        np.testing.assert_array_equal(traffic.columns[name], [3, value, 3])
        assert {name: mask.tolist() for name, mask in traffic.invalid.items()} == (
            {name: [False, True, False]} if invalid else {}
        )
        alone = read(capture_line(row.format(text), answer(0.5)), schema)
        np.testing.assert_array_equal(alone.columns[name], [value])
        assert (name in alone.invalid) == invalid


@pytest.mark.parametrize(
    ("cell", "value", "invalid"),
    [
        ("2", 2.0, False),
        ('"2"', 2.0, False),
        ('"1,5"', np.nan, True),
        ("null", np.nan, False),
        ('""', np.nan, False),
        ("NaN", np.nan, False),
        ("-Infinity", np.nan, False),
        ("1" + "0" * 400, np.nan, False),
        ("9007199254740993", 9007199254740992.0, False),
        ("true", np.nan, True),
        ("[1]", np.nan, True),
        ("{}", np.nan, True),
        ('"big"', np.nan, True),
    ],
)
def test_json_where_a_number_belongs(cell, value, invalid):
    traffic = read(asked(f"[[1, {cell}, 3], [4, 5, 6]]", output=answer(0.1, 0.2)), NUMBERS)
    np.testing.assert_array_equal(traffic.columns["y"], [value, 5])
    assert ("y" in traffic.invalid) == invalid


@pytest.mark.parametrize(
    ("cell", "value", "invalid"),
    [
        ('"a"', "a", False),
        ('""', None, False),
        ("null", None, False),
        ("7", "7", False),
        ("1.50", "1.5", False),
        ("true", "true", False),
        ("NaN", None, False),
        ("[1]", None, True),
        ("{}", None, True),
    ],
)
def test_json_where_text_belongs(cell, value, invalid):
    traffic = read(asked(f"[[1, {cell}]]"))
    assert traffic.columns["c"].tolist() == [value]
    assert ("c" in traffic.invalid) == invalid


def test_many_bad_fields_are_all_found():
    count = 500
    bad = set(range(0, count, 7))
    lines = [capture_line(f"{n},{'?' if n in bad else n},", answer(0.5), key=str(n)) for n in range(count)]
    traffic = read("\n".join(lines), NUMBERS)
    assert set(np.flatnonzero(traffic.invalid["y"]).tolist()) == bad
    assert list(traffic.invalid) == ["y"]
    assert traffic.columns["x"].tolist() == list(range(count))
    assert np.isnan(traffic.columns["z"]).all()


# --- answers


@pytest.mark.parametrize(
    ("data", "package"),
    [
        (answer(0.25), CHAMPION),
        ('{"predictions":[{"score":0.25}],"model_package":"p"}', "p"),
        ('{"model_package": null, "predictions": [{"score": 25e-2}]}', None),
        ('{"predictions": [{"score": 0.25, "label": 0}]}', None),
        ('{"predictions": [0.25]}', None),
        ("[0.25]", None),
    ],
)
def test_forms_of_json_answers(data, package):
    traffic = read(answered(data))
    assert traffic.values.tolist() == [0.25]
    assert traffic.packages.tolist() == [package]


@pytest.mark.parametrize("data", ["0.25,0.5", "0.25\n0.5\n", "0.25\r\n0.5"])
def test_answers_in_csv_name_no_package(data):
    traffic = read(answered(data, "text/csv", "CSV", rows="1,a\n2,b"))
    assert traffic.values.tolist() == [0.25, 0.5]
    assert traffic.packages.tolist() == [None, None]
    assert traffic.answered.all()


@pytest.mark.parametrize("data", ["high", "", "nan", "1_0"])
def test_csv_that_is_no_answer_is_refused(data):
    assert refusal(answered(data, "text/csv", "CSV"))


@pytest.mark.parametrize("name", ["value", "score"])
def test_answers_of_a_regression(name):
    traffic = read(answered(f'{{"model_package": "p", "predictions": [{{"{name}": -12.5}}]}}'), QUANTITY)
    assert traffic.values.tolist() == [-12.5]


def test_a_value_is_no_score():
    assert "score" in refusal(answered('{"model_package": "p", "predictions": [{"value": 0.5}]}'))


@pytest.mark.parametrize(
    "data",
    [
        '{"model_package": "p", "predictions": [{"probabilities": [0.5, 0.25, 0.25]}, {"scores": [0, 0, 1]}]}',
        '{"predictions": [[0.5, 0.25, 0.25], [0, 0, 1]]}',
        "0.5,0.25,0.25\n0,0,1\n",
    ],
)
def test_answers_of_several_classes(data):
    line = answered(data, "text/csv" if data[0] == "0" else "application/json", rows="1,a\n2,b")
    assert read(line, ANIMALS).values.tolist() == [[0.5, 0.25, 0.25], [0, 0, 1]]


@pytest.mark.parametrize("data", ["[[0.5, 0.5]]", "[0.5]", '[{"score": 0.5}]', "[[0.5, 0.25, NaN]]"])
def test_answers_that_miss_a_class_are_refused(data):
    assert refusal(answered(data), ANIMALS)


def test_rows_without_an_answer_stand_beside_rows_of_several_classes():
    lines = [answered("[[0.5, 0.25, 0.25]]"), capture_line(output=None, key="e2")]
    traffic = read("\n".join(lines), ANIMALS)
    assert traffic.answered.tolist() == [True, False]
    assert np.isnan(traffic.values[1]).all()


# --- layouts, blocks, text


def test_lines_of_every_layout_read_as_they_do_alone():
    lines = [
        capture_line("1,a", answer(0.1), key="e1"),
        capture_line("2,b", answer(0.2), key="e\n2"),
        capture_line("3,c", answer(0.3, package=CHALLENGER), key="0"),
        capture_line("4,d", None, key="e4"),
        capture_line("5,e", answer(0.5), key="e5", inference_id="i5"),
        capture_line("6,f", answer(0.6), key="e6", inference_id=""),
        capture_line("7,g", None, key="e7", inference_id="text/csv"),
        json.dumps(capture_record("8,h", answer(0.8)), separators=(",", ":")),
        capture_line("9,i", answer(0.9), key="INPUT"),
        asked('[[1, "j"]]'),
        capture_line(base64_of("1,k"), answer(0.1), encoding="BASE64"),
    ]
    lines = lines * 3
    apart = [read(line) for line in lines]
    same(read("\n".join(lines)), Traffic.concat(apart))


def test_a_name_that_comes_twice_means_its_last_value_on_every_line():
    line = capture_line("1,a", answer(0.5)).replace('"eventId": "e1"', '"eventId": "first", "eventId": "e1"')
    text = "\n".join([line, line.replace('"e1"', '"e2"'), line.replace('"first"', '"other"')])
    assert read(text).keys == ("e1", "e2", "e1")


def test_blocks_are_the_file_in_pieces():
    lines = [capture_line(f"{n},a", answer(0.5), key=f"e{n}") for n in range(10)]
    lines[3:5] = ["{broken", ""]
    whole, rejected = read_capture("\n".join(lines), "a.jsonl", SCHEMA)
    ends = [f"{line}\n".encode() for line in lines]
    for given in (lines, iter(lines), ends):
        parts = list(read_blocks(given, "a.jsonl", SCHEMA, lines_per_block=3))
        assert len(parts) == 3
        same(Traffic.concat([traffic for traffic, _ in parts]), whole)
        assert [item for _, refused in parts for item in refused] == rejected


def test_a_file_of_any_size_takes_the_memory_of_a_block():
    line = capture_line("1.5,2.5,3.5", answer(0.5))

    def peak(lines):
        tracemalloc.start()
        rows = sum(
            traffic.rows for traffic, _ in read_blocks((line for _ in range(lines)), "a", NUMBERS, 500)
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert rows == lines
        return most

    peak(500)
    assert peak(5000) < 1.3 * peak(1000)


def test_rows_of_text_are_what_was_sent():
    lines = [
        capture_line(" 1.50,a\n2_0,", answer(0.1, 0.2)),
        "{broken",
        asked('[{"x": 1.50, "c": null}, {"c": true}]', output=answer(0.1, 0.2), key="e2"),
        capture_line('"1",","', answer(0.5), key="e3"),
    ]
    rows, rejected = read_rows("\n".join(lines), "a.jsonl", SCHEMA)
    assert [row.key for row in rows] == ["e1", "e1#1", "e2", "e2#1", "e3"]
    assert [row.fields for row in rows] == [
        (" 1.50", "a"),
        ("2_0", ""),
        ("1.5", ""),
        ("", "true"),
        ("1", ","),
    ]
    assert {row.at for row in rows} == {NOW}
    assert [item.line for item in rejected] == [2]


# --- columns


def hourly(count=6):
    lines = [
        asked(
            json.dumps([{"x": n, "c": "a"} if n % 2 else {"c": "a", "new": 1}]),
            key=f"e{n}",
            at=NOW + timedelta(minutes=25 * n),
        )
        for n in range(count)
    ]
    return read("\n".join(lines))


def test_traffic_by_hour():
    hours = hourly().by_hour()
    assert list(hours) == [NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=2)]
    assert [hour.keys for hour in hours.values()] == [("e0", "e1", "e2"), ("e3", "e4"), ("e5",)]
    assert hours[NOW].absent["x"].tolist() == [True, False, True]
    assert hours[NOW + timedelta(hours=2)].extra == {}
    same(Traffic.concat(list(hours.values())), hourly())


def test_no_traffic_has_no_hours():
    assert Traffic.empty(SCHEMA).by_hour() == {}


def test_a_mask_takes_rows():
    traffic = hourly()
    mask = np.array([True, False, False, False, True, False])
    assert traffic.take(mask).keys == ("e0", "e4")
    assert traffic.take(mask).columns["c"].tolist() == ["a", "a"]
    same(traffic.take(np.ones(6, dtype=bool)), traffic)
    assert traffic.take(np.zeros(6, dtype=bool)).rows == 0
    with pytest.raises(ValueError, match="6 rows"):
        traffic.take(mask[:2])


def test_only_traffic_of_one_schema_is_put_together():
    with pytest.raises(ValueError, match="different columns"):
        Traffic.concat([Traffic.empty(SCHEMA), Traffic.empty(NUMBERS)])
    with pytest.raises(ValueError, match="nothing"):
        Traffic.concat([])


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"features": ()}, "at least one"),
        ({"features": (("x", True), ("x", False))}, "one name: x"),
        ({"features": (("x", True),), "task": "ranking"}, "'ranking'"),
        ({"features": (("x", True),), "task": Task.MULTICLASS, "classes": ("a",)}, "two or more"),
        ({"features": (("x", True),), "task": Task.MULTICLASS, "classes": ("a", "a")}, "each once"),
        ({"features": (("x", True),), "classes": ("a", "b")}, "has no classes"),
    ],
)
def test_a_schema_that_cannot_be(schema, reason):
    with pytest.raises(ValueError, match=reason):
        Schema(**schema)


# --- ground truth


def outcomes_of(text, schema=SCHEMA):
    return read_outcomes(text, "truth.jsonl", schema, collected_at=NOW)


@pytest.mark.parametrize(
    ("schema", "label", "expected"),
    [
        (SCHEMA, "1", 1.0),
        (SCHEMA, "0", 0.0),
        (SCHEMA, 1, 1.0),
        (SCHEMA, "1.0", 1.0),
        (SCHEMA, " 1\n", 1.0),
        (SCHEMA, '"1"', 1.0),
        (SCHEMA, True, 1.0),
        (SCHEMA, "False", 0.0),
        (ANIMALS, "dog", 1.0),
        (ANIMALS, '"dog"', 1.0),
        (ANIMALS, "2", 2.0),
        (ANIMALS, 0, 0.0),
        (QUANTITY, "-12.5", -12.5),
        (QUANTITY, "1e3", 1000.0),
    ],
)
def test_outcomes(schema, label, expected):
    outcomes, rejected = outcomes_of(
        "\n".join([outcome_line("e1", label), outcome_line("e2", label)]), schema
    )
    assert rejected == []
    assert outcomes.keys == ("e1", "e2")
    assert outcomes.labels.tolist() == [expected] * 2
    assert outcomes.at.tolist() == [NOW_MICROSECONDS] * 2


def test_a_class_named_by_a_number_goes_by_its_name():
    ratings = Schema(features=(("x", True),), task=Task.MULTICLASS, classes=("1", "2", "3"))
    assert outcomes_of(outcome_line("e1", "1"), ratings)[0].labels.tolist() == [0.0]


def test_a_record_may_say_when_it_was_collected():
    record = json.loads(outcome_line("e1", "1"))
    record["eventMetadata"]["collectionTime"] = "2013-03-01T13:00:00Z"
    outcomes, _ = outcomes_of(f"{json.dumps(record)}\n{outcome_line('e2', '0')}")
    assert (outcomes.at - NOW_MICROSECONDS).tolist() == [3_600_000_000, 0]
    record["eventMetadata"]["collectionTime"] = "soon"
    assert "'soon'" in outcomes_of(json.dumps(record))[1][0].reason


@pytest.mark.parametrize(
    ("schema", "line", "reason"),
    [
        (SCHEMA, "{not json", "not JSON"),
        (SCHEMA, "3", "not a JSON object"),
        (SCHEMA, "{}", "not a ground-truth record"),
        (SCHEMA, outcome_line("e1", "late"), "neither 0 nor 1"),
        (SCHEMA, outcome_line("e1", None), "not a ground-truth record"),
        (SCHEMA, outcome_line("e1", [1]), "not a ground-truth record"),
        (SCHEMA, outcome_line("e1", "2"), "neither 0 nor 1"),
        (SCHEMA, outcome_line("e1", ""), "neither 0 nor 1"),
        (SCHEMA, outcome_line("e1", "0.5"), "neither 0 nor 1"),
        (SCHEMA, outcome_line("e1", "nan"), "neither 0 nor 1"),
        (SCHEMA, outcome_line("e1", "1,0"), "neither 0 nor 1"),
        (SCHEMA, outcome_line("e1", 10**400), "neither 0 nor 1"),
        (SCHEMA, outcome_line(7, "1"), "eventId is int"),
        (SCHEMA, '{"groundTruthData": {"data": "1"}, "eventMetadata": {}}', "eventId"),
        (ANIMALS, outcome_line("e1", "horse"), "neither a class nor"),
        (ANIMALS, outcome_line("e1", "3"), "neither a class nor"),
        (ANIMALS, outcome_line("e1", "true"), "neither a class nor"),
        (QUANTITY, outcome_line("e1", "inf"), "not a finite number"),
        (QUANTITY, outcome_line("e1", "1_0"), "not a finite number"),
        (QUANTITY, outcome_line("e1", ""), "not a finite number"),
    ],
)
def test_a_malformed_outcome_is_refused_with_its_reason(schema, line, reason):
    good = outcome_line("e0", "1")
    outcomes, rejected = outcomes_of(f"{good}\n{line}\n{good}", schema)
    assert outcomes.keys == ("e0", "e0")
    assert [(item.source, item.line) for item in rejected] == [("truth.jsonl", 2)]
    assert reason in rejected[0].reason
