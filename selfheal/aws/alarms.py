"""CloudWatch alarms of a workload.

An endpoint's alarms are named `<workload>-<kind of signal>`: the name says what an alarm speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from selfheal.observe.signals import SignalKind

if TYPE_CHECKING:
    from types_boto3_cloudwatch.client import CloudWatchClient


@dataclass(frozen=True, kw_only=True)
class Firing:
    """An alarm in ALARM: what it speaks of, since when, and why."""

    name: str
    kind: SignalKind
    since: datetime
    reason: str


def kind_of(alarm: str, workload: str) -> SignalKind | None:
    """What an alarm of the workload speaks of; None for every other alarm.

    >>> kind_of("flights-latency", "flights").value
    'latency'
    >>> kind_of("flights-release-0a1b-latency", "flights") is None
    True
    """
    try:
        return SignalKind(alarm.removeprefix(f"{workload}-")) if alarm.startswith(f"{workload}-") else None
    except ValueError:
        return None


class Alarms:
    """The alarms of one workload."""

    def __init__(self, cloudwatch: CloudWatchClient, workload: str) -> None:
        self._cloudwatch = cloudwatch
        self._workload = workload

    def firing(self) -> list[Firing]:
        """The endpoint's alarms that are in ALARM, oldest first. Release alarms are not the endpoint's."""
        found: list[Firing] = []
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{self._workload}-", StateValue="ALARM"
        )
        for page in pages:
            for alarm in page["MetricAlarms"]:
                kind = kind_of(alarm["AlarmName"], self._workload)
                if kind is not None:
                    found.append(
                        Firing(
                            name=alarm["AlarmName"],
                            kind=kind,
                            # StateUpdatedTimestamp also moves where only the evaluation's state changes.
                            since=alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"],
                            reason=alarm.get("StateReason", ""),
                        )
                    )
        return sorted(found, key=lambda firing: firing.since)

    def create(self, arguments: Iterable[Mapping[str, Any]]) -> None:
        for alarm in arguments:
            self._cloudwatch.put_metric_alarm(**alarm)

    def delete(self, names: Iterable[str]) -> None:
        """Delete alarms; those that do not exist are no error."""
        self._cloudwatch.delete_alarms(AlarmNames=list(names))
