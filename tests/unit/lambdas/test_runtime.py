"""What all functions share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timezone

import pytest

from lambdas.runtime import (
    BadEnvironment,
    Environment,
    Step,
    UnknownEvent,
    answer,
    read_environment,
    time_of,
    utc,
)
from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Incident, Trigger
from unit.samples import NOW

COMPLETE = {
    "SELFHEAL_ENDPOINT": "flights",
    "SELFHEAL_VARIANT": "v",
    "SELFHEAL_TABLE": "t",
    "SELFHEAL_BUCKET": "b",
}


def incident():
    trigger = Trigger(kind=SignalKind.LATENCY, subject="flights-latency", at=NOW, reason="slow")
    return Incident.open("flights", trigger, NOW)


def test_an_environment_is_read_by_name():
    assert read_environment(Environment, COMPLETE) == Environment(
        endpoint="flights", variant="v", table="t", bucket="b"
    )


def test_every_missing_variable_is_named():
    @dataclass(frozen=True, kw_only=True)
    class More(Environment):
        mode_parameter: str

    with pytest.raises(BadEnvironment, match="SELFHEAL_BUCKET, SELFHEAL_MODE_PARAMETER"):
        read_environment(More, {k: v for k, v in COMPLETE.items() if k != "SELFHEAL_BUCKET"})


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        None,
        "text",
        {"at": NOW.isoformat(), "execution": "e"},
        {"at": NOW.isoformat(), "input": {}},
        {"execution": "e", "input": {}},
        {"at": "now", "execution": "e", "input": {}},
        {"at": 5, "execution": "e", "input": {}},
        {"at": NOW.isoformat(), "execution": "e", "input": []},
        {"at": NOW.isoformat(), "execution": "e", "input": None},
    ],
)
def test_what_is_no_step_is_refused(event):
    with pytest.raises(UnknownEvent):
        Step.of(event)


def test_a_step_is_read():
    step = Step.of(
        {"at": "2013-03-01T12:00:00.123Z", "execution": "e", "input": {"incident": incident().to_json()}}
    )
    assert step.at.replace(microsecond=0) == NOW
    assert step.at.tzinfo is timezone.utc
    assert step.token is None
    assert step.incident == incident()


def with_state(state):
    return Step.of({"at": NOW.isoformat(), "execution": "e", "input": state})


@pytest.mark.parametrize("state", [{}, {"incident": None}])
def test_a_state_without_an_incident_has_none_and_is_refused_where_one_is_needed(state):
    step = with_state(state)
    assert step.incident_if_any is None
    with pytest.raises(UnknownEvent, match="carries no incident"):
        _ = step.incident


NO_INCIDENTS = ["i1", [], 3, {}, {"id": "i1"}, {**incident().to_json(), "cause": "bad luck"}]


@pytest.mark.parametrize("body", NO_INCIDENTS)
def test_a_state_whose_incident_is_none_is_refused(body):
    step = with_state({"incident": body})
    with pytest.raises(UnknownEvent, match="not an incident"):
        _ = step.incident
    with pytest.raises(UnknownEvent, match="not an incident"):
        _ = step.incident_if_any


def test_a_state_with_an_incident_has_it_either_way():
    step = with_state({"incident": incident().to_json()})
    assert step.incident == step.incident_if_any == incident()


def test_an_answer_says_where_to_go_and_what_is_known():
    assert answer("plan", reason="r") == {"next": "plan", "incident": None, "reason": "r"}
    assert answer("plan", incident())["incident"]["id"] == incident().id


@pytest.mark.parametrize(
    "text", ["2013-03-01T12:00:00Z", "2013-03-01T12:00:00.000+0000", "2013-03-01T07:00:00-05:00"]
)
def test_times_as_aws_writes_them(text):
    assert utc(text) == NOW
    assert time_of({"time": text}) == NOW


@pytest.mark.parametrize(
    "event", [{}, [], None, "text", {"time": "now"}, {"time": 5}, {"time": None}, {"time": ""}]
)
def test_an_event_that_does_not_say_when_is_refused(event):
    with pytest.raises(UnknownEvent, match="must carry its time"):
        time_of(event)
