"""Serving code of the flights model: the hooks of SageMaker's XGBoost framework image.

It stands alone: it travels inside the model's archive and imports nothing of the project. A request is
CSV, one flight a row, the columns in the order of the encoder. The answer names the model package that
gave it, since captured traffic says so nowhere else.
"""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import xgboost as xgb

PACKAGE = os.environ.get("SELFHEAL_MODEL_PACKAGE", "unregistered")
# Probabilities nearer to 0 or 1 than this have no logit worth the name; the calibration was fitted on such.
CLIP = 1e-7


class Model:
    """A booster with the encoder that it was trained with, and the calibration of its scores."""

    def __init__(self, folder: Path) -> None:
        self.booster = xgb.Booster()
        self.booster.load_model(folder / "model.ubj")
        self.booster.set_param({"nthread": 1})
        encoder = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        self.features = encoder["features"]
        # One entry a column: the place of each category, or None for a number.
        self.places: list[dict[str, float] | None] = [
            {value: float(place) for place, value in enumerate(encoder["categories"][name])}
            if name in encoder["categories"]
            else None
            for name in self.features
        ]
        # Recalibration replaces this file, and nothing else of the archive.
        calibration = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
        self.slope, self.intercept = float(calibration["slope"]), float(calibration["intercept"])

    def calibrate(self, scores: np.ndarray) -> np.ndarray:
        """What the booster's scores mean: a straight line between the logits of both, which keeps their order."""
        if (self.slope, self.intercept) == (1.0, 0.0):
            return scores  # to the logit and back would move the last digits
        p = np.clip(np.asarray(scores, dtype=np.float64), CLIP, 1 - CLIP)
        return 1 / (1 + np.exp(-(self.slope * np.log(p / (1 - p)) + self.intercept)))

    def encode(self, rows: list[list[str]]) -> np.ndarray:
        """Rows of text → numbers, shape (rows, features); what is missing or unseen is NaN."""
        return np.array(
            [
                [self._number(text, places) for text, places in zip(row, self.places, strict=True)]
                for row in rows
            ]
        )

    @staticmethod
    def _number(text: str, places: dict[str, float] | None) -> float:
        if places is not None:
            return places.get(text, np.nan)
        if "_" in text:
            return np.nan  # Python would read 1_000 as a number, and training would not
        try:
            return float(text)
        except ValueError:
            return np.nan


def model_fn(model_dir: str) -> Model:
    """Load the model; called once."""
    return Model(Path(model_dir))


def input_fn(body: bytes | str, content_type: str) -> list[list[str]]:
    """Rows of a CSV request. Raises ValueError, which the image answers with an error, for anything else."""
    if content_type.split(";")[0].strip() != "text/csv":
        raise ValueError(f"content type {content_type!r} is not text/csv")
    text = body.decode("utf-8") if isinstance(body, bytes) else body
    return [row for row in csv.reader(io.StringIO(text, newline="")) if row]


def predict_fn(rows: list[list[str]], model: Model) -> np.ndarray:
    """Probability that each flight arrives more than 15 minutes late."""
    width = len(model.features)
    for row in rows:
        if len(row) != width:
            raise ValueError(f"a row has {len(row)} columns instead of {width}: {', '.join(model.features)}")
    return model.calibrate(model.booster.inplace_predict(model.encode(rows), validate_features=False))


def output_fn(scores: np.ndarray, _accept: str) -> tuple[str, str]:
    """The answer: a score a row, and the package that gave it."""
    predictions = [{"score": round(float(score), 6)} for score in scores]
    return json.dumps({"model_package": PACKAGE, "predictions": predictions}), "application/json"
