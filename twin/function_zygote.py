"""How the processes of execution environments come to be: forked from one that has imported boto3, or fresh.

Most of a Python function's cold start is the import of boto3, the same for all of them. On Linux one process,
the zygote, does it once and forks for each environment. Elsewhere each environment is an interpreter of its
own: macOS's frameworks, which Python's proxy look-up uses, do not survive a fork.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from twin.interfaces import TwinError

RUNTIME = Path(__file__).with_name("function_process.py")


class Process(Protocol):
    def kill(self) -> None:
        """End it, if it has not ended."""

    def wait(self) -> int:
        """The exit status, once it has ended; negative for the signal that ended it."""


class ProcessSource(Protocol):
    """Starts the runtime in a folder, with an environment, a socket for requests and a pipe for the log."""

    def start(self, folder: Path, environ: Mapping[str, str], channel: int, output: int) -> Process: ...

    def close(self) -> None:
        """To be called after the last process has ended."""


def process_source() -> ProcessSource:
    return Zygote() if sys.platform == "linux" else FreshProcesses()


class FreshProcesses:
    """Every process is a new interpreter."""

    def start(self, folder: Path, environ: Mapping[str, str], channel: int, output: int) -> Process:
        return subprocess.Popen(  # noqa: S603 - our own interpreter, our own program
            _command("serve", channel),
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(channel,),
        )

    def close(self) -> None: ...


class Zygote:
    """Every process is a fork of one that has done the imports that all share; it starts with the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, folder: Path, environ: Mapping[str, str], channel: int, output: int) -> Process:
        request = {"folder": str(folder), "environ": dict(environ)}
        return _Forked(self, self._ask(request, channel, output))

    def end(self, pid: int, *, kill: bool) -> int:
        """The exit status of a process that has ended, is about to, or is killed."""
        return self._ask({"pid": pid, "kill": kill})

    def close(self) -> None:
        with self._lock:
            if self._control is not None and self._process is not None:
                self._control.close()
                self._process.wait()

    def _ask(self, request: dict[str, Any], *descriptors: int) -> int:
        with self._lock:
            control = self._control or self._begin()
            try:
                line = json.dumps(request).encode() + b"\n"
                # Descriptors travel with the first byte.
                socket.send_fds(control, [line[:1]], descriptors)
                control.sendall(line[1:])
                answer = control.recv(64)
            except OSError:
                answer = b""
        if not answer:
            raise TwinError("the process that functions are forked from has ended: its stderr may say why")
        return int(answer)

    def _begin(self) -> socket.socket:
        self._control, theirs = socket.socketpair()
        with theirs:
            # Nothing of the twin's environment, for what is imported here must not have seen it; only what
            # an interpreter looks at when it starts, as the functions have it.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own program
                _command("fork", theirs.fileno()),
                env={"LANG": "en_US.UTF-8", "TZ": ":UTC"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # A Ctrl-C is for the twin, which ends this process in order.
                start_new_session=True,
            )
        return self._control


class _Forked:
    """A child of the zygote, which alone can wait for it."""

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self._zygote = zygote
        self._pid = pid
        # A status can be had once only, and its process id may then be another's.
        self._lock = threading.Lock()
        self._status: int | None = None

    def kill(self) -> None:
        self._end(kill=True)

    def wait(self) -> int:
        return self._end(kill=False)

    def _end(self, *, kill: bool) -> int:
        with self._lock:
            if self._status is None:
                self._status = self._zygote.end(self._pid, kill=kill)
            return self._status


def _command(mode: str, descriptor: int) -> list[str]:
    packages = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    interpreter = [sys.executable, "-I", "-S", "-B", "-u", "-X", "utf8"]
    return [*interpreter, str(RUNTIME), mode, str(descriptor), *packages]
