"""Months past detectors: each month is made once, and every detector looks at it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np

from bench.detection.kept import Kept
from bench.detection.protocol import Floats, Level, Window
from bench.detection.rules import RULES, PlainRules
from bench.detection.scenarios import LOOKS
from bench.detection.tasks import OURS, Key, Task, Watch
from bench.detection.traffic import Month
from bench.ours_detection import OurDetector
from bench.report import cores, say

RANKS = "ranks"


@dataclass
class _Log:
    """Levels as they come, until there is no more to learn.

    A watch that has seen, since the onset, the level that the scenario asks for is over.
    """

    onset: int
    until: Level | None
    levels: list[int]
    over: bool = False

    def note(self, look: int, level: int) -> None:
        self.levels.append(level)
        self.over = self.until is not None and look >= self.onset and level >= self.until


def watch_month(task: Task) -> tuple[dict[Key, Watch], dict[int, Floats]]:
    """Every detector's watch of one month; and the mean ranks by size of reference, shape (looks, features)."""
    month, ours, rules = task.month, {}, {}
    for rows in {*task.ours, *task.rules}:
        reference = month.reference(rows)
        if rows in task.ours:
            ours[rows] = OurDetector()
            ours[rows].start(reference)
        if rows in task.rules:
            rules[rows] = PlainRules(reference)
    logs = {Key(OURS, rows, task.name): _log(month, month.scenario.until) for rows in ours}
    logs |= {Key(rule, rows, task.name): _log(month, None) for rows in rules for rule in RULES}
    ranks: dict[int, list[Floats]] = {rows: [] for rows in rules}
    for look, window in enumerate(month.windows()):
        for rows, detector in ours.items():
            log = logs[Key(OURS, rows, task.name)]
            if not log.over:
                log.note(look, detector.look(window))
        for rows, plain in rules.items():
            ranks[rows].append(
                _look(plain, window, look, {rule: logs[Key(rule, rows, task.name)] for rule in RULES})
            )
        if all(log.over for log in logs.values()):
            break
    watches = {
        key: Watch(levels=np.array(log.levels, np.int8), onset=month.onset_if_any)
        for key, log in logs.items()
    }
    return watches, {rows: np.array(looks) for rows, looks in ranks.items()}


def watch_all(tasks: Iterable[Task]) -> tuple[dict[Key, list[Watch]], dict[tuple[int, str], list[Floats]]]:
    """All months, on all cores; watches by key, mean ranks by size of reference and scenario.

    Months that an earlier run watched with the same sources are not watched again (`kept`).
    The order within a list is that of the tasks, whichever ends first.
    """
    tasks = list(tasks)
    kept = Kept()
    found = {number: seen for number, task in enumerate(tasks) if (seen := kept.load(task))}
    if found:
        say(f"{len(found)} of {len(tasks)} months were watched by an earlier run")
    with ProcessPoolExecutor(cores()) as pool:
        running = {
            pool.submit(watch_month, task): number for number, task in enumerate(tasks) if number not in found
        }
        for done in as_completed(running):
            number = running[done]
            found[number] = done.result()
            kept.save(tasks[number], found[number])
            if len(found) % 50 == 0:
                say(f"watched {len(found)} of {len(tasks)} months")
    watches: dict[Key, list[Watch]] = defaultdict(list)
    ranks: dict[tuple[int, str], list[Floats]] = defaultdict(list)
    for number, task in enumerate(tasks):
        for key, watch in found[number][0].items():
            watches[key].append(watch)
        for rows, means in found[number][1].items():
            ranks[rows, task.name].append(means)
    return dict(watches), dict(ranks)


def _log(month: Month, until: Level | None) -> _Log:
    return _Log(onset=month.onset if not month.scenario.quiet else LOOKS, until=until, levels=[])


def _look(plain: PlainRules, window: Window, look: int, logs: Mapping[str, _Log]) -> Floats:
    """Note each rule's alarm, which has one level; the mean ranks of the window."""
    sight = plain.look(window)
    for rule, alarm in sight.alarms.items():
        logs[rule].note(look, Level.BREACH if alarm else Level.NONE)
    return sight.ranks
