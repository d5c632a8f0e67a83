"""The project's own statistics, report and profiles, as the observe benchmark asks for them.

Each function is timed as a whole but for `install`'s and `write_profiles`' files, which the product makes once
a model or once an hour. Nothing is kept between calls that the product would not keep.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.baseline import Baseline
from selfheal.observe.drift.standing import advance, drift_of, drift_windows, first_standing
from selfheal.observe.hours import Hour
from selfheal.observe.judgement import judge
from selfheal.observe.measures import measures
from selfheal.observe.performance.outcomes import Outcomes, Predictions
from selfheal.observe.policy import DriftPolicy, ObservePolicy
from selfheal.observe.profiles.layout import Layout, Numeric, Role
from selfheal.observe.profiles.outputs import SCORE
from selfheal.observe.profiles.profile import Profile, Rows, profile
from selfheal.observe.quality.monitor_files import statistics as monitor_statistics
from selfheal.observe.quality.monitor_files import violations
from selfheal.observe.reading.capture import read_blocks
from selfheal.observe.reading.files import Gathering, Reading, read_file
from selfheal.observe.reading.traffic import EPOCH
from selfheal.observe.reference import Champion, make_baseline
from selfheal.observe.report import Report

Floats = NDArray[np.float64]

PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/bench/1"
# Four weeks before the traffic: the training data are spread over them.
TRAINED_FROM = datetime(2026, 2, 2, tzinfo=timezone.utc)
TRAINED_HOURS = 672
HOUR = timedelta(hours=1)


def prepare(reference: Floats) -> Profile:
    """Bins and profile of a reference, shape (rows, features), columns contiguous."""
    return _profile(_layout([f"f{place:02d}" for place in range(reference.shape[1])], reference), reference)


def statistics(prepared: Profile, window: Floats) -> Any:
    """All numeric statistics of every feature of a window, columns contiguous, against a prepared reference."""
    return measures(prepared, _profile(prepared.layout, window))


def install(folder: Path) -> None:
    """The baseline of `folder/reference.npy`, as the pipeline's evaluate step makes it."""
    reference = np.asfortranarray(np.load(folder / "reference.npy"))
    names = json.loads((folder / "features.json").read_text(encoding="utf-8"))
    body = json.dumps(_baseline(names, reference).to_json())
    (folder / "baseline.json").write_text(body, encoding="utf-8")


def report(folder: Path) -> Any:
    """The finished report of every capture file below `folder/capture`, as the observe function makes it."""
    baseline = _installed(folder)
    reading = Reading(champion=PACKAGE, schema=baseline.schema, layout=baseline.layout)
    gathering = Gathering()
    for path in _files(folder):
        at = datetime.strptime("/".join(path.parts[-5:-1]), "%Y/%m/%d/%H").replace(tzinfo=timezone.utc)
        with path.open("rb") as lines:
            gathering.add(read_file(lines, str(path), at, reading).parts)
    return _judged(baseline, [part.hour for part in gathering.merged()])


def stages(folder: Path) -> Mapping[str, float]:
    """Seconds that `report` spends on each stage; decoding includes the numbers' own."""
    baseline = _installed(folder)
    spent = dict.fromkeys(("read", "decode", "sort", "statistics"), 0.0)
    start = time.perf_counter()
    texts = [path.read_bytes() for path in _files(folder)]
    spent["read"] = time.perf_counter() - start
    start = time.perf_counter()
    traffic = [
        rows
        for text in texts
        for rows, _ in read_blocks(text.splitlines(keepends=True), "bench", baseline.schema)
    ]
    spent["decode"] = time.perf_counter() - start
    start = time.perf_counter()
    for rows in traffic:
        for values in rows.columns.values():
            np.sort(values)
    spent["sort"] = time.perf_counter() - start
    del texts, traffic
    start = time.perf_counter()
    report(folder)
    spent["statistics"] = time.perf_counter() - start - sum(spent.values())
    return spent


def write_profiles(reference: Floats, hours: NDArray[np.float64], folder: Path) -> Sequence[Path]:
    """The baseline, and one observed hour a file, hours of shape (hours, rows, features)."""
    names = [f"f{place:02d}" for place in range(reference.shape[1])]
    baseline = _baseline(names, reference)
    (folder / "baseline.json").write_text(json.dumps(baseline.to_json()), encoding="utf-8")
    start = TRAINED_FROM + TRAINED_HOURS * HOUR
    paths = []
    for number, rows in enumerate(hours):
        window = _profile(baseline.layout, np.asfortranarray(rows))
        hour = Hour(start=start + number * HOUR, profile=window, predictions=Predictions.merge([]))
        paths.append(folder / f"hour-{number:03d}.json")
        paths[-1].write_text(json.dumps(hour.to_json(), separators=(",", ":")), encoding="utf-8")
    return paths


def merge_and_judge(files: Sequence[Path]) -> Any:
    """Read stored hours, merge them, judge the drift of the whole against the baseline.

    The function holds the baseline in memory while its champion stays; here it is read each time.
    """
    baseline = _installed(files[0].parent)
    hours = [Hour.from_json(json.loads(path.read_text(encoding="utf-8")), baseline.layout) for path in files]
    policy = DriftPolicy(min_rows=sum(hour.rows for hour in hours))
    windows = drift_windows(hours, policy, hours[-1].start + HOUR)
    return drift_of(baseline, first_standing(baseline), windows, policy)


def _layout(names: Sequence[str], reference: Floats) -> Layout:
    return Layout(features=tuple(Numeric.of(name, reference[:, place]) for place, name in enumerate(names)))


def _profile(layout: Layout, values: Floats) -> Profile:
    columns = {name: values[:, place] for place, name in enumerate(layout.names) if place < values.shape[1]}
    return profile(layout, Rows(keys=[str(row) for row in range(len(values))], columns=columns))


def _baseline(names: Sequence[str], reference: Floats) -> Baseline:
    inputs = _layout(names, reference)
    scores = np.random.default_rng(1).random(len(reference))
    layout = Layout(features=(*inputs.features, Numeric.of(SCORE, scores, Role.OUTPUT)))
    first = int((TRAINED_FROM - EPOCH) / HOUR)
    parts = np.array_split(np.arange(len(reference)), TRAINED_HOURS)
    trained = [
        (first + hour, _profile(layout, np.asfortranarray(reference[rows])))
        for hour, rows in enumerate(parts)
        if rows.size
    ]
    answered = [
        (first, profile(layout, Rows(keys=[str(n) for n in range(len(scores))], columns={SCORE: scores})))
    ]
    window = (TRAINED_FROM.isoformat(), (TRAINED_FROM + TRAINED_HOURS * HOUR).isoformat())
    return make_baseline(trained, answered, Champion(metrics={"log_loss": 0.5}, window=window))


def _installed(folder: Path) -> Baseline:
    return Baseline.from_json(json.loads((folder / "baseline.json").read_text(encoding="utf-8")))


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted((folder / "capture").rglob("*.jsonl")))


def _judged(baseline: Baseline, hours: Sequence[Hour]) -> Any:
    policy, now = ObservePolicy(), hours[-1].start + HOUR
    standing = advance(baseline, first_standing(baseline), hours, policy.drift)
    judgement = judge(baseline, standing, hours, Outcomes.merge([]), policy, now)
    found = Report(
        endpoint="bench",
        champion=PACKAGE,
        at=now,
        signals=judgement.signals,
        measures=judgement.measures,
        performance=judgement.performance,
    )
    return found.to_json(), monitor_statistics(hours[-1].profile), violations(found.signals)
