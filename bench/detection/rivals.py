"""Detectors that live in environments of their own: ADWIN on ranks, Evidently, NannyML."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.detection.protocol import Floats, Level
from bench.detection.scenarios import LOOKS, SCENARIOS
from bench.detection.scoring import median_delay
from bench.detection.tasks import Key, Watch
from bench.detection.traffic import FEATURES, ROWS, Month
from bench.environments import PeerUnavailableError
from bench.report import OUTPUT, say
from bench.worker import Worker

ADWIN, EVIDENTLY, EVIDENTLY_ANY = "ADWIN ranks", "Evidently", "Evidently any"
NANNYML_KS, NANNYML_JS = "NannyML KS", "NannyML JS"
RIVALS = (ADWIN, EVIDENTLY, EVIDENTLY_ANY, NANNYML_KS, NANNYML_JS)
ROWS_BESIDE = 20_000  # reference against which the slow rivals watch
HORIZON = 48  # windows after the onset in which Evidently looks for a change
QUIET_RATE = 0.05  # of months, which ADWIN is tuned to
CHECKED = range(3)  # windows on which Evidently's preset is held against its tests


@dataclass
class Found:
    """What a rival saw, and what to say of it."""

    watches: dict[Key, list[Watch]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, key: Key, watch: Watch) -> None:
        self.watches.setdefault(key, []).append(watch)


@dataclass(frozen=True, kw_only=True)
class Months:
    """Which months the slow rivals watch.

    Attributes:
        scenarios: which kinds.
        numbers: how many of each; they are the first of those that the others watch.
        seed: of the run.
    """

    scenarios: Sequence[str]
    numbers: int
    seed: int


def watch_rivals(
    months: Months, ranks: Mapping[tuple[int, str], Sequence[Floats]], tuning: int
) -> list[Found]:
    """All rivals side by side; one that cannot be had leaves a note with the reason."""
    rivals: list[tuple[str, Callable[[Found], None]]] = [
        ("NannyML", lambda found: _nannyml(found, months)),
        ("Evidently", lambda found: _evidently(found, months)),
        ("ADWIN", lambda found: _adwin(found, ranks, months.seed, tuning)),
    ]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda rival: _attempt(*rival), rivals))


def _attempt(name: str, watch: Callable[[Found], None]) -> Found:
    found = Found()
    say(f"{name} watches")
    try:
        watch(found)
    except PeerUnavailableError as error:
        found.notes.append(f"{name} has no number where none is shown: {error}")
    return found


def _adwin(found: Found, ranks: Mapping[tuple[int, str], Sequence[Floats]], seed: int, tuning: int) -> None:
    """ADWIN on each feature's mean rank in the reference, window by window.

    The setting is the quickest to see 0.1 sd in three features among those that alarm in at most 5 % of
    simulated quiet months.
    """
    with Worker("sketches") as worker:
        found.versions |= worker.versions
        tuned = worker.ask(
            "adwin_tune",
            quiet=QUIET_RATE,
            months=tuning,
            looks=LOOKS,
            features=FEATURES,
            scales=[1, 3, 10],
            deltas=[10.0 ** (power / 2) for power in range(-12, -2)],
            seed=seed,
        )
        streams = {key: means for key, means in ranks.items() if means}
        settings = tuned["settings"]
        trials = [_adwin_watches(worker, setting, streams, seed) for setting in settings]
    judged = Key(ADWIN, ROWS_BESIDE, "three")
    order = [
        (median_delay(trial.get(judged, []), Level.WARN) or 0.0, -setting["delta"])
        for trial, setting in zip(trials, settings, strict=True)
    ]
    best = order.index(min(order))
    found.watches |= trials[best]
    found.notes.append(
        f"ADWIN: window means of ranks, standardized, times {settings[best]['scale']}, delta "
        f"{settings[best]['delta']:.1e}, alarming in {100 * settings[best]['quiet']:.1f} % of {tuning} "
        f"simulated quiet months; of {len(settings)} tuned settings the quickest"
    )


def _adwin_watches(
    worker: Worker, setting: Mapping[str, Any], streams: Mapping[tuple[int, str], Sequence[Floats]], seed: int
) -> dict[Key, list[Watch]]:
    watches = {}
    for (rows, name), means in streams.items():
        with tempfile.TemporaryDirectory(dir=OUTPUT) as folder:
            np.save(Path(folder) / "streams.npy", np.stack(means))
            answer = worker.ask(
                "adwin",
                streams=str(Path(folder) / "streams.npy"),
                scale=setting["scale"],
                delta=setting["delta"],
            )
        watches[Key(ADWIN, rows, name)] = [
            _alarms(Month(scenario=SCENARIOS[name], number=number, seed=seed), alarms)
            for number, alarms in enumerate(answer["alarms"])
        ]
    return watches


def _nannyml(found: Found, months: Months) -> None:
    with Worker("nannyml") as worker:
        found.versions |= worker.versions
        for name, month, reference, path in _files(months):
            answer = worker.ask(
                "alarms", reference=reference, month=path, rows=ROWS, categorical=list(month.categorical)
            )
            for detector, rule in ((NANNYML_KS, "ks"), (NANNYML_JS, "js")):
                found.add(Key(detector, ROWS_BESIDE, name), _alarms(month, answer[rule]))
    found.notes.append(
        f"NannyML: {months.numbers} months of each kind, chunks of {ROWS} rows, its own thresholds"
    )


def _evidently(found: Found, months: Months) -> None:
    """The tests that the preset chooses, without the report around them, which takes seconds a window.

    Quiet months are watched whole, others from the onset; that both count the same drifted columns is
    checked on a few windows.
    """
    with Worker("evidently") as worker:
        found.versions |= worker.versions
        for name, month, reference, path in _files(
            Months(scenarios=months.scenarios, numbers=1, seed=months.seed)
        ):
            quiet = month.scenario.quiet
            since = 0 if quiet else month.onset
            windows = range(since, LOOKS if quiet else min(LOOKS, since + HORIZON))
            answer = worker.ask(
                "alarms",
                reference=reference,
                month=path,
                rows=ROWS,
                windows=list(windows),
                categorical=list(month.categorical),
                until_alarm=not quiet,
            )
            for detector, rule in ((EVIDENTLY, "dataset"), (EVIDENTLY_ANY, "any_column")):
                found.add(Key(detector, ROWS_BESIDE, name), _alarms(month, answer[rule], since))
            if name == "quiet":
                found.notes.append(_agreement(worker, reference, path))
    found.notes.append(
        f"Evidently: one month of each kind, quiet ones whole, others for {HORIZON} windows from the onset "
        "(no false alarms counted); default tests and thresholds"
    )


def _agreement(worker: Worker, reference: str, path: str) -> str:
    answer = worker.ask("agree", reference=reference, month=path, rows=ROWS, windows=list(CHECKED))
    same = "the same" if answer["preset"] == answer["direct"] else "OTHER"
    return (
        f"Evidently: its tests were called without the report around them; on {len(CHECKED)} windows the whole "
        f"preset, {np.median(answer['seconds']):.1f} s a window, counted {same} drifted columns"
    )


def _files(months: Months) -> Iterator[tuple[str, Month, str, str]]:
    """Scenario's name, month, and its reference and rows as files that last until the next one is asked for."""
    for name in months.scenarios:
        for number in range(months.numbers):
            month = Month(scenario=SCENARIOS[name], number=number, seed=months.seed)
            with tempfile.TemporaryDirectory(dir=OUTPUT) as folder:
                reference, path = Path(folder) / "reference.npy", Path(folder) / "month.npy"
                np.save(reference, month.reference(ROWS_BESIDE).values)
                np.save(
                    path, np.concatenate([window.values.astype(np.float32) for window in month.windows()])
                )
                yield name, month, str(reference), str(path)


def _alarms(month: Month, alarms: Sequence[bool], since: int = 0) -> Watch:
    """A watch from alarms of one level; looks before `since` were not taken."""
    levels = np.zeros(since + len(alarms), np.int8)
    levels[since:] = np.where(alarms, Level.BREACH, Level.NONE)
    return Watch(levels=levels, onset=month.onset_if_any, since=since)
