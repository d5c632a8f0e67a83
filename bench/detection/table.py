"""The rows of the detection benchmark, in the order of the questions that people ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bench.detection import scoring
from bench.detection.protocol import Level
from bench.detection.rivals import RIVALS, ROWS_BESIDE
from bench.detection.rules import RULES
from bench.detection.scenarios import SCENARIOS
from bench.detection.tasks import OURS, Key, Watch, Watches
from bench.report import Reach, Row

PEERS = (*RULES, *RIVALS)
Score = Callable[[Sequence[Watch], Level], "float | None"]

# What a delay should be, by scenario and level, in windows.
DELAYS = {
    ("three", Level.WARN): 2.0,
    ("half", Level.BREACH): 2.0,
    ("ramp", Level.WARN): 16.0,
    ("small", Level.WARN): 7.0,
}
FOUND = ("variance", "tail", "category", "correlation")  # each to be found in every month


def rows(watches: Watches, sizes: Sequence[int]) -> list[Row]:
    """All rows: false alarms at each size of reference, delays, what else changes, false alarms before."""
    return [
        *_quiet(watches, sizes),
        *_delays(watches, sizes),
        *_changes(watches, sizes),
        *_early(watches, sizes),
    ]


def _quiet(watches: Watches, sizes: Sequence[int]) -> Iterator[Row]:
    for name, words in (
        ("quiet", "quiet months"),
        ("seasonal", "quiet months, autocorrelated and seasonal,"),
        ("wandering", "quiet months with wandering levels"),
    ):
        for size in sizes:
            months = len(watches.get(Key(OURS, size, name), []))
            of = f"% of {months} months" if months else "% of months"
            title = f"{words} with a {{}}, reference {size:,}"
            breach = Reach("<=", 0) if name == "quiet" else None
            yield _row(watches, Key(OURS, size, name), title.format("warning"), of, scoring.alarming_share,
                       Level.WARN, None if name == "wandering" else Reach("<=", 2))  # fmt: skip
            yield _row(watches, Key(OURS, size, name), title.format("breach"), of, scoring.alarming_share,
                       Level.BREACH, breach)  # fmt: skip
            yield _row(watches, Key(OURS, size, name), f"windows alarming in them, reference {size:,}",
                       "median of 720", scoring.alarming_windows, Level.WARN, None)  # fmt: skip


def _delays(watches: Watches, sizes: Sequence[int]) -> Iterator[Row]:
    for (name, level), limit in DELAYS.items():
        for size in sizes:
            title = f"{SCENARIOS[name].title}: {level.name.lower()}, reference {size:,}"
            yield _row(watches, Key(OURS, size, name), title, "windows, median", scoring.median_delay, level,
                       Reach("<=", limit))  # fmt: skip
    for size in sizes:
        title = f"{SCENARIOS['three'].title}: months with a breach, reference {size:,}"
        yield _row(
            watches,
            Key(OURS, size, "three"),
            title,
            "% of months",
            scoring.alarming_share,
            Level.BREACH,
            Reach("<=", 0),
        )


def _changes(watches: Watches, sizes: Sequence[int]) -> Iterator[Row]:
    for name in FOUND:
        for size in sizes:
            title, key = f"{SCENARIOS[name].title}: {{}}, reference {size:,}", Key(OURS, size, name)
            yield _row(watches, key, title.format("found"), "% of months", scoring.found_share, Level.WARN,
                       Reach(">=", 100))  # fmt: skip
            yield _row(watches, key, title.format("delay"), "windows, median", scoring.median_delay,
                       Level.WARN, None)  # fmt: skip


def _early(watches: Watches, sizes: Sequence[int]) -> Iterator[Row]:
    """False alarms before the onset, over all months in which something changes."""
    for size in sizes:
        pooled: dict[Key, list[Watch]] = {}
        for key, found in watches.items():
            if key.rows == size and not SCENARIOS[key.scenario].quiet:
                pooled.setdefault(Key(key.detector, size, "changed"), []).extend(found)
        yield _row(pooled, Key(OURS, size, "changed"), f"alarm before the onset, reference {size:,}",
                   "% of months", scoring.early_share, Level.WARN, None)  # fmt: skip


def _row(
    watches: Watches, key: Key, title: str, unit: str, score: Score, level: Level, reach: Reach | None
) -> Row:
    """Ours, and every peer that watched the same; the slow ones only did against one size of reference."""
    beside = {peer: score(watches.get(Key(peer, key.rows, key.scenario), []), level) for peer in PEERS}
    if key.rows != ROWS_BESIDE or not any(value is not None for value in beside.values()):
        beside = {peer: value for peer, value in beside.items() if value is not None}
    value = score(watches.get(key, []), level)
    return Row(measure=title, unit=unit, value=value, reach=reach, beside=beside)
