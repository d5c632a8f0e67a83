"""Floats, and capture files that hold them, from a seed.

A record is what SageMaker writes for one request of one row: a CSV payload, and the JSON answer of the
template's serving code. A file holds 2,000 of them; all belong to one hour.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FEATURES = 50
RECORDS_PER_FILE = 2_000
NAMES = [f"f{place:02d}" for place in range(FEATURES)]
HOUR = "2026-03-02/10"
SHIFTED = 0.1  # sd, in every tenth feature of a window, so that there is something to report


def floats(rows: int, seed: int, *, shifted: bool) -> NDArray[np.float64]:
    """Normal, lognormal and exponential columns in turn, shape (rows, 50), each column contiguous."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((FEATURES, rows))
    if shifted:
        values[::10] += SHIFTED
    values[1::3] = np.exp(values[1::3])
    values[2::3] = np.abs(values[2::3])
    return values.T


def write_folder(folder: Path, records: int, reference_rows: int, seed: int) -> None:
    """`reference.npy`, `features.json`, and so many records below `capture/`, chunk by chunk."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "reference.npy", np.ascontiguousarray(floats(reference_rows, seed, shifted=False)))
    (folder / "features.json").write_text(json.dumps(NAMES), encoding="utf-8")
    day, hour = HOUR.split("/")
    hourly = folder / "capture" / "bench" / "AllTraffic" / day.replace("-", "/") / hour
    hourly.mkdir(parents=True)
    for number, first in enumerate(range(0, records, RECORDS_PER_FILE)):
        rows = floats(min(RECORDS_PER_FILE, records - first), seed + 1 + number, shifted=True)
        second = first * 3600 // records
        at = f"{day}T{hour}:{second // 60:02d}:{second % 60:02d}Z"
        path = hourly / f"{second // 60:02d}-{second % 60:02d}-000-{number:06d}.jsonl"
        path.write_text("".join(_lines(rows, at, seed + 1 + number)), encoding="utf-8")


def _lines(rows: NDArray[np.float64], at: str, seed: int) -> Iterator[str]:
    """Capture lines with the spacing that SageMaker gives them; JSON inside JSON, so quotes are escaped."""
    rng = np.random.default_rng(seed)
    scores, keys = rng.random(len(rows)), rng.bytes(16 * len(rows))
    payload = ",".join(["%.6g"] * rows.shape[1])
    package = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/bench/1"
    for place, (row, score) in enumerate(zip(rows.tolist(), scores.tolist(), strict=True)):
        key = uuid.UUID(bytes=keys[16 * place : 16 * place + 16], version=4)
        answer = json.dumps(
            json.dumps({"model_package": package, "predictions": [{"score": round(score, 6)}]})
        )
        yield (
            '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"'
            f'{payload % tuple(row)}","encoding":"CSV"}},"endpointOutput":{{"observedContentType":'
            f'"application/json","mode":"OUTPUT","data":{answer},"encoding":"JSON"}}}},'
            f'"eventMetadata":{{"eventId":"{key}","inferenceTime":"{at}"}},"eventVersion":"0"}}\n'
        )
