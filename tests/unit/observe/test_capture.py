"""Reading traffic: what is read, what is refused and why, and that nothing is lost in between."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest

from selfheal.observe.baseline import Feature, NumericBins
from selfheal.observe.capture import read_capture, read_outcomes, sample
from unit.samples import CHAMPION, NOW, answer, base64_of, capture_line, capture_record, outcome_line

WIDTH = 2


def read_one(line):
    inferences, rejected = read_capture(line, "05/a.jsonl", WIDTH)
    assert rejected == []
    return inferences


def refusal(line):
    inferences, rejected = read_capture(line, "05/a.jsonl", WIDTH)
    assert inferences == []
    assert len(rejected) == 1
    assert rejected[0].source == "05/a.jsonl"
    assert rejected[0].line == 1
    return rejected[0].reason


def edited(edit, **kwargs):
    record = capture_record(output=answer(0.5), **kwargs)
    edit(record)
    return json.dumps(record)


def test_a_plain_record():
    (inference,) = read_one(capture_line("1.5,a", answer(0.25)))
    assert inference.key == "e1"
    assert inference.at == NOW
    assert inference.fields == ("1.5", "a")
    assert inference.score == 0.25
    assert inference.model_package == CHAMPION


def test_a_base64_record_says_the_same():
    plain = capture_record("1.5,a", answer(0.25))
    coded = capture_record(base64_of("1.5,a"), base64_of(answer(0.25)), encoding="BASE64")
    coded["captureData"]["endpointOutput"]["encoding"] = "BASE64"
    assert read_one(json.dumps(coded)) == read_one(json.dumps(plain))


def test_the_inference_id_is_the_key_where_there_is_one():
    assert read_one(capture_line(output=answer(0.5), inference_id="flight-7"))[0].key == "flight-7"


def test_rows_of_one_request_have_keys_of_their_own():
    inferences = read_one(capture_line("1,a\n2,b\n3,c\n", answer(0.1, 0.2, 0.3)))
    assert [inference.key for inference in inferences] == ["e1", "e1#1", "e1#2"]
    assert [inference.score for inference in inferences] == [0.1, 0.2, 0.3]
    assert [inference.fields[1] for inference in inferences] == ["a", "b", "c"]


def test_quoted_columns_are_one_column():
    assert read_one(capture_line('1.5,"a, with ""comma"""', answer(0.5)))[0].fields[1] == 'a, with "comma"'


def test_a_request_that_failed_is_an_inference_without_an_answer():
    (inference,) = read_one(capture_line(output=None))
    assert inference.score is None
    assert inference.model_package is None
    assert inference.fields == ("1.5", "a")


def test_times_are_utc_whatever_their_offset():
    def elsewhere(record):
        record["eventMetadata"]["inferenceTime"] = "2013-03-01T07:00:00-05:00"

    (inference,) = read_one(edited(elsewhere))
    assert inference.at == NOW
    assert inference.at.utcoffset() == timedelta(0)


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
        (edited(set_meta(inferenceTime="yesterday")), "'yesterday' is not an ISO time"),
        (edited(set_meta(inferenceTime=1362139200)), "not a capture record"),
        (edited(set_meta(inferenceTime="0001-01-01T00:00:00+23:00")), "ISO time"),
        (edited(set_input(data="1.5")), "1 columns instead of 2"),
        (edited(set_input(data="1.5,a,b")), "3 columns instead of 2"),
        (edited(set_input(data="1,a\n2")), "1 columns instead of 2"),
        (edited(set_input(data="")), "payload is empty"),
        (edited(set_input(data="\n\n")), "payload is empty"),
        (edited(set_input(data="***", encoding="BASE64")), "not base64"),
        (edited(set_input(data="/w==", encoding="BASE64")), "not base64 of UTF-8"),
        (edited(set_input(data=7, encoding="BASE64")), "not a capture record"),
        (edited(set_input(data="1," + "x" * 200_000)), "not CSV"),
        (edited(set_output(data="<html>")), "answer is not of this workload's form"),
        (edited(set_output(data="[]")), "answer is not of this workload's form"),
        (edited(set_output(data="{}")), "model_package"),
        (edited(set_output(data='{"model_package": "p", "predictions": [{"x": 1}]}')), "score"),
        (edited(set_output(data='{"model_package": "p", "predictions": [{"score": "high"}]}')), "form"),
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
    ],
)
def test_a_malformed_record_is_refused_with_its_reason(line, reason):
    assert reason in refusal(line)


