"""Assemble the training set: history and captured traffic joined with outcomes, split in time.

The holdout is the end of the labelled data, at most `holdout_days` of it and never older than what the
champion was trained on: neither model has seen it.

Hours that are quarantined are left out, whoever asks for the training: a model trained on broken data is worse than
none.

    python3 -m pipelines.steps.assemble INPUT OUTPUT

Reads INPUT/{seed,request,capture,labels,quarantine}, writes OUTPUT/train/{train.csv,manifest.json} and
OUTPUT/holdout/holdout.csv.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.steps.workload import Workload
from selfheal.observe.reading.capture import TextRow, read_rows
from selfheal.observe.reading.ground_truth import read_outcomes
from selfheal.observe.reading.traffic import EPOCH, Schema
from selfheal.remediate.quarantine import Interval, Quarantine, QuarantineError, may_be_read, merged


class NotEnoughData(Exception):
    """The data do not make a training set; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """What no training may read: which hours, for which incidents, and how many rows they took."""

    intervals: tuple[Interval, ...]
    incidents: tuple[str, ...]
    rows: int

    def __str__(self) -> str:
        hours = ", ".join(map(str, self.intervals))
        return f"{self.rows} rows are left out, since hours {hours} are quarantined ({', '.join(self.incidents)})"

    def to_json(self) -> dict[str, Any]:
        hours = [each.to_json() for each in self.intervals]
        return {"hours": hours, "incidents": list(self.incidents), "rows": self.rows}


def main(source: Path, target: Path) -> None:
    workload = Workload.load()
    request = json.loads((source / "request" / "request.json").read_text(encoding="utf-8"))
    labelled = pd.concat(
        [read_seed(source / "seed", workload), read_traffic(source, workload)], ignore_index=True
    )
    rows, left_out = leave_out(labelled, workload, read_quarantines(source / "quarantine"))
    try:
        train, holdout = split(rows, workload, request)
        require_enough(train, holdout, workload, left_out)
    except NotEnoughData as error:
        raise NotEnoughData(f"{error}; {left_out}" if left_out.rows else str(error)) from None
    for name, part in (("train", train), ("holdout", holdout)):
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        part.to_csv(folder / f"{name}.csv", index=False)
    manifest = {
        **describe(train, holdout, workload, request, target),
        "quarantined": left_out.to_json(),
    }
    (target / "train" / "manifest.json").write_text(
        json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8"
    )
    print(json.dumps(manifest, sort_keys=True))  # noqa: T201 - a job speaks through its log


def read_seed(folder: Path, workload: Workload) -> pd.DataFrame:
    """The labelled history. Everything is read as text: the serving code sees text too."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    columns = [workload.timestamp, *workload.names, workload.label]
    frames = []
    for path in files:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, compression="infer")
        missing = [name for name in columns if name not in frame.columns]
        if missing:
            raise NotEnoughData(f"{path.name} lacks the columns {', '.join(missing)}")
        frames.append(frame[columns])
    return _typed(pd.concat(frames, ignore_index=True), workload)


def read_traffic(source: Path, workload: Workload) -> pd.DataFrame:
    """Captured inferences whose outcome is known. A line that cannot be read was observe's to report."""
    schema = Schema(features=tuple((name, kind == "numeric") for name, kind in workload.features))
    labels: dict[str, float] = {}
    for path in _files(source / "labels"):
        # Files are named by the hour of collection, so their order is that of collection: the last one wins.
        outcomes, _ = read_outcomes(path.read_bytes(), path.name, schema, collected_at=EPOCH)
        labels.update(zip(outcomes.keys, outcomes.labels.tolist(), strict=True))
    known = {
        row.key: row
        for path in _files(source / "capture")
        for row in read_rows(path.read_bytes(), path.name, schema)[0]
        if row.key in labels
    }
    columns = [workload.timestamp, *workload.names, workload.label]
    rows = [_row(row, labels[key]) for key, row in known.items()]
    return _typed(pd.DataFrame(rows, columns=columns, dtype=str), workload)


