"""An incident and the changes that open one, as the functions see them."""

from __future__ import annotations

from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Incident, Trigger
from unit.samples import NOW

ALARM = {
    "detail-type": "CloudWatch Alarm State Change",
    "detail": {
        "alarmName": "flights-latency",
        "state": {"value": "ALARM", "reason": "slow", "timestamp": "2013-03-01T12:00:00.000+0000"},
    },
}
TRAINING = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flights-retraining/execution/abc"


def alarm(name="flights-latency", value="ALARM", at="2013-03-01T12:00:00.000+0000"):
    state = {"value": value, "reason": "slow", "timestamp": at}
    return {**ALARM, "detail": {"alarmName": name, "state": state}}


def incident(kind=SignalKind.LATENCY, **more):
    trigger = Trigger(kind=kind, subject=f"flights-{kind.value}", at=NOW, reason="slow")
    return Incident.open("flights", trigger, NOW).with_(**more)


def kinds(account):
    return [entry.kind for entry in account.table.entries()]
