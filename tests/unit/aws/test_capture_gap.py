"""Requests that CloudWatch counted, beside the files that were captured of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selfheal.aws.capture_gap import CaptureGap, sampling_percent
from unit.account import BUCKET, NAME, VARIANT
from unit.samples import NOW

HOUR = timedelta(hours=1)
CONFIG = {"DataCaptureConfig": {"EnableCapture": True, "InitialSamplingPercentage": 50}}
# Half an hour and more after the hour, all files of it are there.
LOOK = NOW + timedelta(minutes=45)


@pytest.fixture
def gap(account):
    return CaptureGap(account.cloudwatch, account.objects, NAME, VARIANT)


def requests(account, at, count, variant=VARIANT):
    dimensions = [{"Name": "EndpointName", "Value": NAME}, {"Name": "VariantName", "Value": variant}]
    datum = {"MetricName": "Invocations", "Dimensions": dimensions, "Timestamp": at, "Value": count}
    account.cloudwatch.put_metric_data(Namespace="AWS/SageMaker", MetricData=[datum])


def captured(account, at, variant=VARIANT):
    key = f"capture/{NAME}/{variant}/{at:%Y/%m/%d/%H}/one.jsonl"
    account.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")


def test_requests_since_the_last_captured_file(account, gap):
    captured(account, NOW - 4 * HOUR)
    for back, count in ((4, 1), (3, 20), (2, 300), (1, 4000)):
        requests(account, NOW - back * HOUR, count)
    found = gap.look(CONFIG, LOOK)
    assert (found.uncaptured, found.since, found.sampling_percent) == (4320, NOW - 3 * HOUR, 50)
    assert found.missing == 2160


def test_a_file_of_the_hour_that_runs_is_enough(account, gap):
    captured(account, NOW)
    requests(account, NOW - HOUR, 100)
    assert gap.look(CONFIG, LOOK).uncaptured == 0
    assert account.calls.of("GetMetricStatistics") == []


@pytest.mark.parametrize(("minutes", "uncaptured"), [(29, 0), (30, 7)])
def test_files_of_an_hour_have_their_time_to_come(account, gap, minutes, uncaptured):
    captured(account, NOW - 2 * HOUR)
    requests(account, NOW - HOUR, 7)
    requests(account, NOW, 1000)
    assert gap.look(CONFIG, NOW + timedelta(minutes=minutes)).uncaptured == uncaptured


def test_a_day_is_looked_back_on(account, gap):
    captured(account, NOW - 24 * HOUR)
    for back in range(1, 27):
        requests(account, NOW - back * HOUR, 1)
    found = gap.look(CONFIG, LOOK)
    assert (found.uncaptured, found.since) == (24, NOW - 24 * HOUR)


def test_nobody_asked_and_nothing_was_captured(gap):
    assert gap.look(CONFIG, LOOK).uncaptured == 0


def test_another_variants_traffic_is_not_this_ones(account, gap):
    captured(account, NOW - 2 * HOUR)
    captured(account, NOW - HOUR, variant="shadow")
    requests(account, NOW - HOUR, 5)
    requests(account, NOW - HOUR, 900, variant="shadow")
    assert gap.look(CONFIG, LOOK).uncaptured == 5


def test_no_captured_file_is_read(account, gap):
    captured(account, NOW - HOUR)
    account.calls.forget()
    gap.look(CONFIG, LOOK)
    assert account.calls.of("GetObject") == []


@pytest.mark.parametrize(
    ("config", "percent"),
    [
        (CONFIG, 50),
        ({}, 0),
        ({"DataCaptureConfig": {"EnableCapture": False, "InitialSamplingPercentage": 50}}, 0),
        # EnableCapture is optional where a capture config is given.
        ({"DataCaptureConfig": {"InitialSamplingPercentage": 5}}, 5),
    ],
)
def test_what_a_config_captures(config, percent):
    assert sampling_percent(config) == percent
