"""Metrics in the form of Model Monitor's model-quality statistics, which Studio shows.

`{"<task>_metrics": {"<metric>": {"value", "standard_deviation"}, "confusion_matrix": {actual: {decided: rows}}}}`

Model Monitor takes the standard deviation from five random subsets of 80 % of the rows; here it is the
metric's standard error. Names are Model Monitor's where it has the metric; its multiclass metrics weigh classes
by their rows, ours do not, so they keep their own names (`macro_recall`, never `weighted_recall`).

Source: "Model quality metrics and Amazon CloudWatch monitoring", Amazon SageMaker developer guide.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from selfheal.observe.performance.metrics.confusion import cross, decide
from selfheal.observe.performance.metrics.estimate import Estimate, Floats
from selfheal.observe.performance.metrics.measure import Measures, class_probabilities
from selfheal.observe.performance.metrics.names import Task

SECTIONS = {
    Task.BINARY: "binary_classification_metrics",
    Task.MULTICLASS: "multiclass_classification_metrics",
    Task.REGRESSION: "regression_metrics",
}


def model_quality(measures: Measures, confusion: dict[str, dict[str, int]] | None) -> dict[str, Any]:
    """The section of the task. `confusion` is that of `confusion_matrix`; None for regression."""
    body: dict[str, Any] = {name: _number(estimate) for name, estimate in measures.estimates.items()}
    rmse = measures.estimates.get("rmse")
    if rmse is not None:
        body["mse"] = _number(Estimate(rmse.value**2, 2 * rmse.value * rmse.error, rmse.rows))
    if confusion is not None:
        body["confusion_matrix"] = confusion
    return {SECTIONS[measures.task]: body}


def confusion_matrix(task: Task, values: Floats, labels: Floats) -> dict[str, dict[str, int]] | None:
    """Rows by actual and by decided class; None for regression. All rows must be `usable`."""
    if task is Task.REGRESSION:
        return None
    probabilities = class_probabilities(task, values)
    classes = probabilities.shape[1]
    counts = cross(decide(probabilities), np.eye(classes)[labels.astype(np.intp)])
    return {
        str(actual): {str(decided): int(counts[actual, decided]) for decided in range(classes)}
        for actual in range(classes)
    }


def _number(estimate: Estimate) -> dict[str, Any]:
    # Model Monitor writes the string "NaN" where it has no deviation.
    known = math.isfinite(estimate.error)
    return {"value": estimate.value, "standard_deviation": estimate.error if known else "NaN"}
