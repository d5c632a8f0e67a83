"""A Lambda execution environment: one warm process that runs one function's packaged code."""

from __future__ import annotations

import json
import os
import selectors
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from twin.function_zygote import ProcessSource

# A laptop that runs the whole account on two cores gets this many real seconds per second of `Timeout`.
TIMEOUT_SCALE = 5.0


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What an environment was started with; one that differs in anything needs a new environment."""

    name: str
    arn: str
    version: str
    handler: str
    runtime: str
    role: str
    memory_mb: int
    timeout_seconds: int
    log_group: str
    code: Path
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Request:
    request_id: str
    payload: bytes
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Answer:
    result: bytes
    errored: bool
    log: str


class ExecutionEnvironment:
    """One process, one invocation at a time; after `alive` turns false it is of no further use."""

    def __init__(
        self, configuration: Configuration, environ: Mapping[str, str], processes: ProcessSource
    ) -> None:
        self.configuration = configuration
        self._channel, theirs = socket.socketpair()
        output, their_output = os.pipe()
        self._output = os.fdopen(output, "rb", buffering=0)
        with theirs, os.fdopen(their_output, "wb", buffering=0):
            self._process = processes.start(configuration.code, environ, theirs.fileno(), their_output)
        os.set_blocking(output, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._channel, selectors.EVENT_READ)
        self._selector.register(self._output, selectors.EVENT_READ)

    @property
    def alive(self) -> bool:
        # Between invocations nothing comes through the channel but its end.
        return not any(key.fileobj is self._channel for key, _ in self._selector.select(0))

    def invoke(self, request: Request) -> Answer:
        log = bytearray()
        try:
            self._channel.sendall(self._line(request))
            line = self._await_answer(log)
        except OSError:
            # The process ended while idle, between the caller's look at `alive` and this write.
            line = b""
        if line is None:
            return self._timed_out(request, log)
        if not line.endswith(b"\n"):
            return self._ended(request, log)
        self._drain(log)
        answer = json.loads(line)
        if not answer["started"]:
            # It ends by itself, so that `alive` never says yes of a process about to end.
            self._process.wait()
        return Answer(result=answer["result"].encode(), errored=answer["errored"], log=_text(log))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._selector.close()
        self._channel.close()
        self._output.close()

    def _line(self, request: Request) -> bytes:
        document: dict[str, Any] = {
            "payload": request.payload.decode(),
            "now": request.now.timestamp(),
            "request_id": request.request_id,
            "arn": self.configuration.arn,
            "timeout_seconds": self.configuration.timeout_seconds,
            "scale": TIMEOUT_SCALE,
        }
        return json.dumps(document).encode() + b"\n"

    def _await_answer(self, log: bytearray) -> bytes | None:
        """The answer's line; what came of it if the process ended; None when time ran out."""
        # Monotonic, because time-machine freezes the wall clock of this process and leaves this one alone.
        deadline = time.monotonic() + self.configuration.timeout_seconds * TIMEOUT_SCALE
        line = bytearray()
        while not line.endswith(b"\n"):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return None
            ready = {key.fileobj for key, _ in self._selector.select(remaining)}
            # The log is read all along: a handler that prints more than a pipe holds would hang otherwise.
            if self._output in ready and not self._drain(log):
                self._selector.unregister(self._output)
            if self._channel in ready:
                data = self._channel.recv(1 << 16)
                if not data:
                    break
                line += data
        return bytes(line)

    def _drain(self, log: bytearray) -> bool:
        """Move what the function printed so far into `log`; false once its output is closed."""
        while True:
            try:
                data = os.read(self._output.fileno(), 1 << 16)
            except BlockingIOError:
                return True
            if not data:
                return False
            log += data

    def _timed_out(self, request: Request, log: bytearray) -> Answer:
        self._process.kill()
        self._process.wait()
        self._drain(log)
        message = f"Task timed out after {self.configuration.timeout_seconds:.2f} seconds"
        return self._failure(request, log, "Sandbox.Timedout", message)

    def _ended(self, request: Request, log: bytearray) -> Answer:
        status = self._process.wait()
        self._drain(log)
        how = f"exit status {status}" if status >= 0 else f"signal {-status}"
        return self._failure(request, log, "Runtime.ExitError", f"Runtime exited with error: {how}")

    @staticmethod
    def _failure(request: Request, log: bytearray, kind: str, message: str) -> Answer:
        """The document that Lambda itself writes when the runtime cannot; it has no stack trace."""
        document = {
            "errorType": kind,
            "errorMessage": f"RequestId: {request.request_id} Error: {message}",
            "requestId": request.request_id,
            "stackTrace": [],
        }
        return Answer(
            result=json.dumps(document).encode(),
            errored=True,
            log=f"{_text(log)}{request.request_id} {message}\n",
        )


def _text(log: bytearray) -> str:
    return log.decode("utf-8", errors="replace")
