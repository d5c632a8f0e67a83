# ruff: noqa: N803 - parameters are called as AWS calls them
"""CloudWatch: alarms, whose states the tests move, and a metric that nobody writes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

from machine.account.calls import Refused, Service


class Alarms(Service):
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.alarms: dict[str, dict[str, Any]] = {}

    def put_metric_alarm(self, AlarmName: str, **arguments: Any) -> dict[str, Any]:
        """A new alarm has no data yet; changing one leaves its state."""
        state = {"StateValue": "INSUFFICIENT_DATA", "StateUpdatedTimestamp": self._clock()}
        old = self.alarms.get(AlarmName, state)
        kept = {name: value for name, value in old.items() if name.startswith("State")}
        self.alarms[AlarmName] = {"AlarmName": AlarmName, **copy.deepcopy(arguments), **kept}
        return {}

    def delete_alarms(self, AlarmNames: list[str]) -> dict[str, Any]:
        for name in AlarmNames:
            self.alarms.pop(name, None)
        return {}

    def set_alarm_state(
        self,
        AlarmName: str,
        StateValue: str,
        StateReason: str,
        StateReasonData: str | None = None,
    ) -> dict[str, Any]:
        if AlarmName not in self.alarms:
            raise Refused("ResourceNotFound", f"alarm {AlarmName} does not exist")
        alarm = self.alarms[AlarmName]
        alarm |= {"StateUpdatedTimestamp": self._clock(), "StateReason": StateReason}
        if StateReasonData is not None:
            alarm["StateReasonData"] = StateReasonData
        if alarm["StateValue"] != StateValue:
            alarm |= {"StateValue": StateValue, "StateTransitionedTimestamp": self._clock()}
        return {}

    def describe_alarms(
        self,
        AlarmNames: list[str] | None = None,
        AlarmNamePrefix: str = "",
        StateValue: str | None = None,
    ) -> dict[str, Any]:
        found = [
            copy.deepcopy(alarm)
            for name, alarm in sorted(self.alarms.items())
            if name.startswith(AlarmNamePrefix)
            and (AlarmNames is None or name in AlarmNames)
            and StateValue in (None, alarm["StateValue"])
        ]
        return {"MetricAlarms": found, "CompositeAlarms": []}

    def get_metric_statistics(
        self,
        Namespace: str,
        MetricName: str,
        StartTime: datetime,
        EndTime: datetime,
        Period: int,
        Statistics: list[str],
        Dimensions: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        return {"Label": MetricName, "Datapoints": []}
