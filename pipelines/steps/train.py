"""Train the challenger: XGBoost in SageMaker's script mode.

Reads SM_CHANNEL_TRAIN/train.csv, writes the model, its encoder and the serving code into SM_MODEL_DIR.
Every few rounds a checkpoint goes to /opt/ml/checkpoints; a job that spot capacity interrupted goes on
from the last one and gives the same model as an uninterrupted run, since each round draws its random
numbers from its own number.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

from pipelines.steps.workload import Workload
from selfheal.remediate.recalibration import LogitMap

ROOT = Path(__file__).resolve().parents[2]

CHECKPOINT_ROUNDS = 25


def main() -> None:
    arguments = parse(sys.argv[1:])
    workload = Workload.load(ROOT)
    rows = pd.read_csv(Path(arguments.train) / "train.csv", dtype=str, keep_default_na=False)
    encoder = make_encoder(rows, workload)
    matrix = xgb.DMatrix(
        encode(rows, encoder), label=rows[workload.label].astype(float), feature_names=workload.names
    )
    booster = fit(matrix, arguments, Path(arguments.checkpoints))
    save(booster, encoder, workload, Path(arguments.model_dir))


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--max_depth", type=int, default=6)
    parser.add_argument("--eta", type=float, default=0.3)
    parser.add_argument("--subsample", type=float, default=1.0)
    parser.add_argument("--colsample_bytree", type=float, default=1.0)
    parser.add_argument("--min_child_weight", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=20130101)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN", "/opt/ml/input/data/train"))
    parser.add_argument("--model_dir", default=os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
    # SageMaker mounts checkpoints where the job's CheckpointConfig says, and names it in no variable.
    parser.add_argument(
        "--checkpoints", default=os.environ.get("SELFHEAL_CHECKPOINTS", "/opt/ml/checkpoints")
    )
    return parser.parse_args(argv)


def device() -> str:
    """The GPU where the instance has one (SM_NUM_GPUS), else the CPU."""
    return "cuda" if int(os.environ.get("SM_NUM_GPUS", "0")) > 0 else "cpu"


def make_encoder(rows: pd.DataFrame, workload: Workload) -> dict[str, object]:
    """What serving needs to turn a payload's text into the model's numbers."""
    categories = {name: sorted(set(rows[name]) - {""}) for name in workload.categorical}
    return {"features": workload.names, "categories": categories}


def encode(rows: pd.DataFrame, encoder: dict[str, object]) -> np.ndarray:
    """Numbers as they are, categories by their place; what is missing or unseen is NaN, shape (rows, features)."""
    features, categories = encoder["features"], encoder["categories"]
    assert isinstance(features, list)
    assert isinstance(categories, dict)
    columns = []
    for name in features:
        if name in categories:
            places = {value: float(place) for place, value in enumerate(categories[name])}
            columns.append(rows[name].map(places).to_numpy(dtype=float))
        else:
            columns.append(pd.to_numeric(rows[name].replace("", None), errors="coerce").to_numpy(dtype=float))
    return np.column_stack(columns)


def fit(matrix: xgb.DMatrix, arguments: argparse.Namespace, checkpoints: Path) -> xgb.Booster:
    """Boost up to the wanted number of rounds, from the last checkpoint where there is one."""
    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "device": device(),
        "max_depth": arguments.max_depth,
        "eta": arguments.eta,
        "subsample": arguments.subsample,
        "colsample_bytree": arguments.colsample_bytree,
        "min_child_weight": arguments.min_child_weight,
        "seed": arguments.seed,
        "seed_per_iteration": True,
    }
    checkpoints.mkdir(parents=True, exist_ok=True)
    booster, done = last_checkpoint(checkpoints)
    while done < arguments.rounds:
        step = min(CHECKPOINT_ROUNDS, arguments.rounds - done)
        booster = xgb.train(parameters, matrix, num_boost_round=step, xgb_model=booster)
        done += step
        # Under another name first: an interruption in the middle of a write must not leave half a model.
        booster.save_model(checkpoints / "writing.ubj")
        (checkpoints / "writing.ubj").replace(checkpoints / f"round-{done:06d}.ubj")
        print(f"round {done} of {arguments.rounds} on {parameters['device']}", flush=True)  # noqa: T201
    assert booster is not None
    return booster


def last_checkpoint(checkpoints: Path) -> tuple[xgb.Booster | None, int]:
    """The latest checkpoint and its round, or (None, 0)."""
    found = sorted(checkpoints.glob("round-*.ubj"))
    if not found:
        return None, 0
    booster = xgb.Booster()
    booster.load_model(found[-1])
    return booster, int(found[-1].stem.split("-")[1])


def save(booster: xgb.Booster, encoder: dict[str, object], workload: Workload, target: Path) -> None:
    """The model in a format that executes nothing, what it relies on, its encoder, a calibration that changes nothing
    yet, and the serving code that applies it."""
    (target / "code").mkdir(parents=True, exist_ok=True)
    booster.save_model(target / "model.ubj")
    (target / "encoder.json").write_text(json.dumps(encoder, sort_keys=True), encoding="utf-8")
    calibration = json.dumps(LogitMap().to_json(), sort_keys=True)
    (target / "calibration.json").write_text(calibration, encoding="utf-8")
    shares = importance(booster, workload.names)
    (target / "importance.json").write_text(json.dumps(shares, sort_keys=True), encoding="utf-8")
    shutil.copyfile(ROOT / workload.code / "inference.py", target / "code" / "inference.py")


def importance(booster: xgb.Booster, names: list[str]) -> dict[str, float]:
    """What each feature contributes: its share of the gain in loss of all splits, summing to one.

    The total and not the mean gain: what the model relies on is also how often it asks. A model that never
    splits relies on nothing, and all shares are 0.
    """
    gains = {
        name: float(np.sum(gain)) for name, gain in booster.get_score(importance_type="total_gain").items()
    }
    total = sum(gains.values())
    return {name: gains.get(name, 0.0) / total if total > 0 else 0.0 for name in names}


if __name__ == "__main__":
    main()
