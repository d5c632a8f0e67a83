"""The four measures of the observe benchmark, each giving its rows."""

from __future__ import annotations

import json
import math
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench import ours_observe
from bench.environments import PeerUnavailableError
from bench.observe.timing import limits, medians, seconds
from bench.observe.traffic import FEATURES, floats, write_folder
from bench.report import Reach, Row
from bench.worker import Worker

SEED = 20260730
WEEK = 168
# How a peer is named → the group that it lives in, and what it is asked.
PEERS = {
    "NannyML": ("nannyml", "compare"),
    "Evidently": ("evidently", "compare"),
    "alibi-detect": ("alibi_detect", "compare"),
    "whylogs": ("whylogs", "compare"),
    "scipy loop": ("sketches", "scipy_loop"),
    "KLL-200": ("sketches", "kll"),
}
FASTER_THAN = {"NannyML": 5.0, "Evidently": 75.0, "KLL-200": 1.0}
PANDAS = "json+pandas+Evidently"
MACHINE = "machine's limit"


@dataclass(kw_only=True)
class Bench:
    """Measures ours, the peers, or both; what is left out has no number.

    Attributes:
        folder: scratch space, absolute.
        versions, notes: of the peers that were asked, gathered on the way.
    """

    folder: Path
    repeats: int
    ours: bool
    peers: bool
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(
        default_factory=lambda: [
            "alibi-detect is under the Business Source License 1.1: measured, used nowhere"
        ]
    )

    def statistics(self, size: int) -> list[Row]:
        """(a): both sides from raw floats, and the window's side alone where a peer keeps its reference."""
        reference, window = floats(size, SEED, shifted=False), floats(size, SEED + 1, shifted=True)
        paths = {"reference": self.folder / "before.npy", "window": self.folder / "now.npy"}
        # C order is what a frame or an array of rows is made from; each worker lays its own form out untimed.
        np.save(paths["reference"], np.ascontiguousarray(reference))
        np.save(paths["window"], np.ascontiguousarray(window))
        request = {name: str(path) for name, path in paths.items()}
        found = {peer: self._ask(*task, **request, repeats=self.repeats) for peer, task in PEERS.items()}
        total = {peer: times.get("total") for peer, times in found.items()}
        alone = {peer: times["window"] for peer, times in found.items() if "window" in times}
        before, now = self._our_statistics(reference, window)
        both = None if before is None or now is None else before + now
        title = f"all numeric statistics, {size:,} x {FEATURES} on both sides"
        return [
            Row(measure=title, unit="s", value=both, beside=total),
            Row(
                measure="of these, the window's side against a kept reference",
                unit="s",
                value=now,
                beside=alone,
            ),
            *(
                Row(
                    measure=f"times as fast as {peer}",
                    unit="x",
                    value=_ratio(total[peer], both),
                    reach=Reach(">=", least),
                )
                for peer, least in FASTER_THAN.items()
            ),
        ]

    def capture(self, records: int) -> list[Row]:
        """(b), and where the time goes."""
        folder = self._folder(records)
        times = self._ask("evidently", "capture", folder=str(folder), repeats=self.repeats)
        own = seconds(lambda: ours_observe.report(folder), self.repeats) if self.ours else None
        beside = {PANDAS: times.get("total")}
        spent: Mapping[str, float] = ours_observe.stages(folder) if self.ours else {}
        bound = limits(folder, floats(records, SEED + 1, shifted=True), self.repeats)
        size = sum(path.stat().st_size for path in (folder / "capture").rglob("*.jsonl"))
        self.notes.append(
            f"{records:,} records are {size / 1e6:,.0f} MB of capture files, {size / records:,.0f} B each"
        )
        title = f"from {records:,} capture records to the finished report"
        return [
            Row(measure=title, unit="s", value=own, beside=beside),
            Row(
                measure=f"times as fast as {PANDAS}",
                unit="x",
                value=_ratio(beside[PANDAS], own),
                reach=Reach(">=", 20),
            ),
            *(
                Row(
                    measure=f"of these, {stage}",
                    unit="s",
                    value=spent.get(stage),
                    beside={MACHINE: bound.get(stage)},
                )
                for stage in ("read", "decode", "sort", "statistics")
            ),
            Row(
                measure="capture read",
                unit="MB/s",
                value=_ratio(size / 1e6, own),
                beside={MACHINE: size / 1e6 / bound["read"]},
            ),
        ]

    def growth(self, sizes: Sequence[int]) -> list[Row]:
        """(c): every run in a process of its own, whose peak memory is its own."""
        rows: list[Row] = []
        took: dict[int, float | None] = {}
        for size in sizes:
            runs = [self._once(size) for _ in range(self.repeats)] if self.ours else []
            took[size] = statistics.median(run["seconds"] for run in runs) if runs else None
            peak = statistics.median(run["peak_mb"] for run in runs) if runs else None
            beside: Mapping[str, Any] = {}
            if size < max(sizes):  # the largest would take the peer minutes and gigabytes
                beside = self._ask("evidently", "capture", folder=str(self._folder(size)), repeats=1)
            rows.append(
                Row(
                    measure=f"{size:,} records: time",
                    unit="s",
                    value=took[size],
                    beside={PANDAS: beside.get("total")},
                )
            )
            rows.append(
                Row(
                    measure=f"{size:,} records: peak memory",
                    unit="MB",
                    value=peak,
                    reach=Reach("<=", 300),
                    beside={PANDAS: beside.get("peak_mb")},
                )
            )
            shutil.rmtree(self._folder(size))
        *_, middle, most = sizes
        each = [_ratio(took[size], size) for size in (most, middle)]
        linear = f"time per record at {most:,} over that at {middle:,}"
        return [*rows, Row(measure=linear, unit="x", value=_ratio(*each), reach=Reach("<=", 1.2))]

    def week(self, hourly: int) -> list[Row]:
        """(d)."""
        reference = floats(20 * hourly, SEED, shifted=False)
        hours = np.stack([floats(hourly, SEED + 1 + hour, shifted=True) for hour in range(WEEK)])
        np.save(self.folder / "before.npy", np.ascontiguousarray(reference))
        np.save(self.folder / "hours.npy", np.ascontiguousarray(hours))
        times = self._ask(
            "whylogs",
            "merge",
            reference=str(self.folder / "before.npy"),
            hours=str(self.folder / "hours.npy"),
            folder=str(self.folder),
            repeats=self.repeats,
        )
        value = None
        if self.ours:
            files = ours_observe.write_profiles(reference, hours, self.folder)
            value = 1000 * seconds(lambda: ours_observe.merge_and_judge(files), self.repeats)
        beside = {"whylogs": 1000 * times["total"] if "total" in times else None}
        title = f"a 7-day window merged from {WEEK} stored profiles, and judged"
        return [Row(measure=title, unit="ms", value=value, reach=Reach("<=", 100), beside=beside)]

    def _our_statistics(self, reference: Any, window: Any) -> tuple[float | None, float | None]:
        if not self.ours:
            return None, None
        kept = ours_observe.prepare(reference)
        return (
            seconds(lambda: ours_observe.prepare(reference), self.repeats),
            seconds(lambda: ours_observe.statistics(kept, window), self.repeats),
        )

    def _ask(self, group: str, action: str, **request: Any) -> dict[str, float]:
        """A peer's medians; empty, with a note that says why, where it has none."""
        if not self.peers:
            return {}
        try:
            with Worker(group) as worker:
                self.versions |= {k: v for k, v in worker.versions.items() if k not in ("numpy", "scipy")}
                answer = worker.ask(action, **request)
        except PeerUnavailableError as error:
            self.notes.append(f"no number where none is shown: {error}")
            return {}
        return {**medians(answer), **({"peak_mb": answer["peak_mb"]} if "peak_mb" in answer else {})}

    def _folder(self, records: int) -> Path:
        """A folder of so many records, made once, with what ours keeps of its reference."""
        folder = self.folder / f"records-{records}"
        if not folder.exists():
            write_folder(folder, records, min(records, 100_000), SEED)
            if self.ours:
                ours_observe.install(folder)
        return folder

    def _once(self, records: int) -> dict[str, float]:
        command = [sys.executable, "-m", "bench.observe.once", str(self._folder(records))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        run: dict[str, float] = json.loads(done.stdout)
        return run


def _ratio(over: float | None, under: float | None) -> float | None:
    return None if over is None or under is None or math.isclose(under, 0) else over / under
