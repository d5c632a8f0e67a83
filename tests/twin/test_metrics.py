"""The metric store, on its own and behind CloudWatch's API."""

import inspect
import tracemalloc
from datetime import datetime, timedelta, timezone

import boto3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse

from twin.interfaces import TwinError
from twin.metrics import MetricStore
from twin.patching import Patches

START = datetime(2013, 1, 1, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
DIMENSIONS = {"EndpointName": "flights"}


def filled(values_by_minute, store=None):
    store = store or MetricStore()
    for minute, values in values_by_minute.items():
        for value in values:
            store.put("AWS/SageMaker", "ModelLatency", DIMENSIONS, value, START + minute * MINUTE)
    return store


def ask(store, stat, period=60, start=START, end=START + 60 * MINUTE, dimensions=DIMENSIONS):
    return store.statistic("AWS/SageMaker", "ModelLatency", dimensions, stat, period, start, end)


@pytest.mark.parametrize(
    ("stat", "expected"),
    [
        ("Average", 2.5),
        ("Sum", 10),
        ("Minimum", 1),
        ("Maximum", 4),
        ("SampleCount", 4),
        ("p50", 2.5),
        ("p100", 4),
        ("p99.9", 3.997),
    ],
)
def test_statistics_of_one_period(stat, expected):
    assert ask(filled({0: [4, 1, 3, 2]}), stat) == [(START, pytest.approx(expected))]


def test_periods_are_aligned_and_empty_ones_absent():
    store = filled({1: [1], 4: [2], 11: [3]})
    assert ask(store, "Sum", 300) == [(START, 3), (START + 10 * MINUTE, 3)]


def test_start_is_rounded_down_and_end_is_exclusive():
    store = filled({0: [1], 4: [2], 5: [4]})
    assert ask(store, "Sum", 300, START + 3 * MINUTE, START + 5 * MINUTE) == [(START, 3)]


def test_late_values_join_their_period():
    assert ask(filled({5: [1], 3: [2], 4: [3]}), "Sum") == [
        (START + m * MINUTE, v) for m, v in [(3, 2), (4, 3), (5, 1)]
    ]


def test_dimensions_must_match_exactly():
    assert ask(filled({0: [1]}), "Sum", dimensions={}) == []


@pytest.mark.parametrize("stat", ["p101", "P99", "TM(10%:90%)", "IQM", "average"])
def test_unknown_statistics_are_named(stat):
    with pytest.raises(TwinError, match="statistic"):
        ask(filled({0: [1]}), stat)


def test_periods_below_a_minute_are_refused():
    with pytest.raises(TwinError, match="30 s"):
        ask(filled({0: [1]}), "Sum", 30)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.integers(0, 100))
def test_percentiles_are_numpys_linear_ones(values, percent):
    ((_, found),) = ask(filled({0: values}), f"p{percent}")
    assert found == pytest.approx(np.percentile(values, percent), abs=1e-6)


def test_a_million_values_stay_small():
    store = MetricStore()
    tracemalloc.start()
    for number in range(100_000):
        store.put("n", "m", DIMENSIONS, float(number), START + timedelta(seconds=number))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 2_500_000  # 25 MB for a million


@pytest.fixture
def cloudwatch():
    patches = Patches()
    with mock_aws():
        store = MetricStore()
        store.attach(patches)
        client = boto3.client("cloudwatch", region_name="us-east-1")
        client.store = store
        yield client
        patches.undo()


def put(client, **datum):
    named = {"MetricName": "ModelLatency", "Dimensions": [{"Name": "EndpointName", "Value": "flights"}]}
    client.put_metric_data(Namespace="AWS/SageMaker", MetricData=[{**named, "Timestamp": START, **datum}])


def metric_query(stat):
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ModelLatency",
        "Dimensions": [{"Name": "EndpointName", "Value": "flights"}],
    }
    return {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}


def test_put_and_get_metric_data_with_percentiles(cloudwatch):
    put(cloudwatch, Value=1.0)
    put(cloudwatch, Values=[2.0, 10.0], Counts=[2.0, 1.0])
    put(cloudwatch, Value=7.0, Timestamp=START + MINUTE)
    window = {"StartTime": START, "EndTime": START + 2 * MINUTE}
    (result,) = cloudwatch.get_metric_data(MetricDataQueries=[metric_query("p50")], **window)[
        "MetricDataResults"
    ]
    assert result["Values"] == [7.0, 2.0]
    assert result["Timestamps"] == [START + MINUTE, START]
    (result,) = cloudwatch.get_metric_data(
        MetricDataQueries=[metric_query("SampleCount")], ScanBy="TimestampAscending", **window
    )["MetricDataResults"]
    assert result["Values"] == [4.0, 1.0]


def test_get_metric_statistics_plain_and_extended(cloudwatch):
    put(cloudwatch, Values=[1.0, 3.0])
    (point,) = cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="ModelLatency",
        Dimensions=[{"Name": "EndpointName", "Value": "flights"}],
        StartTime=START,
        EndTime=START + MINUTE,
        Period=60,
        Statistics=["Sum"],
        ExtendedStatistics=["p75"],
    )["Datapoints"]
    assert point["Timestamp"] == START
    assert point["Sum"] == 4.0
    assert point["ExtendedStatistics"] == {"p75": 2.5}


def test_list_metrics_comes_from_the_store(cloudwatch):
    put(cloudwatch, Value=1.0)
    put(cloudwatch, Value=2.0)
    cloudwatch.store.put("Other", "Metric", {}, 1.0, START)
    assert cloudwatch.list_metrics(Namespace="AWS/SageMaker")["Metrics"] == [
        {
            "Namespace": "AWS/SageMaker",
            "MetricName": "ModelLatency",
            "Dimensions": [{"Name": "EndpointName", "Value": "flights"}],
        }
    ]
    assert cloudwatch.list_metrics(MetricName="Unknown")["Metrics"] == []


def test_statistic_values_are_refused(cloudwatch):
    with pytest.raises(TwinError, match="StatisticValues"):
        put(cloudwatch, StatisticValues={"Sum": 1, "Minimum": 1, "Maximum": 1, "SampleCount": 1})


def test_a_datum_without_a_value_is_a_client_error(cloudwatch):
    with pytest.raises(cloudwatch.exceptions.ClientError, match="neither Value nor Values"):
        put(cloudwatch)


def test_metric_math_is_named(cloudwatch):
    with pytest.raises(TwinError, match="m1/2"):
        cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "e1", "Expression": "m1/2"}], StartTime=START, EndTime=START + MINUTE
        )


def test_units_are_refused(cloudwatch):
    query = metric_query("Sum")
    query["MetricStat"]["Unit"] = "Seconds"
    with pytest.raises(TwinError, match="Unit Seconds"):
        cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=START, EndTime=START + MINUTE)


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (CloudWatchBackend, "put_metric_data", ["self", "namespace", "metric_data"]),
        (CloudWatchBackend, "get_metric_data", ["self", "queries", "start_time", "end_time", "scan_by"]),
        (CloudWatchBackend, "get_all_metrics", ["self"]),
        (CloudWatchResponse, "get_metric_statistics", ["self"]),
        (CloudWatchBackend, "_validate_parameters_put_metric_data", ["self", "metric", "query_num"]),
    ],
)
def test_moto_still_has_what_is_replaced(owner, name, parameters):
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters
