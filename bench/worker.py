"""A peer at work: its script runs in its own environment and answers requests, one JSON line each."""

from __future__ import annotations

import json
import os
import subprocess
from types import TracebackType
from typing import Any

from bench.environments import PEERS, PeerUnavailableError, python_of
from bench.report import OUTPUT

# No peer reports home from a benchmark, and none of their warnings is news here.
QUIET = {
    "DO_NOT_TRACK": "1",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "WHYLOGS_NO_ANALYTICS": "True",
    "PYTHONWARNINGS": "ignore",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class Worker:
    """The running script bench/peers/GROUP_worker.py.

    Attributes:
        versions: of the packages that it measures.

    Raises:
        PeerUnavailableError: it does not install or start here.
    """

    def __init__(self, group: str) -> None:
        self.group = group
        self._log = OUTPUT / "logs" / f"{group}.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        python = python_of(group)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [str(python), str(PEERS / f"{group}_worker.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **QUIET},
                text=True,
            )
        self.versions: dict[str, str] = self._answer()["versions"]

    def ask(self, action: str, **request: Any) -> dict[str, Any]:
        """The answer to one request.

        Raises:
            PeerUnavailableError: the peer failed at it, or died of it.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"action": action, **request}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerUnavailableError(f"{self.group} ended; see {self._log}") from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PeerUnavailableError(f"{self.group} ended with {self._process.wait()}; see {self._log}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerUnavailableError(f"{self.group}: {answer['error']}")
        return answer

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        if not self._process.stdin.closed:
            self._process.stdin.close()
        self._process.wait()
