"""CloudWatch alarms of a workload, and of the account's other workloads.

An endpoint's alarms are named `<workload>-<kind of signal>`: the name says what an alarm speaks of. That it is
Selfheal's, its metric says: it is of that very workload's endpoint, or of what observe counts for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from selfheal.diagnose.snapshot import AlarmElsewhere
from selfheal.observe.signals import SignalKind

if TYPE_CHECKING:
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricAlarmTypeDef

# Which dimension of a metric names the workload, by namespace.
WORKLOAD_DIMENSIONS = {"AWS/SageMaker": "EndpointName", "Selfheal": "service"}


@dataclass(frozen=True, kw_only=True)
class Firing:
    """An alarm in ALARM: what it speaks of, since when, and why: in words, and as CloudWatch's JSON."""

    name: str
    kind: SignalKind
    since: datetime
    reason: str
    reason_data: str = "{}"


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


def workload_of(alarm: MetricAlarmTypeDef) -> str | None:
    """The workload whose metric an alarm watches; None for a metric of anything else's."""
    wanted = WORKLOAD_DIMENSIONS.get(alarm.get("Namespace", ""))
    return next((each["Value"] for each in alarm.get("Dimensions", []) if each["Name"] == wanted), None)


class Alarms:
    """The alarms of one workload."""

    def __init__(self, cloudwatch: CloudWatchClient, workload: str) -> None:
        self._cloudwatch = cloudwatch
        self._workload = workload

    def firing(self) -> list[Firing]:
        """The endpoint's alarms that are in ALARM, oldest first. Release alarms are not the endpoint's."""
        found = [
            Firing(
                name=alarm["AlarmName"],
                kind=kind,
                since=_since(alarm),
                reason=alarm.get("StateReason", ""),
                reason_data=alarm.get("StateReasonData", "{}"),
            )
            for alarm in self._in_alarm(AlarmNamePrefix=f"{self._workload}-")
            if (kind := kind_of(alarm["AlarmName"], self._workload)) is not None
        ]
        return sorted(found, key=lambda firing: firing.since)

    def quiet_since(self) -> datetime | None:
        """When the last of the endpoint's alarms on errors and latency that are not in ALARM came out of it, or was
        made; None where there are none."""
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{self._workload}-"
        )
        return max(
            (
                _since(alarm)
                for page in pages
                for alarm in page["MetricAlarms"]
                if (kind := kind_of(alarm["AlarmName"], self._workload)) is not None
                and kind.is_infrastructure
                and alarm["StateValue"] != "ALARM"
            ),
            default=None,
        )

    def firing_elsewhere(self) -> tuple[AlarmElsewhere, ...]:
        """Alarms of the account's other Selfheal endpoints that are in ALARM, oldest first."""
        found = [
            AlarmElsewhere(endpoint=endpoint, kind=kind, since=_since(alarm))
            for alarm in self._in_alarm()
            if (endpoint := workload_of(alarm)) is not None
            and endpoint != self._workload
            and (kind := kind_of(alarm["AlarmName"], endpoint)) is not None
        ]
        return tuple(sorted(found, key=lambda alarm: (alarm.since, alarm.endpoint)))

    def _in_alarm(self, **names: Any) -> Iterator[MetricAlarmTypeDef]:
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(StateValue="ALARM", **names)
        for page in pages:
            yield from page["MetricAlarms"]

    def create(self, arguments: Iterable[Mapping[str, Any]]) -> None:
        for alarm in arguments:
            self._cloudwatch.put_metric_alarm(**alarm)

    def delete(self, names: Iterable[str]) -> None:
        """Delete alarms; those that do not exist are no error."""
        self._cloudwatch.delete_alarms(AlarmNames=list(names))


def _since(alarm: MetricAlarmTypeDef) -> datetime:
    # StateUpdatedTimestamp also moves where only the evaluation's state changes.
    return alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
