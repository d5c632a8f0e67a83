"""The virtual clock: the process's time stands still until it is told where to go next.

`VirtualClock` freezes `datetime.now`, `time.time` and friends for every thread of the process (timers
that measure durations, such as `time.monotonic`, keep running) and keeps an agenda of appointments.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from types import TracebackType
from zoneinfo import ZoneInfo

import time_machine

from twin.interfaces import TwinError

# A zone by name makes time-machine set the process's local zone too, so that code that reads naive
# local times, as moto's does here and there, reads UTC.
_UTC_ZONE = ZoneInfo("UTC")


class Meeting:
    """One entry of the agenda; `cancel` may come at any time, also twice or after it ran."""

    __slots__ = ("_state", "action", "label", "when")

    def __init__(self, when: datetime, action: Callable[[], None], label: str) -> None:
        self.when = when
        self.action = action
        self.label = label
        self._state = "due"

    def cancel(self) -> None:
        self._state = "cancelled"

    @property
    def cancelled(self) -> bool:
        return self._state == "cancelled"


class VirtualClock:
    """Implements `interfaces.Clock`; a context manager, outside of which time is the machine's own."""

    def __init__(self, start: datetime) -> None:
        self._now = _utc(start)
        # RLock: an action may make appointments, and so may a thread that an action wakes.
        self._lock = threading.RLock()
        self._agenda: list[tuple[datetime, int, Meeting]] = []
        self._order = itertools.count()
        self._travel = time_machine.travel(self._now.astimezone(_UTC_ZONE), tick=False)
        self._traveller: time_machine.Traveller | None = None

    def __enter__(self) -> VirtualClock:
        self._traveller = self._travel.start()
        self._traveller.move_to(self._now)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._travel.stop()
        self._traveller = None

    @property
    def now(self) -> datetime:
        return self._now

    def at(self, when: datetime, action: Callable[[], None], label: str) -> Meeting:
        """Run `action` at exactly `when`; one for the past runs first thing in the next advance."""
        meeting = Meeting(_utc(when), action, label)
        with self._lock:
            heapq.heappush(self._agenda, (meeting.when, next(self._order), meeting))
        return meeting

    def next_due(self) -> datetime | None:
        """When the earliest appointment is due; it may lie in the past, and is then overdue."""
        with self._lock:
            self._drop_cancelled()
            return self._agenda[0][0] if self._agenda else None

    def advance_to(self, when: datetime) -> None:
        """Keep every appointment on the way to `when`, each at its own time, and stop at `when`.

        Appointments for the same time are kept in the order in which they were made. An exception of
        an action stops the clock at that action's time.
        """
        target = _utc(when)
        if target < self._now:
            raise TwinError(
                f"the clock stands at {self._now:%Y-%m-%dT%H:%M:%SZ} and cannot go back to {target}"
            )
        while (meeting := self._take_due(target)) is not None:
            self._move_to(max(meeting.when, self._now))
            meeting.action()
        self._move_to(target)

    def _take_due(self, target: datetime) -> Meeting | None:
        with self._lock:
            self._drop_cancelled()
            if not self._agenda or self._agenda[0][0] > target:
                return None
            return heapq.heappop(self._agenda)[2]

    def _drop_cancelled(self) -> None:
        while self._agenda and self._agenda[0][2].cancelled:
            heapq.heappop(self._agenda)

    def _move_to(self, when: datetime) -> None:
        if self._traveller is None:
            raise TwinError("the virtual clock only advances inside its `with` block")
        if when != self._now:
            self._now = when
            self._traveller.move_to(when)


def _utc(when: datetime) -> datetime:
    if when.tzinfo is None:
        raise TwinError(f"the virtual clock takes times with a zone, got the naive {when.isoformat()}")
    return when.astimezone(timezone.utc)


def iso_z(when: datetime, timespec: str = "seconds") -> str:
    """ISO 8601 in UTC with a Z, as AWS's events and contexts write it."""
    return _utc(when).replace(tzinfo=None).isoformat(timespec=timespec) + "Z"
