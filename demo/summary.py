"""The summary: computed from what happened, and from nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from sklearn.metrics import log_loss, roc_auc_score

from demo.chronicle import IncidentRecord
from demo.traffic import Answer
from pipelines.steps.archive import ArchivedModel


def quality(answers: Sequence[Answer], first_champion: bytes) -> dict[str, dict[str, float]]:
    """The healed service beside the first champion, had it never been replaced, on the same flights.

    Flights count that were answered and that arrived. scikit-learn is the referee, not our own metrics.
    """
    scored = [a for a in answers if a.score is not None and a.flight.late is not None]
    labels = np.array([a.flight.late for a in scored])
    healed = np.array([a.score for a in scored])
    return {
        "healed": _measure(labels, healed),
        "never_replaced": _measure(labels, rescore(first_champion, scored)),
    }


def rescore(archive: bytes, answers: Sequence[Answer]) -> np.ndarray:
    """What a model, through its own serving code, says about flights that others answered."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tar.gz"
        path.write_bytes(archive)
        model = ArchivedModel(path, Path(folder) / "model")
        return model.score([answer.flight.payload.split(",") for answer in answers])


def champions(answers: Sequence[Answer], releases: Sequence[tuple[datetime, str]]) -> list[dict[str, Any]]:
    """Each package that served as champion, with its AUC on the flights that it answered itself."""
    rows = []
    for released_at, package in releases:
        own = [
            a for a in answers if a.package == package and a.score is not None and a.flight.late is not None
        ]
        labels = [a.flight.late for a in own]
        area = float(roc_auc_score(labels, [a.score for a in own])) if len(set(labels)) == 2 else None
        rows.append(
            {
                "model_package": package,
                "released_at": released_at.isoformat(),
                "auc": area,
                "flights": len(own),
            }
        )
    return rows


def incident_json(incident: IncidentRecord) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in asdict(incident).items()
    }


def show(console: Console, summary: dict[str, Any]) -> None:
    """Print the summary for people."""
    console.print(_incidents(summary["incidents"]))
    console.print(_champions(summary["champions"]))
    both = summary["quality"]
    table = _table("Quality on the same flights")
    for column in ("", "AUC", "log loss"):
        table.add_column(column, justify="left" if not column else "right")
    for name, title in (("healed", "healed service"), ("never_replaced", "first champion, never replaced")):
        table.add_row(title, f"{both[name]['auc']:.4f}", f"{both[name]['log_loss']:.4f}")
    console.print(table)


def _measure(labels: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    return {
        "auc": float(roc_auc_score(labels, scores)),
        "log_loss": float(log_loss(labels, scores)),
        "flights": len(labels),
    }


def _incidents(incidents: Sequence[dict[str, Any]]) -> Table:
    table = _table("Incidents")
    for column in ("opened", "signal", "cause", "remedies", "outcome"):
        table.add_column(column, no_wrap=column in ("opened", "outcome"))
    for column in ("detect", "mitigate", "verify"):
        table.add_column(column, justify="right")
    for incident in incidents:
        table.add_row(
            incident["opened_at"][5:16].replace("T", " "),
            incident["trigger"],
            incident["cause"] or "",
            ", ".join(incident["remedies"]),
            incident["outcome"],
            _span(incident["began_at"], incident["detected_at"]),
            _span(incident["detected_at"], incident["mitigated_at"]),
            _span(incident["detected_at"], incident["verified_at"]),
        )
    return table


def _champions(rows: Sequence[dict[str, Any]]) -> Table:
    table = _table("Champions")
    for column in ("package", "in service since", "flights", "AUC on them"):
        table.add_column(column, justify="right" if column in ("flights", "AUC on them") else "left")
    for row in rows:
        area = "" if row["auc"] is None else f"{row['auc']:.4f}"
        package = row["model_package"].split("model-package/")[-1]
        table.add_row(package, row["released_at"][:16].replace("T", " "), f"{row['flights']:,}", area)
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)


def _span(start: str | None, end: str | None) -> str:
    if start is None or end is None:
        return "—"
    minutes = (datetime.fromisoformat(end) - datetime.fromisoformat(start)) / timedelta(minutes=1)
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
