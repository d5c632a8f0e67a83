"""Memory of the whole demo: this process and every process that it started, sampled while it runs."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil

PERIOD_SECONDS = 5.0


class PeakMemory:
    """Context manager; `megabytes` is the largest sum that was seen.

    Memory that processes share counts once where the system can tell (proportional set size, Linux), and in
    each of them elsewhere.
    """

    def __init__(self) -> None:
        self.megabytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._done.wait(PERIOD_SECONDS):
            total = sum(_bytes(process) for process in (me, *me.children(recursive=True)))
            self.megabytes = max(self.megabytes, round(total / 2**20))


def _bytes(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
    except psutil.Error:
        return 0  # it ended in between, or is not ours to look at
    return int(getattr(full, "pss", full.rss))
