"""Evaluate the challenger beside the champion, and write everything that its package must carry.

    python3 -m pipelines.steps.evaluate INPUT OUTPUT

Reads INPUT/{request,train,holdout,model}, writes OUTPUT/evaluation/{evaluation,baseline,statistics,
constraints,metrics,golden}.json, and importance.json where the challenger's archive has it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.steps.archive import ArchivedModel
from pipelines.steps.baseline import baseline_of
from pipelines.steps.golden import golden_set
from pipelines.steps.workload import Workload
from selfheal.observe.performance.metrics.measure import measure, names_and_values, usable
from selfheal.observe.performance.metrics.model_quality import confusion_matrix, model_quality
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.quality.monitor_files import constraints, statistics
from selfheal.remediate.gate import judge_challenger

Scores = NDArray[np.float64]


def main(source: Path, target: Path) -> None:
    workload = Workload.load()
    manifest = json.loads((source / "train" / "manifest.json").read_text(encoding="utf-8"))
    holdout = pd.read_csv(source / "holdout" / "holdout.csv", dtype=str, keep_default_na=False)
    labels = holdout[workload.label].to_numpy(dtype=np.float64)
    rows = holdout[workload.names].to_numpy().tolist()
    train = pd.read_csv(source / "train" / "train.csv", dtype=str, keep_default_na=False)
    with tempfile.TemporaryDirectory() as scratch:
        challenger = ArchivedModel(source / "model" / "model.tar.gz", Path(scratch) / "challenger")
        scores = challenger.score(rows)
        golden = golden_set(train, workload, challenger.score)
        champion = champion_scores(source / "request" / "champion" / "model.tar.gz", Path(scratch), rows)
    report = judge_challenger(labels, scores, champion, workload.gate)
    metrics = holdout_metrics(labels, scores)
    baseline = baseline_of(train, holdout, scores, workload, metrics)
    evaluation = {
        "gate": report.to_json(),
        "artifact": {"sha256": challenger.sha256},
        # The package carries it, so that whoever asks the set again knows that it is the one of today.
        "golden": {"sha256": hashlib.sha256(text_of(golden.to_json()).encode()).hexdigest()},
        "window": manifest["window"],
        "holdout": manifest["holdout"],
        "metrics": {
            "challenger": metrics,
            "champion": None if champion is None else holdout_metrics(labels, champion),
        },
    }
    write(
        target / "evaluation",
        {
            "evaluation": evaluation,
            "baseline": baseline.to_json(),
            "statistics": statistics(baseline.profile),
            "constraints": constraints(baseline, workload.observe),
            "metrics": holdout_quality(labels, scores),
            "golden": golden.to_json(),
            **({} if challenger.importance is None else {"importance": challenger.importance}),
        },
    )
    print(json.dumps(evaluation, sort_keys=True))  # noqa: T201 - a job speaks through its log


def champion_scores(archive: Path, scratch: Path, rows: list[list[str]]) -> Scores | None:
    """The champion's scores of the same rows; None where there is no champion yet."""
    return ArchivedModel(archive, scratch / "champion").score(rows) if archive.is_file() else None


def holdout_metrics(labels: Scores, scores: Scores) -> dict[str, float]:
    """Every metric that the holdout defines, with its standard error as `<name>_error`, and the rows."""
    good = usable(Task.BINARY, scores, labels)
    return dict(names_and_values(measure(Task.BINARY, scores[good], labels[good])))


def holdout_quality(labels: Scores, scores: Scores) -> dict[str, Any]:
    """Metrics in the form of Model Monitor's model quality statistics, which Studio shows."""
    good = usable(Task.BINARY, scores, labels)
    scores, labels = scores[good], labels[good]
    return model_quality(measure(Task.BINARY, scores, labels), confusion_matrix(Task.BINARY, scores, labels))


def write(folder: Path, files: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (folder / f"{name}.json").write_text(text_of(body), encoding="utf-8")


def text_of(body: Any) -> str:
    return json.dumps(body, sort_keys=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
