"""Which threads of the Step Functions engine work, and which wait for virtual time or for a signal.

Every thread of an execution is counted from before it starts until it ends, less the time that it
spends in `wait`. Whoever wakes it counts it as working from that moment, not from when the thread
gets round to it, so that "nobody works" is never true by a race.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from twin.clock import iso_z
from twin.interfaces import Appointment, Clock

Outcome = Literal["due", "signalled", "interrupted"]


class Interrupted(BaseException):
    """Unwinds a waiting thread whose execution was stopped or timed out; no handler's business."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One thread that waits; `until` is None where only a signal can wake it."""

    execution: str
    state: str
    what: str
    until: datetime | None

    def __str__(self) -> str:
        limit = f" until {iso_z(self.until)}" if self.until else ""
        return f"{self.execution} in {self.state}: {self.what}{limit}"


@dataclass(eq=False, kw_only=True)
class _Seat:
    waiting: Waiting
    env: Any
    key: object
    woken: threading.Event = field(default_factory=threading.Event)
    outcome: Outcome | None = None
    appointment: Appointment | None = None


class WaitingRoom:
    """`settle` blocks until nobody works; the clock must not move on from a due time before that."""

    def __init__(self, clock: Clock, settle: Callable[[], None]) -> None:
        self._clock = clock
        self._settle = settle
        self._working: Counter[str] = Counter()
        self._state: dict[str, str] = {}
        self._seats: list[_Seat] = []
        self._changed = threading.Condition()

    def came(self, execution: str) -> None:
        """Count a thread; call it before the thread starts."""
        with self._changed:
            self._working[execution] += 1

    def went(self, execution: str) -> None:
        """Stop counting a thread; call it as the thread's last act."""
        with self._changed:
            self._working[execution] -= 1
            if not self._working[execution]:
                del self._working[execution]
            self._changed.notify_all()

    def entered(self, execution: str, state: str) -> None:
        self._state[execution] = state

    def wait(
        self,
        env: Any,
        what: str,
        *,
        until: datetime | None = None,
        key: object = None,
        ready: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Wait for `until`, or for `signal(key)`, unless `ready()`; raises Interrupted once `env` stops.

        `ready` is asked under the lock that `signal` takes, so no signal falls between the two.
        """
        context = env.states.context_object.context_object_data
        waiting = Waiting(
            execution=context["Execution"]["Id"], state=context["State"]["Name"], what=what, until=until
        )
        with self._changed:
            if not env.is_running():
                raise Interrupted
            if ready():
                return "signalled"
            seat = _Seat(waiting=waiting, env=env, key=key)
            self._seats.append(seat)
            if until is not None:
                seat.appointment = self.at(until, lambda: self._wake(seat, "due"), str(waiting))
            self.went(waiting.execution)
        seat.woken.wait()
        if seat.outcome is None or seat.outcome == "interrupted":
            raise Interrupted
        return seat.outcome

    def at(self, when: datetime, action: Callable[[], None], label: str) -> Appointment:
        """An appointment after which the clock stands still until all threads that it woke wait again."""

        def act() -> None:
            action()
            self._settle()

        return self._clock.at(when, act, label)

    def signal(self, key: object) -> None:
        """Wake whoever waits for `key`."""
        with self._changed:
            for seat in [seat for seat in self._seats if seat.key is key]:
                self._wake(seat, "signalled")

    def interrupt_stopped(self) -> None:
        """Wake, to unwind, the waiting threads whose environments do not run any more."""
        with self._changed:
            for seat in [seat for seat in self._seats if not seat.env.is_running()]:
                self._wake(seat, "interrupted")

    def waiting(self) -> list[Waiting]:
        with self._changed:
            return [seat.waiting for seat in self._seats]

    def quiet_within(self, real_seconds: float) -> list[str]:
        """Block until no thread works; returns what still does after `real_seconds` of real time."""
        deadline = time.monotonic() + real_seconds
        with self._changed:
            while self._working and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return [f"{each} in {self._state.get(each, 'no state yet')}" for each in self._working]

    def _wake(self, seat: _Seat, outcome: Outcome) -> None:
        with self._changed:
            if seat.outcome is not None:
                return
            seat.outcome = outcome
            self._seats.remove(seat)
            self._working[seat.waiting.execution] += 1
            if seat.appointment is not None:
                seat.appointment.cancel()
            seat.woken.set()
