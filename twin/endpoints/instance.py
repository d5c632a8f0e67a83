"""One instance: a model-server process in a directory of its own."""

from __future__ import annotations

import http.client
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import twin

CONTAINER_ROOT = "/opt/ml"
_OWN_PATH = str(Path(twin.__file__).resolve().parents[1])


def sandboxed(environment: Mapping[str, str], root: Path) -> dict[str, str]:
    """The environment with the prefix `/opt/ml` of every value rewritten to `root`.

    Rewriting stands in for the container's mount: the script finds its files under the same variables.
    """
    return {
        name: f"{root}{value[len(CONTAINER_ROOT) :]}"
        if value == CONTAINER_ROOT or value.startswith(f"{CONTAINER_ROOT}/")
        else value
        for name, value in environment.items()
    }


class Instance:
    """A started process; it must be healthy before `port` can be used."""

    def __init__(self, root: Path, environment: Mapping[str, str], log: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        self._port: int | None = None
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "twin.model_server"],
                env={
                    **sandboxed(environment, root),
                    "PATH": os.environ.get("PATH", os.defpath),
                    "PYTHONPATH": _OWN_PATH,
                    "PYTHONUNBUFFERED": "1",
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
                cwd=root,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                # A Ctrl-C in the terminal is the parent's to handle; the instance ends when the parent does.
                start_new_session=True,
            )

    @property
    def port(self) -> int:
        if self._port is None:
            raise RuntimeError("the instance has not reported its port yet: await its health first")
        return self._port

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ping(self, seconds: float) -> bool:
        """Wait up to `seconds` of real time for the server, then ask /ping once."""
        if self._port is None:
            self._port = self._reported_port(seconds)
        return self._port is not None and self._answers_ping(self._port, seconds)

    def stop(self) -> None:
        """End the process and wait for it."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.kill()
        self._process.wait()

    def _reported_port(self, seconds: float) -> int | None:
        pipe = self._process.stdout
        if pipe is None or pipe.closed:
            return None
        deadline, line = time.monotonic() + seconds, b""
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                chunk = os.read(pipe.fileno(), 64)
                if not chunk:
                    return None
                line += chunk
        return int(line)

    @staticmethod
    def _answers_ping(port: int, seconds: float) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
