"""Changes that open incidents, read from the events that announce them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from selfheal.aws.alarms import Firing, kind_of
from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Trigger

ALARM = "CloudWatch Alarm State Change"
ROLLED_BACK = "Selfheal Release Rolled Back"


class UnknownChange(Exception):
    """An event that announces nothing that an incident could be opened for."""


def trigger_of(event: Mapping[str, Any], workload: str) -> Trigger | None:
    """What an event announces; None where it announces that something is well again.

    Raises:
        UnknownChange: the event is of no known shape, or speaks of another workload.
    """
    kind = event.get("detail-type")
    try:
        if kind == ALARM:
            return _alarm(event["detail"], workload)
        if kind == ROLLED_BACK:
            return Trigger(
                kind=SignalKind.RELEASE,
                subject=event["detail"]["config"],
                at=_time(event["time"]),
                reason=event["detail"]["reason"],
            )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnknownChange(
            f"event {kind!r} is not of its documented form: {type(error).__name__} {error}"
        ) from error
    raise UnknownChange(f"event {kind!r} announces nothing that an incident could be opened for")


def alarm_event(firing: Firing) -> dict[str, Any]:
    """The event of an alarm that is firing, for the sweep to send where EventBridge's own was lost."""
    state = {
        "value": "ALARM",
        "reason": firing.reason,
        "reasonData": firing.reason_data,
        "timestamp": firing.since.isoformat(),
    }
    return {
        "source": "selfheal.sweep",
        "detail-type": ALARM,
        "time": firing.since.isoformat(),
        "detail": {"alarmName": firing.name, "state": state},
    }


def rolled_back_event(config: str, reason: str, at: datetime) -> dict[str, Any]:
    """The event of a release that did not hold."""
    return {
        "source": "selfheal.release",
        "detail-type": ROLLED_BACK,
        "time": at.isoformat(),
        "detail": {"config": config, "reason": reason},
    }


def _alarm(detail: Mapping[str, Any], workload: str) -> Trigger | None:
    name, state = detail["alarmName"], detail["state"]
    kind = kind_of(name, workload)
    if kind is None:
        raise UnknownChange(f"alarm {name} is not one of {workload}'s")
    if state["value"] != "ALARM":
        return None
    return Trigger(
        kind=kind,
        subject=name,
        at=_time(state["timestamp"]),
        reason=state.get("reason", ""),
        onset=_onset(json.loads(state.get("reasonData") or "{}")),
    )


def _onset(reason: Mapping[str, Any]) -> datetime | None:
    """The first of the datapoints that an alarm went by that is on the wrong side; None where it went by none.

    The newest one is: an alarm is raised by a datapoint, or by the lack of any.
    """
    points = sorted(
        (_time(each["timestamp"]), each["value"]) for each in reason.get("evaluatedDatapoints", [])
    )
    if not points:
        return None
    threshold, last = reason["threshold"], points[-1][1]
    # An alarm on "not below" is raised by the threshold itself: equal values are on neither side, and count.
    return next(at for at, value in points if (value - threshold) * (last - threshold) >= 0)


def _time(text: str) -> datetime:
    # CloudWatch writes "+0000", which fromisoformat reads only from Python 3.11 on; functions run on 3.13.
    return datetime.fromisoformat(text).astimezone(timezone.utc)
