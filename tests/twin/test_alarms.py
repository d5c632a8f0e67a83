"""Alarms: the judgement against the guide's tables and an oracle, then the whole path through moto."""

import inspect
import itertools
import json
import time
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse

from twin.alarm_rules import judge
from twin.alarms import Alarms
from twin.clock import VirtualClock
from twin.interfaces import TwinError
from twin.metric_math import Expression
from twin.metrics import MetricStore
from twin.patching import Patches

START = datetime(2013, 1, 1, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
KEEP = None
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def points(text):
    return [{"0": False, "X": True, "-": None}[each] for each in text]


# The two tables of "How alarm state is evaluated when data is missing", three of an evaluation range of five.
GUIDE = [
    (3, "0-X-X", ["OK", "OK", "OK", "OK"]),
    (3, "----0", ["OK", "OK", "OK", "OK"]),
    (3, "-----", ["INSUFFICIENT_DATA", KEEP, "ALARM", "OK"]),
    (3, "0XX-X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
    (3, "--X--", ["ALARM", KEEP, "ALARM", "OK"]),
    (2, "0-X-X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
    (2, "00X0X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
    (2, "0-X--", ["OK", "OK", "ALARM", "OK"]),
    (2, "----0", ["OK", "OK", "ALARM", "OK"]),
    (2, "---X-", ["ALARM", KEEP, "ALARM", "OK"]),
    # premature: the next datum may still come out well
    (3, "----X", [KEEP, KEEP, "ALARM", "OK"]),
    (3, "---X-", [KEEP, KEEP, "ALARM", "OK"]),
]


@pytest.mark.parametrize(("m", "text", "expected"), GUIDE)
def test_the_guides_tables(m, text, expected):
    found = [
        judge(points(text), evaluation_periods=3, datapoints_to_alarm=m, treat_missing=each)
        for each in TREATMENTS
    ]
    assert found == expected


def possible_outcomes(breaching, n, m):
    """Every state that M of N could have, if the gaps among the last N were filled at will."""
    real = [each for each in breaching if each is not None]
    shortfall = max(0, n - len(real))
    recent = real[-n:] if not shortfall else real
    fillings = itertools.product([False, True], repeat=shortfall)
    return {"ALARM" if sum(recent) + sum(filling) >= m else "OK" for filling in fillings}


@given(
    st.lists(st.sampled_from([None, False, True]), min_size=7, max_size=7),
    st.integers(1, 5),
    st.data(),
    st.sampled_from(TREATMENTS),
)
def test_m_of_n_against_filling_every_gap(breaching, n, data, treat):
    m = data.draw(st.integers(1, n))
    breaching = breaching[: n + 2]
    state = judge(breaching, evaluation_periods=n, datapoints_to_alarm=m, treat_missing=treat)
    outcomes = possible_outcomes(breaching, n, m)
    if len(outcomes) == 1:
        # Whatever the gaps held, the state would be the same: only total silence may differ.
        assert state in outcomes or all(each is None for each in breaching)
    elif treat == "breaching":
        assert state == "ALARM"
    elif treat == "notBreaching":
        assert state == "OK"
    else:
        assert (state == "OK") == (False in breaching)


def fill_and_add(text, series, periods):
    return Expression(text).evaluate(series, periods)


PERIODS = [START, START + MINUTE, START + 2 * MINUTE]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("errors / requests * 100", {0: 50.0}),
        ("100 * (errors / requests)", {0: 50.0}),
        ("FILL(errors, 0) / requests", {0: 0.5, 1: 0.0}),
        ("FILL(errors, -1) + 1", {0: 3.0, 1: 0.0, 2: 0.0}),
        ("-errors", {0: -2.0}),
        ("errors - errors", {0: 0.0}),
        ("1 / (errors - errors)", {}),
    ],
)
def test_metric_math(text, expected):
    series = {"errors": {START: 2.0}, "requests": {START: 4.0, START + MINUTE: 5.0}}
    assert fill_and_add(text, series, PERIODS) == {START + m * MINUTE: v for m, v in expected.items()}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("IF(m1 > 1, m1, 0)", "IF"),
        ("SUM(METRICS())", "SUM"),
        ("FILL(m1, REPEAT)", "REPEAT"),
        ("m1 ** 2", r"m1 \*\* 2"),
        ("m1 > 1", "m1 > 1"),
        ("m1 +", "cannot be read"),
        ("1 + 1", "no metric"),
        ("SELECT AVG(x)", "cannot be read"),
    ],
)
def test_unknown_metric_math_is_named(text, named):
    with pytest.raises(TwinError, match=named):
        Expression(text)


