"""The parts together: an empty account, its ticks, and its end."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone

import boto3
import psutil
import pytest

from twin.account import LONG_TICK, Twin

START = datetime(2024, 5, 6, 7, tzinfo=timezone.utc)


@pytest.fixture
def twin(tmp_path):
    with Twin(state=tmp_path / "state", start=START) as twin:
        yield twin


def test_ticks_follow_one_another_and_reach_the_end(twin):
    seen = []
    twin.on_tick(lambda since, until: seen.append((since, until)))
    twin.advance_to(START + timedelta(hours=2))
    assert seen[0][0] == START
    assert seen[-1][1] == START + timedelta(hours=2) == twin.clock.now
    assert all(one[1] == next_[0] for one, next_ in itertools.pairwise(seen))
    assert {until - since for since, until in seen} == {LONG_TICK}


def test_a_tick_ends_where_something_is_due(twin):
    ran = []
    twin.clock.at(START + timedelta(minutes=7), lambda: ran.append(twin.clock.now), "something")
    twin.advance_to(START + timedelta(minutes=30))
    assert ran == [START + timedelta(minutes=7)]


def test_ticks_are_short_after_an_alarm(twin):
    cloudwatch = twin.session.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="a",
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    twin.advance_to(START + LONG_TICK)
    twin.metrics.put("n", "m", {}, 1.0, twin.clock.now + timedelta(minutes=1))
    lengths = []
    twin.on_tick(lambda since, until: lengths.append(until - since))
    twin.advance_to(START + timedelta(hours=1, minutes=30))
    assert lengths[0] == LONG_TICK
    assert set(lengths[1:]) == {timedelta(minutes=1)}


def test_the_account_is_reached_over_http_and_in_process(twin):
    elsewhere = boto3.client("s3", endpoint_url=twin.api.url, region_name="us-east-1")
    elsewhere.create_bucket(Bucket="one")
    assert [bucket["Name"] for bucket in twin.session.client("s3").list_buckets()["Buckets"]] == ["one"]


def test_nothing_is_left_behind(tmp_path):
    from moto.cloudwatch.models import CloudWatchBackend

    original = CloudWatchBackend.put_metric_alarm
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with Twin(state=tmp_path / "state", start=START) as twin:
        assert CloudWatchBackend.put_metric_alarm is not original
        assert twin.patches.symbols()
    assert CloudWatchBackend.put_metric_alarm is original
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
    assert datetime.now(timezone.utc).year > 2024
