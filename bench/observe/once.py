"""One report of ours in a process of its own: `python -m bench.observe.once FOLDER`.

Prints JSON: seconds without imports, and the process's peak memory in MB (10⁶ bytes), imports included.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from bench import ours_observe


def peak_mb() -> float:
    """Highest resident memory of this process, and of the largest child if it had any.

    Linux keeps the high-water mark of the program that runs now in VmHWM; ru_maxrss would also remember the
    parent from which it was started.
    """
    status = Path("/proc/self/status")
    own = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        own = float(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024 / 1e6


def main(folder: Path) -> None:
    start = time.perf_counter()
    ours_observe.report(folder)
    seconds = time.perf_counter() - start
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mb": peak_mb()}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