def read_quarantines(folder: Path) -> list[Quarantine]:
    """What was ever quarantined.

    Raises:
        QuarantineError: a file cannot be read: which hours are broken is not known then.
    """
    return [_quarantine(path) for path in sorted(folder.glob("*.json"))]


def leave_out(
    rows: pd.DataFrame, workload: Workload, quarantines: Sequence[Quarantine]
) -> tuple[pd.DataFrame, LeftOut]:
    """The rows that training may read."""
    holding = [each for each in quarantines if merged([each.interval])]
    intervals = merged(each.interval for each in holding)
    hours = rows[workload.timestamp].dt.floor("h")
    readable = {hour: may_be_read(hour, intervals) for hour in hours.unique()}
    kept = rows[hours.map(readable).astype(bool)]
    incidents = tuple(sorted(each.incident for each in holding))
    return kept, LeftOut(intervals=intervals, incidents=incidents, rows=len(rows) - len(kept))


def require_enough(train: pd.DataFrame, holdout: pd.DataFrame, workload: Workload, left_out: LeftOut) -> None:
    """Refuse what the quarantine left too little of, before a training is paid for.

    Raises:
        NotEnoughData: one of the two parts has fewer rows than the gate needs to tell two models apart.
    """
    least = workload.gate.min_holdout_rows
    few = [
        f"{len(part)} {name} rows"
        for name, part in (("training", train), ("holdout", holdout))
        if len(part) < least
    ]
    if left_out.rows and few:
        raise NotEnoughData(f"{' and '.join(few)} are left where gate.min_holdout_rows = {least} are needed")


def split(
    rows: pd.DataFrame, workload: Workload, request: dict[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training set and holdout, in order of time.

    Raises:
        NotEnoughData: one of the two is empty, or the training set holds one class only.
    """
    rows = rows[rows[workload.timestamp] < pd.Timestamp(request["window_end"])]
    # By every column, so that the same rows make the same set in whatever order they were captured.
    rows = rows.sort_values([workload.timestamp, *workload.names, workload.label], ignore_index=True)
    if rows.empty:
        raise NotEnoughData("there is no labelled row before the window's end")
    start = rows[workload.timestamp].iloc[-1] - timedelta(days=workload.holdout_days)
    if request.get("champion_trained_to"):
        start = max(start, pd.Timestamp(request["champion_trained_to"]))
    train = rows[rows[workload.timestamp] <= start]
    holdout = rows[rows[workload.timestamp] > start]
    if holdout.empty:
        raise NotEnoughData(f"no labelled row is newer than {start}: there is nothing to compare models on")
    if train[workload.label].nunique() < 2:
        raise NotEnoughData(f"the {len(train)} training rows before {start} do not hold both classes")
    return train, holdout


def describe(
    train: pd.DataFrame, holdout: pd.DataFrame, workload: Workload, request: dict[str, Any], target: Path
) -> dict[str, Any]:
    """The manifest: what makes this training set this one."""
    return {
        "request": request,
        "rows": {"train": len(train), "holdout": len(holdout)},
        "positive_rate": {
            "train": float(train[workload.label].astype(float).mean()),
            "holdout": float(holdout[workload.label].astype(float).mean()),
        },
        "window": {
            "start": train[workload.timestamp].iloc[0].isoformat(),
            "end": train[workload.timestamp].iloc[-1].isoformat(),
        },
        "holdout": {
            "start": holdout[workload.timestamp].iloc[0].isoformat(),
            "end": holdout[workload.timestamp].iloc[-1].isoformat(),
        },
        "sha256": {name: _sha256(target / name / f"{name}.csv") for name in ("train", "holdout")},
    }


def _quarantine(path: Path) -> Quarantine:
    try:
        return Quarantine.from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise QuarantineError(f"{path.name}: {error}") from error


def _row(row: TextRow, label: float) -> list[str]:
    return [row.at.isoformat(), *row.fields, f"{label:g}"]


def _typed(frame: pd.DataFrame, workload: Workload) -> pd.DataFrame:
    frame[workload.timestamp] = pd.to_datetime(frame[workload.timestamp], utc=True, format="ISO8601")
    return frame


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.rglob("*.jsonl")))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
