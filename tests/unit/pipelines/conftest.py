"""A small workload whose steps really run: one number, one category, a label that both explain."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
import tarfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from selfheal.settings import job_settings
from selfheal.settings_file import load

ROOT = Path(__file__).parents[3]
START = datetime(2013, 1, 1, tzinfo=timezone.utc)
HOURS = 24 * 40
SETTINGS = {
    "name": "small",
    "workload": {
        "code": "workloads/flights",
        "seed": "seed.csv.gz",
        "label": "late",
        "timestamp": "at",
        "features": [{"name": "x", "kind": "numeric"}, {"name": "c", "kind": "categorical"}],
    },
    "training": {"max_wait_minutes": 120, "holdout_days": 7},
    "gate": {"min_holdout_rows": 100, "resamples": 100},
}


def rows(hours=HOURS, seed=1, start=START):
    """One labelled row an hour, as text; some values are missing."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=hours)
    c = generator.choice(["a", "b", "c"], size=hours)
    chance = 1 / (1 + np.exp(-(2 * x + np.where(c == "a", 1.5, -1.0))))
    return pd.DataFrame(
        {
            "at": [(start + timedelta(hours=hour)).isoformat() for hour in range(hours)],
            "x": [f"{value:.4f}" if n % 50 else "" for n, value in enumerate(x)],
            "c": [value if n % 60 else "" for n, value in enumerate(c)],
            "late": (generator.random(hours) < chance).astype(int).astype(str),
        }
    )


class Bundle:
    """The source bundle as a job unpacks it, and folders under the /opt/ml contract."""

    def __init__(self, folder):
        self.folder = folder

    def work(self, name):
        """A fresh folder of inputs with a seed and a request in it."""
        source = self.folder / name / "input"
        for part in ("seed", "request", "capture", "labels", "quarantine"):
            (source / part).mkdir(parents=True)
        return source

    @staticmethod
    def seed(source, frame, name="seed.csv.gz"):
        body = frame.to_csv(index=False).encode()
        (source / "seed" / name).write_bytes(gzip.compress(body) if name.endswith(".gz") else body)

    @staticmethod
    def request(source, end=START + timedelta(hours=HOURS), trained_to=None):
        body = {
            "incident": "i1",
            "window_end": end.isoformat(),
            "champion": None,
            "champion_trained_to": trained_to.isoformat() if trained_to else None,
        }
        (source / "request" / "request.json").write_text(json.dumps(body), encoding="utf-8")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    settings = folder / "selfheal.yaml"
    settings.write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    ignore = shutil.ignore_patterns("__pycache__", "*.gz")
    for part in ("selfheal", "pipelines", "workloads"):
        shutil.copytree(ROOT / part, folder / part, ignore=ignore)
    (folder / "workload.json").write_text(job_settings(load(settings)), encoding="utf-8")
    return Bundle(folder)


@pytest.fixture
def inside(bundle, monkeypatch):
    """A job's working folder."""
    monkeypatch.chdir(bundle.folder)
    return bundle


@pytest.fixture(scope="session")
def trainer(bundle):
    """The training step in this process: data folder → archive, as SageMaker packs the model folder."""
    from pipelines.steps import train

    def run(data, target, *arguments, checkpoints=None):
        patch = pytest.MonkeyPatch()
        model = target / "model"
        patch.setattr(train, "ROOT", bundle.folder)
        command = ["train.py", "--train", str(data), "--model_dir", str(model), *map(str, arguments)]
        patch.setattr(sys, "argv", [*command, "--checkpoints", str(checkpoints or target / "checkpoints")])
        try:
            train.main()
        finally:
            patch.undo()
        archive = target / "model.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            for path in sorted(model.rglob("*")):
                tar.add(path, path.relative_to(model), recursive=False)
        return archive

    return run
