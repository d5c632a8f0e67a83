"""What the parts of the twin need of one another, and no more.

Each protocol has one implementation, in the module of the same name; the parts take these in their
constructors and never import one another, so that any of them can be tested alone.

All times are timezone-aware UTC datetimes of the *virtual* clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"


class TwinError(Exception):
    """The twin cannot do what was asked of it, and says which thing is missing."""


class Appointment(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """The virtual clock and its agenda (twin/clock.py)."""

    @property
    def now(self) -> datetime: ...

    def at(self, when: datetime, action: Callable[[], None], label: str) -> Appointment:
        """Run `action` when the clock reaches `when` (never earlier; at once on the next tick if past)."""


class Metrics(Protocol):
    """CloudWatch's metric store (twin/metrics.py): raw values by minute, so that percentiles are real."""

    def put(
        self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, at: datetime
    ) -> None: ...


class Bus(Protocol):
    """EventBridge's default bus (twin/events.py)."""

    def emit(
        self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Iterable[str] = ()
    ) -> None:
        """Queue an AWS service event at the current virtual time; it is delivered at the end of the tick."""


class Functions(Protocol):
    """Lambda's execution environments (twin/functions.py)."""

    def invoke(self, name: str, payload: bytes) -> Invocation: ...


class Alarms(Protocol):
    """CloudWatch's alarms (twin/alarms.py)."""

    def states(self, names: Sequence[str]) -> dict[str, str]:
        """Current state by alarm name; an unknown name is a TwinError."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One run of a Lambda function: what it was given, what it answered, what it printed."""

    function: str
    payload: bytes
    result: bytes
    errored: bool
    log: str
