"""Replay: a previous champion and the one that serves, on the newest labelled requests.

    python3 -m pipelines.steps.replay INPUT OUTPUT

Reads INPUT/request/{champion,previous}/model.tar.gz and INPUT/holdout/holdout.csv, whose rows neither of them was
trained on; writes OUTPUT/replay/replay.json.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.steps.archive import ArchivedModel
from pipelines.steps.evaluate import holdout_metrics, write
from pipelines.steps.workload import Workload
from selfheal.remediate.gate import judge_challenger


def main(source: Path, target: Path) -> None:
    workload = Workload.load()
    holdout = pd.read_csv(source / "holdout" / "holdout.csv", dtype=str, keep_default_na=False)
    labels = holdout[workload.label].to_numpy(dtype=np.float64)
    rows = holdout[workload.names].to_numpy().tolist()
    with tempfile.TemporaryDirectory() as scratch:
        previous, champion = (
            ArchivedModel(source / "request" / name / "model.tar.gz", Path(scratch) / name).score(rows)
            for name in ("previous", "champion")
        )
    report = judge_challenger(labels, previous, champion, workload.gate)
    replay = {
        "gate": report.to_json(),
        "metrics": {
            "previous": holdout_metrics(labels, previous),
            "champion": holdout_metrics(labels, champion),
        },
    }
    write(target / "replay", {"replay": replay})
    print(json.dumps(replay, sort_keys=True))  # noqa: T201 - a job speaks through its log


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