class Recorder:
    """A bus and a function that remember what they were given."""

    def __init__(self):
        self.events = []
        self.sent = []

    def emit(self, source, detail_type, detail, resources=()):
        self.events.append((source, detail_type, detail, list(resources)))

    def send(self, arn, payload):
        self.sent.append((arn, json.loads(payload)))


class World:
    """A frozen account with alarms, and shorthands for what tests do over and over."""

    def __init__(self, clock):
        self.clock = clock
        self.store = MetricStore()
        self.seen = Recorder()
        self.alarms = Alarms(self.store, self.seen, self.seen.send)
        self.client = boto3.client("cloudwatch", region_name="us-east-1")

    def alarm(self, name="errors", **changes):
        definition = {
            "AlarmName": name,
            "Namespace": "AWS/SageMaker",
            "MetricName": "Errors",
            "Dimensions": [{"Name": "EndpointName", "Value": "flights"}],
            "Period": 60,
            "Statistic": "Sum",
            "EvaluationPeriods": 3,
            "DatapointsToAlarm": 2,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        definition |= changes
        self.client.put_metric_alarm(**{key: value for key, value in definition.items() if value is not None})

    def minutes(self, *values, name="Errors"):
        """One minute each: the values, None for silence, then an evaluation."""
        for value in values:
            if value is not None:
                self.store.put("AWS/SageMaker", name, {"EndpointName": "flights"}, value, self.clock.now)
            self.clock.advance_to(self.clock.now + MINUTE)
            self.alarms.evaluate(self.clock.now)

    def state(self, name="errors"):
        return self.alarms.states([name])[name]

    def described(self, name="errors"):
        return self.client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]


@pytest.fixture
def world():
    patches = Patches()
    with mock_aws(), VirtualClock(START) as clock:
        world = World(clock)
        world.alarms.attach(patches)
        yield world
        patches.undo()


def test_an_alarm_starts_without_data_then_breaches_two_of_three_then_recovers(world):
    world.alarm()
    assert world.state() == "INSUFFICIENT_DATA"
    world.minutes(0)
    assert world.state() == "OK"
    world.minutes(9)
    assert world.state() == "OK"
    world.minutes(0, 9)
    assert world.state() == "ALARM"
    world.minutes(0, 0)
    assert world.state() == "OK"


def test_a_period_is_only_judged_once_it_has_closed(world):
    world.alarm(EvaluationPeriods=1, DatapointsToAlarm=1, Period=300)
    world.minutes(9, 9, 9, 9)
    assert world.state() == "INSUFFICIENT_DATA"
    world.minutes(9)
    assert world.state() == "ALARM"


def test_a_coarse_tick_judges_every_minute_in_between_and_stamps_it(world):
    world.alarm(EvaluationPeriods=1, DatapointsToAlarm=1)
    changes = []
    world.alarms.listen(changes.append)
    for minute, value in enumerate([0, 9, 0, 9]):
        at = START + minute * MINUTE
        world.store.put("AWS/SageMaker", "Errors", {"EndpointName": "flights"}, value, at)
    world.clock.advance_to(START + 4 * MINUTE)
    world.alarms.evaluate(world.clock.now)
    assert [(change.after, (change.at - START) // MINUTE) for change in changes] == [
        ("OK", 1),
        ("ALARM", 2),
        ("OK", 3),
        ("ALARM", 4),
    ]


def test_moto_shows_the_state_its_reason_and_when(world):
    world.alarm(EvaluationPeriods=1, DatapointsToAlarm=1)
    world.minutes(9)
    shown = world.described()
    assert shown["StateValue"] == "ALARM"
    assert shown["StateUpdatedTimestamp"] == START + MINUTE
    assert "1 out of the last 1 datapoints [9.0 (01/01/13 00:00:00)] was greater than" in shown["StateReason"]
    data = json.loads(shown["StateReasonData"])
    assert data["recentDatapoints"] == [9.0]
    assert data["threshold"] == 5.0


def test_the_event_has_the_documented_shape(world):
    world.alarm(EvaluationPeriods=1, DatapointsToAlarm=1, AlarmDescription="too many")
    world.minutes(0)
    world.seen.events.clear()
    world.minutes(9)
    ((source, detail_type, detail, resources),) = world.seen.events
    assert (source, detail_type) == ("aws.cloudwatch", "CloudWatch Alarm State Change")
    assert resources == ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:errors"]
    assert detail["alarmName"] == "errors"
    assert detail["state"]["value"] == "ALARM"
    assert detail["state"]["timestamp"] == "2013-01-01T00:02:00.000+0000"
    assert json.loads(detail["state"]["reasonData"])["period"] == 60
    assert detail["previousState"]["value"] == "OK"
    assert detail["configuration"]["description"] == "too many"
    (metric,) = detail["configuration"]["metrics"]
    assert metric["metricStat"] == {
        "metric": {"namespace": "AWS/SageMaker", "name": "Errors", "dimensions": {"EndpointName": "flights"}},
        "period": 60,
        "stat": "Sum",
    }
    assert metric["returnData"] is True


def test_nothing_is_said_while_nothing_changes(world):
    world.alarm()
    world.minutes(0)
    world.seen.events.clear()
    world.minutes(0, 0, 0)
    assert world.seen.events == []


def topic_with_queue(name):
    topic = boto3.client("sns", region_name="us-east-1").create_topic(Name=name)["TopicArn"]
    sqs = boto3.client("sqs", region_name="us-east-1")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    boto3.client("sns", region_name="us-east-1").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:123456789012:{name}"
    )

    def read():
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        sqs.purge_queue(QueueUrl=url)
        return [json.loads(json.loads(message["Body"])["Message"]) for message in found]

    return topic, read