def test_a_key_that_is_no_text_is_refused():
    assert "eventId" in refusal(edited(set_meta(eventId=["e", 1])))


def test_json_nested_beyond_reading_is_refused():
    assert "not JSON" in refusal("[" * 100_000)


def test_nothing_is_lost():
    lines = [
        capture_line(key="good-1", output=answer(0.5)),
        "{broken",
        capture_line(key="unanswered"),
        capture_line("1", key="narrow"),
        capture_line(key="good-2", output=answer(0.5)),
    ]
    inferences, rejected = read_capture("\n".join(lines) + "\n", "a.jsonl", WIDTH)
    assert [inference.key for inference in inferences] == ["good-1", "unanswered", "good-2"]
    assert [(item.line, item.text) for item in rejected] == [(2, lines[1]), (4, lines[3])]


def test_blank_lines_are_no_records_but_keep_their_numbers():
    inferences, rejected = read_capture("\n\n{broken\n   \n", "a.jsonl", WIDTH)
    assert inferences == []
    assert [item.line for item in rejected] == [3]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_only_a_newline_ends_a_line(separator):
    # JSON may carry these raw inside a string, where Unicode would end a line.
    line = json.dumps(capture_record(f'1.5,"a{separator}b"', answer(0.5)), ensure_ascii=False)
    inferences, rejected = read_capture(line, "a.jsonl", WIDTH)
    assert rejected == []
    assert inferences[0].fields == ("1.5", f"a{separator}b")


def test_lines_that_end_as_on_windows_are_read():
    text = "\r\n".join([capture_line(output=answer(0.5)), capture_line(key="e2", output=answer(0.5))])
    assert len(read_capture(text, "a.jsonl", WIDTH)[0]) == 2


def test_a_long_refused_line_is_kept_shortened():
    _, rejected = read_capture("{" * 5000, "a.jsonl", WIDTH)
    assert rejected[0].text == "{" * 2000
    assert rejected[0].to_json()["line"] == 1


@pytest.mark.parametrize(("label", "expected"), [("1", 1.0), ("0", 0.0), (1, 1.0), ("1.0", 1.0)])
def test_outcomes(label, expected):
    outcomes, rejected = read_outcomes(outcome_line("e1", label), "truth.jsonl")
    assert rejected == []
    assert [(outcome.key, outcome.label) for outcome in outcomes] == [("e1", expected)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{not json", "not JSON"),
        ("3", "not a JSON object"),
        ("{}", "groundTruthData"),
        (outcome_line("e1", "late"), "not a ground-truth record"),
        (outcome_line("e1", None), "not a ground-truth record"),
        (outcome_line("e1", "2"), "neither 0 nor 1"),
        (outcome_line("e1", "nan"), "neither 0 nor 1"),
        (outcome_line("e1", 10**400), "not a ground-truth record"),
        ('{"groundTruthData": {"data": "1"}, "eventMetadata": {}}', "eventId"),
    ],
)
def test_a_malformed_outcome_is_refused_with_its_reason(line, reason):
    outcomes, rejected = read_outcomes(line, "truth.jsonl")
    assert outcomes == []
    assert reason in rejected[0].reason


def test_payloads_become_columns_and_text_that_is_no_number_is_missing():
    features = (Feature("x", NumericBins.of(np.arange(10.0))), Feature("c", None))
    lines = [
        capture_line(data, answer(0.5), key=str(number))
        for number, data in enumerate(["1.5,a", ",b", "none,", "nan,c", "inf,d", "1_0,d"])
    ]
    inferences, _ = read_capture("\n".join(lines), "a.jsonl", WIDTH)
    profile = sample(inferences, features).profile(features)
    assert (profile["x"].present, profile["x"].missing) == (1, 5)
    assert profile["c"].counts == {"a": 1, "b": 1, "c": 1, "d": 2}
    assert profile["c"].missing == 1
