"""In-memory stand-ins for the parts of the twin that endpoints depend on."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any

from twin.interfaces import TwinError

START = datetime(2013, 2, 12, 10, 0, tzinfo=timezone.utc)


class HandClock:
    """Runs appointments when it is moved."""

    def __init__(self) -> None:
        self.now = START
        self._agenda: list[tuple[datetime, int, HandAppointment]] = []
        self._numbers = count()

    def at(self, when: datetime, action: Callable[[], None], label: str) -> HandAppointment:
        appointment = HandAppointment(action, label)
        heapq.heappush(self._agenda, (max(when, self.now), next(self._numbers), appointment))
        return appointment

    def move(self, by: timedelta) -> None:
        self.now += by
        while self._agenda and self._agenda[0][0] <= self.now:
            appointment = heapq.heappop(self._agenda)[2]
            if not appointment.cancelled:
                appointment.action()


@dataclass
class HandAppointment:
    action: Callable[[], None]
    label: str
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Event:
    detail_type: str
    detail: Mapping[str, Any]
    resources: tuple[str, ...]


@dataclass
class ListBus:
    events: list[Event] = field(default_factory=list)

    def emit(
        self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Iterable[str] = ()
    ) -> None:
        assert source == "aws.sagemaker"
        self.events.append(Event(detail_type, detail, tuple(resources)))

    def statuses(self) -> list[str]:
        return [
            e.detail["EndpointStatus"] for e in self.events if e.detail_type.endswith("Endpoint State Change")
        ]

    def stages(self) -> list[str]:
        """The VariantStatus of each deployment event."""
        return [
            e.detail["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]["Status"]
            for e in self.events
            if "Deployment" in e.detail_type
        ]


@dataclass
class SetAlarms:
    """Alarms whose state the test sets."""

    current: dict[str, str] = field(default_factory=dict)

    def states(self, names: Sequence[str]) -> dict[str, str]:
        for name in names:
            if name not in self.current:
                raise TwinError(f"no alarm {name}")
        return {name: self.current[name] for name in names}


@dataclass(frozen=True)
class Datum:
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    value: float
    at: datetime


@dataclass
class ListMetrics:
    data: list[Datum] = field(default_factory=list)

    def put(
        self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, at: datetime
    ) -> None:
        self.data.append(Datum(namespace, name, tuple(sorted(dimensions.items())), value, at))

    def values(self, name: str, **dimensions: str) -> list[float]:
        wanted = tuple(sorted(dimensions.items()))
        return [datum.value for datum in self.data if datum.name == name and datum.dimensions == wanted]
