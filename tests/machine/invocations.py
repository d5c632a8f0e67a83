"""Invocations: the real handlers, which may be held up, slowed, refused or killed at any call to AWS.

Each runs on a thread of its own, and only one thread runs at a time: whoever holds the baton. So what interleaves is
what the tests say, to the call, and the same every time.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from botocore.exceptions import ParamValidationError

from machine.account.calls import Refused, client_error


class Fault(str, Enum):
    """What may happen at one call to AWS."""

    HELD = "is held up before"
    KILLED_BEFORE = "is killed before"
    KILLED_AFTER = "is killed right after"
    THROTTLED = "is throttled at"
    FAILS = "gets a server error from"
    SENT_TWICE = "loses the answer and sends again"


# How each service says that it is too much, and that something is wrong with itself.
THROTTLES = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "cloudwatch": "Throttling",
    "s3": "SlowDown",
    "sns": "Throttled",
}
SERVER_ERRORS = {
    "dynamodb": "InternalServerError",
    "cloudwatch": "InternalFailure",
    "s3": "InternalError",
    "sns": "InternalError",
    "ssm": "InternalServerError",
    "sagemaker": "InternalFailure",
    "stepfunctions": "InternalFailure",
}


class Killed(BaseException):
    """Lambda took the function away; no handler can catch it."""


@dataclass
class Invocation:
    """One call of one function.

    Attributes:
        faults: by the number of the call to AWS, from one on, or by its name.
        answer, error: how it ended: what it answered, or the error's type and message.
        made: the calls that it made, as `service.Operation`.
        known: what it learned on its way; the properties' own notes.
    """

    function: str
    handler: Callable[[Any, Any], Any]
    event: Any
    faults: dict[int | str, Fault] = field(default_factory=dict)
    ended: bool = False
    answer: Any = None
    error: tuple[str, str] | None = None
    killed: bool = False
    made: list[str] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)
    execution: str | None = None
    _thread: _Worker | None = None
    _kill: bool = False

    @property
    def is_held(self) -> bool:
        return not self.ended

    def run(self) -> None:
        """Until it ends, or is held up."""
        self._thread = self._thread or _idle()
        self._thread.go(self)

    def kill(self) -> None:
        """End one that is held up."""
        self._kill = True
        self.run()

    def call(self) -> None:
        """On the worker's thread: the handler itself."""
        try:
            # Lambda hands over JSON and takes JSON.
            self.answer = json.loads(json.dumps(self.handler(json.loads(json.dumps(self.event)), None)))
        except Killed:
            self.killed = True
        except Exception as error:  # whatever a handler raises is Lambda's answer
            if isinstance(error, (NotImplementedError, AssertionError, ParamValidationError)):
                raise
            self.error = (type(error).__name__, str(error))
        self.ended = True

    def gate(self, service: str, operation: str, send: Callable[[], Any]) -> Any:
        """One call to AWS, with what happens to it."""
        self.made.append(f"{service}.{operation}")
        fault = self.faults.get(len(self.made)) or self.faults.get(operation)
        if fault is Fault.HELD:
            assert self._thread is not None
            self._thread.hold()
            if self._kill:
                raise Killed
        if fault is Fault.KILLED_BEFORE:
            raise Killed
        if fault is Fault.THROTTLED:
            raise _error(service, operation, THROTTLES.get(service, "ThrottlingException"))
        if fault is Fault.FAILS:
            raise _error(service, operation, SERVER_ERRORS[service])
        answer = send()
        if fault is Fault.KILLED_AFTER:
            raise Killed
        return send() if fault is Fault.SENT_TWICE else answer


def _error(service: str, operation: str, code: str) -> Exception:
    return client_error(service, operation, Refused(code, "because of a test"))


class _Worker:
    """A thread that runs one invocation after another; it is given back when one ends."""

    def __init__(self) -> None:
        self._baton, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._invocation: Invocation | None = None
        self._failure: BaseException | None = None
        threading.Thread(target=self._work, daemon=True).start()

    def go(self, invocation: Invocation) -> None:
        """On the tests' thread: hand the baton over, and wait for it."""
        self._invocation = invocation
        before = running.invocation
        running.invocation = invocation
        self._baton.release()
        self._back.acquire()
        running.invocation = before
        if invocation.ended or self._failure:
            _workers.append(self)
        if self._failure:
            failure, self._failure = self._failure, None
            raise failure

    def hold(self) -> None:
        """On this thread: give the baton back until it comes again."""
        self._back.release()
        self._baton.acquire()

    def _work(self) -> None:
        while True:
            self._baton.acquire()
            assert self._invocation is not None
            try:
                self._invocation.call()
            except BaseException as failure:  # the tests' thread raises it
                self._failure = failure
            self._back.release()


class Running:
    """Which invocation holds the baton; None while the tests themselves do."""

    invocation: Invocation | None = None


running = Running()
_workers: list[_Worker] = []


def _idle() -> _Worker:
    return _workers.pop() if _workers else _Worker()
