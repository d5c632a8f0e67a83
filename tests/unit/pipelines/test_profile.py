"""One code, three places: the function, the machines of a processing job, and Spark make the same hours."""

from __future__ import annotations

import importlib.util
import json
import shutil
import tracemalloc

import pytest

from pipelines.steps import profile
from selfheal.aws.traffic_store import TrafficStore
from selfheal.observe.profile_request import ProfileRequest, RequestError
from selfheal.observe.reading.files import Part, around, merge_parts, read_file
from unit.account import NAME, VARIANT
from unit.pipelines.captured import (
    FOLDER,
    PREFIX,
    ask,
    by_shards,
    by_spark,
    captured,
    hours_of,
    long_file,
    reading,
    rejected_of,
    request,
    text_of,
)
from unit.samples import CHAMPION, baseline


@pytest.fixture(scope="module")
def files():
    return captured() | long_file()


@pytest.fixture(scope="module")
def expected(files):
    """Hours and rejected lines of the files, one after another."""
    found = [
        read_file(body.splitlines(keepends=True), name, FOLDER, reading()) for name, body in files.items()
    ]
    hours = {
        start: text_of(merge_parts([part for each in found for part in each.parts if part.start == start]))
        for start in around(FOLDER)
    }
    return hours, sorted(json.dumps(line.to_json()) for each in found for line in each.rejected)


def test_the_files_hold_what_they_should(files, expected):
    hours, rejected = expected
    assert len(rejected) > 3
    own = json.loads(hours[FOLDER])
    assert own["hour"]["malformed"] == len(rejected)
    assert own["hour"]["duplicates"]
    assert own["hour"]["unanswered"]
    assert own["hour"]["extra"] == ["surprise"]
    assert own["files"] == sorted(files)
    assert all(json.loads(text)["hour"]["profile"]["rows"] for text in hours.values())


def test_the_function_makes_these_hours(account, files, expected):
    store = TrafficStore(account.objects, NAME, VARIANT)
    for name, body in files.items():
        account.s3.put_object(Bucket=account.objects.bucket, Key=name, Body=body)
    found = store.observe(around(FOLDER), CHAMPION, baseline())
    hours, rejected = expected
    for (stored, _), (start, text) in zip(found, sorted(hours.items()), strict=True):
        assert stored.hour.to_json() == json.loads(text)["hour"], start
    lines = [json.dumps(line.to_json()) for _, bad in found for line in bad]
    assert sorted(lines) == rejected


@pytest.mark.parametrize("count", [1, 2, 5, 11])
def test_machines_that_share_the_files_make_these_hours(tmp_path, files, expected, count):
    target = by_shards(files, count, tmp_path)
    assert (hours_of(target), rejected_of(target)) == expected


def why_spark_cannot_run():
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed"
    if shutil.which("java") is None:
        return "Java is missing: install Debian's default-jre-headless"
    return ""


@pytest.mark.skipif(bool(why_spark_cannot_run()), reason=why_spark_cannot_run() or "it can")
def test_spark_makes_these_hours(tmp_path, files, expected):
    target = by_spark(files, tmp_path)
    assert (hours_of(target), rejected_of(target)) == expected


def test_a_file_that_was_not_asked_for_fails_the_job(tmp_path, files):
    ask(tmp_path, files)
    path = tmp_path / "capture" / "2013/03/01/11/stranger.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("")
    resources = tmp_path / "resourceconfig.json"
    resources.write_text('{"current_host": "algo-1"}')
    with pytest.raises(RequestError, match=r"11/stranger\.jsonl is not among the 8 files"):
        profile.main(tmp_path, tmp_path / "output", resources)


def test_memory_does_not_grow_with_the_files(tmp_path):
    """Parts are merged as they come: three times the files take no more memory."""

    def peak(times):
        many = captured(files=times, rows=8)
        tracemalloc.start()
        by_shards(many, 1, tmp_path / str(times))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)
    assert peak(96) < 1.5 * peak(32)


class TestARequest:
    def test_survives_json(self, files):
        asked = request(files)
        assert ProfileRequest.from_json(json.loads(json.dumps(asked.to_json()))).digest == asked.digest

    def test_of_other_files_another_champion_or_another_version_of_a_file_is_another(self, files):
        body = request(files).to_json()
        fewer = {**body, "files": body["files"][1:]}
        newer = {**body, "files": [[body["files"][0][0], "other"], *body["files"][1:]]}
        other = {**body, "reading": {**body["reading"], "champion": "other"}}
        digests = {ProfileRequest.from_json(each).digest for each in (body, fewer, newer, other)}
        assert len(digests) == 4

    @pytest.mark.parametrize("broken", [{}, {"folder": "yesterday"}, {"folder": 3}])
    def test_that_is_none_says_so(self, broken):
        with pytest.raises(RequestError, match="not a request"):
            ProfileRequest.from_json(broken)

    def test_names_files_below_its_prefix(self, files):
        body = request(files).to_json()
        with pytest.raises(
            RequestError, match="capture/other/a does not lie under capture/flights/AllTraffic/"
        ):
            ProfileRequest.from_json({**body, "files": [["capture/other/a", "etag"]]})
        assert request(files).name_of("2013/03/01/11/00.jsonl") == f"{PREFIX}2013/03/01/11/00.jsonl"


def test_a_part_of_another_layout_is_refused(files):
    name, body = next(iter(files.items()))
    part = read_file(body.splitlines(), name, FOLDER, reading()).parts[0]
    with pytest.raises(ValueError, match="of layout"):
        Part.from_json(part.to_json(), baseline(rows=400).layout)
