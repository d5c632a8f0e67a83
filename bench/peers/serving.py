"""The peers' side of the line: read a request, run its action, answer with JSON.

It runs inside a peer's environment and so imports nothing of the project.
"""

import importlib.metadata
import json
import os
import pathlib
import resource
import sys
import time


def serve(actions, packages):
    """Answer requests until the input ends.

    Standard output belongs to the answers: whatever a library prints goes to the log instead.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _answer(answers, {"versions": {name: importlib.metadata.version(name) for name in packages}})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = actions[request.pop("action")](**request)
        except Exception as error:  # the caller says in its row what went wrong here
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        _answer(answers, answer)


def timed(work, repeats):
    """Seconds of each of `repeats` runs of `work`."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


def total(prepare, window):
    """Seconds of both sides, run by run."""
    return [before + now for before, now in zip(prepare, window, strict=True)]


def peak_mb():
    """Highest resident memory of this program so far, in MB (10^6 bytes).

    On Linux from VmHWM: ru_maxrss also remembers the parent from which the program was started.
    """
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _answer(answers, answer):
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
