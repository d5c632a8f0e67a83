"""Evaluate the challenger beside the champion, and write everything that its package must carry.

    python3 -m pipelines.steps.evaluate INPUT OUTPUT

Reads INPUT/{request,train,holdout,model}, writes OUTPUT/evaluation/{evaluation,baseline,statistics,
constraints,metrics}.json.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.steps.archive import ArchivedModel
from pipelines.steps.workload import Workload
from selfheal.observe.baseline import Baseline, Feature, NumericBins, Sample, Values
from selfheal.observe.monitor_files import constraints, statistics
from selfheal.observe.scoring import log_loss, roc_auc
from selfheal.remediate.gate import judge_challenger

Scores = NDArray[np.float64]


def main(source: Path, target: Path) -> None:
    workload = Workload.load()
    manifest = json.loads((source / "train" / "manifest.json").read_text(encoding="utf-8"))
    holdout = pd.read_csv(source / "holdout" / "holdout.csv", dtype=str, keep_default_na=False)
    labels = holdout[workload.label].to_numpy(dtype=np.float64)
    rows = holdout[workload.names].to_numpy().tolist()
    with tempfile.TemporaryDirectory() as scratch:
        challenger = ArchivedModel(source / "model" / "model.tar.gz", Path(scratch) / "challenger")
        scores = challenger.score(rows)
        champion = champion_scores(source / "request" / "champion" / "model.tar.gz", Path(scratch), rows)
    report = judge_challenger(labels, scores, champion, workload.gate)
    metrics = measure(labels, scores)
    baseline = make_baseline(source / "train" / "train.csv", workload, metrics, manifest)
    evaluation = {
        "gate": report.to_json(),
        "artifact": {"sha256": challenger.sha256},
        "window": manifest["window"],
        "holdout": manifest["holdout"],
        "metrics": {
            "challenger": metrics,
            "champion": None if champion is None else measure(labels, champion),
        },
    }
    write(
        target / "evaluation",
        {
            "evaluation": evaluation,
            "baseline": baseline.to_json(),
            "statistics": statistics(baseline.features, baseline.profile),
            "constraints": constraints(baseline, workload.observe),
            "metrics": model_quality(metrics),
        },
    )
    print(json.dumps(evaluation, sort_keys=True))  # noqa: T201 - a job speaks through its log


def champion_scores(archive: Path, scratch: Path, rows: list[list[str]]) -> Scores | None:
    """The champion's scores of the same rows; None where there is no champion yet."""
    return ArchivedModel(archive, scratch / "champion").score(rows) if archive.is_file() else None


def measure(labels: Scores, scores: Scores) -> dict[str, float]:
    """Metrics on the holdout. A holdout of one class has no AUC."""
    metrics: dict[str, float] = {"log_loss": log_loss(scores, labels).value, "rows": len(labels)}
    if 0 < labels.sum() < len(labels):
        metrics["auc"] = roc_auc(scores, labels).value
    return metrics


def make_baseline(
    train: Path, workload: Workload, metrics: dict[str, float], manifest: dict[str, Any]
) -> Baseline:
    """The profile of the training data, and the challenger's metrics on the holdout."""
    rows = pd.read_csv(train, dtype=str, keep_default_na=False)
    columns: dict[str, Values] = {}
    for name in workload.names:
        if name in workload.categorical:
            columns[name] = [value or None for value in rows[name]]
        else:
            columns[name] = pd.to_numeric(rows[name].replace("", None), errors="coerce").to_numpy(
                dtype=np.float64
            )
    features = tuple(
        Feature(
            name,
            None if name in workload.categorical else NumericBins.of(np.asarray(columns[name], dtype=float)),
        )
        for name in workload.names
    )
    window = (manifest["window"]["start"], manifest["window"]["end"])
    return Baseline(
        features=features, profile=Sample(columns=columns).profile(features), metrics=metrics, window=window
    )


def model_quality(metrics: dict[str, float]) -> dict[str, Any]:
    """Metrics in the form of Model Monitor's model quality statistics, which Studio shows."""
    body = {
        name: {"value": value, "standard_deviation": "NaN"}
        for name, value in metrics.items()
        if name != "rows"
    }
    return {"binary_classification_metrics": body}


def write(folder: Path, files: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (folder / f"{name}.json").write_text(json.dumps(body, sort_keys=True), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
