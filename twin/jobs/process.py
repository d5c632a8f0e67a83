"""Running a job's program as a process group, with an end to its time.

The machine's own clock measures these processes: virtual time stands still while they run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from twin.interfaces import TwinError

# SageMaker gives two minutes between SIGTERM and SIGKILL; the twin's programs are small.
_GRACE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How a program ended: its exit code, and whether its time was cut short."""

    code: int
    cut_short: bool
    log: str


class Processes:
    """The programs that run now; `close` ends them all and refuses new ones."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        log: Path,
        limit_seconds: float | None,
    ) -> Exit:
        """Run to the end, or to SIGTERM and then SIGKILL after `limit_seconds` real seconds.

        A program that does not exist ends with 127, as in a shell. Output is appended to `log`.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        begins = log.stat().st_size if log.exists() else 0
        with log.open("ab") as sink:
            try:
                process = self._start(argv, environment, directory, sink.fileno())
            except (FileNotFoundError, PermissionError) as error:
                sink.write(f"{error}\n".encode())
                return Exit(code=127, cut_short=False, log=str(error))
            cut_short = False
            try:
                process.wait(limit_seconds)
            except subprocess.TimeoutExpired:
                cut_short = True
            finally:
                self._end(process)
        with log.open("rb") as written:
            written.seek(begins)
            text = written.read().decode(errors="replace")
        # A container reports death by signal N as 128 + N.
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        return Exit(code=code, cut_short=cut_short, log=text)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            self._end(process)

    def _start(
        self, argv: Sequence[str], environment: Mapping[str, str], directory: Path, sink: int
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise TwinError("the twin's jobs are closed: no program starts any more")
            process = subprocess.Popen(  # noqa: S603 - running the job's own command is the point
                list(argv),
                env=dict(environment),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.add(process)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            _signal_group(process, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
        # Even after its leader: what a program left running ends with its container.
        _signal_group(process, signal.SIGKILL)
        process.wait()
        with self._lock:
            self._running.discard(process)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # macOS answers EPERM for a group of zombies, where Linux says that there is none.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