def test_actions_reach_topics_and_functions_by_state(world):
    alarm_topic, alarms = topic_with_queue("alarms")
    ok_topic, oks = topic_with_queue("oks")
    function = "arn:aws:lambda:us-east-1:123456789012:function:page"
    world.alarm(
        EvaluationPeriods=1, DatapointsToAlarm=1, AlarmActions=[alarm_topic, function], OKActions=[ok_topic]
    )
    world.minutes(9)
    (notice,) = alarms()
    assert (notice["AlarmName"], notice["NewStateValue"]) == ("errors", "ALARM")
    assert notice["Trigger"]["MetricName"] == "Errors"
    ((arn, payload),) = world.seen.sent
    assert arn == function
    assert payload["alarmData"]["state"]["value"] == "ALARM"
    assert oks() == []
    world.minutes(0)
    assert [each["NewStateValue"] for each in oks()] == ["OK"]
    assert alarms() == []


def test_disabled_actions_are_not_run_but_the_event_is_sent(world):
    topic, read = topic_with_queue("alarms")
    world.alarm(EvaluationPeriods=1, DatapointsToAlarm=1, AlarmActions=[topic], ActionsEnabled=False)
    world.minutes(9)
    assert read() == []
    assert len(world.seen.events) == 1


def test_set_alarm_state_announces_and_the_next_evaluation_corrects(world):
    world.alarm()
    world.minutes(0)
    world.seen.events.clear()
    world.client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="drill")
    assert [event[2]["state"]["reason"] for event in world.seen.events] == ["drill"]
    world.client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="again")
    assert len(world.seen.events) == 1
    world.minutes(0)
    assert world.state() == "OK"


def test_a_state_narrows_down_a_name_prefix(world):
    world.alarm()
    world.minutes(0)
    describe = world.client.describe_alarms
    assert [a["AlarmName"] for a in describe(AlarmNamePrefix="err", StateValue="OK")["MetricAlarms"]] == [
        "errors"
    ]
    assert describe(AlarmNamePrefix="err", StateValue="ALARM")["MetricAlarms"] == []
    assert describe(AlarmNamePrefix="other", StateValue="OK")["MetricAlarms"] == []


def test_percentile_alarms(world):
    world.alarm(
        Statistic=None, ExtendedStatistic="p90", EvaluationPeriods=1, DatapointsToAlarm=1, Threshold=90
    )
    for value in range(100):
        world.store.put("AWS/SageMaker", "Errors", {"EndpointName": "flights"}, value, world.clock.now)
    world.minutes(None)
    assert world.state() == "OK"  # p90 of 0 to 99 is 89.1
    world.minutes(91)
    assert world.state() == "ALARM"


def stat(name, query_id):
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": name,
        "Dimensions": [{"Name": "EndpointName", "Value": "flights"}],
    }
    return {
        "Id": query_id,
        "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"},
        "ReturnData": False,
    }


def math_alarm(world, *metrics, **changes):
    single = ("Namespace", "MetricName", "Dimensions", "Period", "Statistic")
    world.alarm(
        **dict.fromkeys(single), Metrics=list(metrics), EvaluationPeriods=1, DatapointsToAlarm=1, **changes
    )


