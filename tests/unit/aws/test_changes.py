"""Events that open incidents, in their documented shapes, and what is not one."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from selfheal.aws.alarms import Firing, kind_of
from selfheal.aws.changes import UnknownChange, alarm_event, rolled_back_event, trigger_of
from selfheal.observe.signals import SignalKind
from unit.samples import NOW

# As CloudWatch writes it (CloudWatch user guide, "Alarm events and EventBridge").
ALARM = {
    "version": "0",
    "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92",
    "detail-type": "CloudWatch Alarm State Change",
    "source": "aws.cloudwatch",
    "account": "123456789012",
    "time": "2013-03-01T12:00:01Z",
    "region": "us-east-1",
    "resources": ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:flights-latency"],
    "detail": {
        "alarmName": "flights-latency",
        "configuration": {"metrics": [{"id": "m1", "metricStat": {"period": 300, "stat": "p95"}}]},
        "previousState": {"timestamp": "2013-03-01T11:00:00.000+0000", "value": "OK"},
        "state": {
            "reason": "Threshold Crossed",
            "reasonData": "{}",
            "timestamp": "2013-03-01T12:00:00.123+0000",
            "value": "ALARM",
        },
    },
}


def changed(**state):
    return {**ALARM, "detail": {**ALARM["detail"], "state": {**ALARM["detail"]["state"], **state}}}


def test_an_alarm_opens_an_incident():
    trigger = trigger_of(ALARM, "flights")
    assert trigger.kind is SignalKind.LATENCY
    assert trigger.subject == "flights-latency"
    assert trigger.at == NOW + timedelta(milliseconds=123)
    assert trigger.reason == "Threshold Crossed"
    assert trigger.key == "flights-latency@2013-03-01T12:00:00"


def points(*values, threshold=200.0):
    """CloudWatch's reason: datapoints a minute apart, the newest first."""
    seen = [
        {"timestamp": f"2013-03-01T11:{55 + place}:00.000+0000", "value": value}
        for place, value in enumerate(values)
    ]
    return json.dumps({"threshold": threshold, "evaluatedDatapoints": seen[::-1]})


@pytest.mark.parametrize(
    ("reason", "minute"),
    [
        (points(250.0, 260.0, 270.0), 55),
        (points(90.0, 260.0, 110.0, 300.0), 56),
        # An alarm on too little: below the threshold is the wrong side.
        (points(5.0, 0.0, threshold=1.0), 56),
        # An alarm on "at least": the threshold itself is.
        (points(0.0, 1.0, 3.0, threshold=1.0), 56),
    ],
)
def test_trouble_began_with_the_first_datapoint_on_the_wrong_side(reason, minute):
    assert trigger_of(changed(reasonData=reason), "flights").onset == NOW.replace(hour=11, minute=minute)


@pytest.mark.parametrize("reason", ["{}", "", json.dumps({"threshold": 1.0, "evaluatedDatapoints": []})])
def test_when_trouble_began_may_be_unknown(reason):
    assert trigger_of(changed(reasonData=reason), "flights").onset is None


@pytest.mark.parametrize("value", ["OK", "INSUFFICIENT_DATA"])
def test_what_is_well_again_opens_none(value):
    assert trigger_of(changed(value=value), "flights") is None


@pytest.mark.parametrize("kind", ["data-drift", "data-quality", "performance", "latency", "errors"])
def test_every_kind_of_signal_has_its_alarm(kind):
    event = {**ALARM, "detail": {**ALARM["detail"], "alarmName": f"flights-{kind}"}}
    assert trigger_of(event, "flights").kind.value == kind


def test_the_sweeps_event_is_the_same_change_as_eventbridges():
    firing = Firing(
        name="flights-latency",
        kind=SignalKind.LATENCY,
        since=NOW + timedelta(milliseconds=999),
        reason="slow",
    )
    assert trigger_of(alarm_event(firing), "flights").key == trigger_of(ALARM, "flights").key


def test_a_release_that_did_not_hold_opens_an_incident():
    event = json.loads(json.dumps(rolled_back_event("flights-new", "the old config serves", NOW)))
    trigger = trigger_of(event, "flights")
    assert (trigger.kind, trigger.subject, trigger.at) == (SignalKind.RELEASE, "flights-new", NOW)
    assert trigger.reason == "the old config serves"


def without(event, *path):
    copy = json.loads(json.dumps(event))
    holder = copy
    for part in path[:-1]:
        holder = holder[part]
    del holder[path[-1]]
    return copy


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"detail-type": "SageMaker Endpoint State Change", "detail": {}},
        {"detail-type": None},
        without(ALARM, "detail-type"),
        without(ALARM, "detail"),
        without(ALARM, "detail", "alarmName"),
        without(ALARM, "detail", "state"),
        without(ALARM, "detail", "state", "value"),
        without(ALARM, "detail", "state", "timestamp"),
        {**ALARM, "detail": None},
        {**ALARM, "detail": "text"},
        {**ALARM, "detail": []},
        {**ALARM, "detail": {**ALARM["detail"], "alarmName": None}},
        {**ALARM, "detail": {**ALARM["detail"], "alarmName": 7}},
        {**ALARM, "detail": {**ALARM["detail"], "state": "ALARM"}},
        changed(timestamp="now"),
        changed(timestamp=1362139200),
        without(rolled_back_event("c", "r", NOW), "time"),
        without(rolled_back_event("c", "r", NOW), "detail", "config"),
        without(rolled_back_event("c", "r", NOW), "detail", "reason"),
    ],
)
def test_an_event_of_unknown_shape_is_refused(event):
    with pytest.raises(UnknownChange):
        trigger_of(event, "flights")


@pytest.mark.parametrize(
    "name", ["trains-latency", "flights2-latency", "flights-release-0a1b-errors", "flights-"]
)
def test_an_alarm_of_anybody_else_is_refused(name):
    event = {**ALARM, "detail": {**ALARM["detail"], "alarmName": name}}
    with pytest.raises(UnknownChange, match="not one of flights's"):
        trigger_of(event, "flights")


@pytest.mark.parametrize(
    ("alarm", "kind"),
    [
        ("flights-latency", SignalKind.LATENCY),
        ("flights-data-drift", SignalKind.DATA_DRIFT),
        ("flights-release", SignalKind.RELEASE),
        ("flights-release-0a1b-latency", None),
        ("latency", None),
        ("my-flights-latency", None),
        ("flights-observe-latency", None),
        ("", None),
    ],
)
def test_the_name_of_an_alarm_says_what_it_speaks_of(alarm, kind):
    assert kind_of(alarm, "flights") is kind