def test_metric_math_alarm(world):
    rate = {"Id": "rate", "Expression": "100 * errors / requests", "ReturnData": True}
    math_alarm(world, stat("Errors", "errors"), stat("Requests", "requests"), rate)
    for errors, expected in [(4, "OK"), (6, "ALARM")]:
        world.store.put("AWS/SageMaker", "Errors", {"EndpointName": "flights"}, errors, world.clock.now)
        world.minutes(100, name="Requests")
        assert world.state() == expected
    configuration = world.seen.events[-1][2]["configuration"]["metrics"]
    assert [each["returnData"] for each in configuration] == [False, False, True]
    assert configuration[2]["expression"] == "100 * errors / requests"


def test_a_single_returned_metric_stat(world):
    math_alarm(world, {**stat("Errors", "m1"), "ReturnData": True})
    world.minutes(9)
    assert world.state() == "ALARM"


@pytest.mark.parametrize(
    ("comparison", "values"),
    [
        ("GreaterThanThreshold", {5: "OK", 6: "ALARM"}),
        ("GreaterThanOrEqualToThreshold", {4: "OK", 5: "ALARM"}),
        ("LessThanThreshold", {5: "OK", 4: "ALARM"}),
        ("LessThanOrEqualToThreshold", {6: "OK", 5: "ALARM"}),
    ],
)
def test_comparisons(world, comparison, values):
    world.alarm(EvaluationPeriods=1, DatapointsToAlarm=1, ComparisonOperator=comparison)
    for value, state in values.items():
        world.minutes(value)
        assert world.state() == state


def test_silence_leads_to_insufficient_data_once_the_range_is_empty(world):
    world.alarm(TreatMissingData="missing", EvaluationPeriods=1, DatapointsToAlarm=1)
    world.minutes(0, None, None)
    assert world.state() == "OK"
    world.minutes(None)
    assert world.state() == "INSUFFICIENT_DATA"


def test_an_updated_alarm_keeps_its_state_and_takes_its_new_threshold(world):
    world.alarm(EvaluationPeriods=1, DatapointsToAlarm=1)
    world.minutes(9)
    world.alarm(EvaluationPeriods=1, DatapointsToAlarm=1, Threshold=10)
    assert world.state() == "ALARM"
    world.minutes(9)
    assert world.state() == "OK"


def test_deleted_alarms_are_forgotten_and_unknown_ones_named(world):
    world.alarm()
    world.minutes(0)
    world.client.delete_alarms(AlarmNames=["errors"])
    world.minutes(9, 9)
    with pytest.raises(TwinError, match="errors"):
        world.state()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"Period": 10}, "10 s"),
        ({"Unit": "Seconds"}, "Unit"),
        ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "automate"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "GreaterThanUpperThreshold"),
        ({"DatapointsToAlarm": 4}, "4 of 3"),
        ({"Statistic": None, "ExtendedStatistic": "pTM"}, "pTM"),
        ({"TreatMissingData": "guess"}, "guess"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_when_put_and_not_stored(world, changes, named):
    with pytest.raises(TwinError, match=named):
        world.alarm(**changes)
    assert world.client.describe_alarms()["MetricAlarms"] == []


def test_a_refused_update_leaves_the_alarm_that_was(world):
    world.alarm()
    with pytest.raises(TwinError, match="10 s"):
        world.alarm(Period=10)
    assert world.described()["Period"] == 60
    world.minutes(9, 9)
    assert world.state() == "ALARM"


def test_composite_alarms_are_refused(world):
    with pytest.raises(TwinError, match="composite alarm both"):
        world.client.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(a) AND ALARM(b)")


def test_a_quiet_evaluation_of_ten_alarms_is_cheap(world):
    for number in range(10):
        world.alarm(f"alarm-{number}")
    world.minutes(0)
    begin = time.perf_counter()
    for _ in range(200):
        world.alarms.evaluate(world.clock.now)
    assert (time.perf_counter() - begin) / 200 < 0.001


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (
            CloudWatchBackend,
            "set_alarm_state",
            ["self", "alarm_name", "reason", "reason_data", "state_value"],
        ),
        (Alarm, "update_state", ["self", "reason", "reason_data", "state_value"]),
    ],
)
def test_moto_still_has_what_is_replaced(owner, name, parameters):
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_moto_still_puts_alarms_by_keyword_and_has_no_composite_ones():
    assert {"name", "rule", "metric_data_queries"} <= set(
        inspect.signature(CloudWatchBackend.put_metric_alarm).parameters
    )
    assert not hasattr(CloudWatchResponse, "put_composite_alarm")
