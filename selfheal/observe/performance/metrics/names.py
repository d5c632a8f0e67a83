"""What a model answers, and the names of the metrics that judge it. Readers need no numerical library."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Task(str, Enum):
    """What a model answers: a probability of class 1, one of each class, or a value."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


METRICS: Mapping[Task, tuple[str, ...]] = {
    Task.BINARY: ("accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier"),
    Task.MULTICLASS: (
        "accuracy",
        "macro_precision",
        "macro_recall",
        "macro_f1",
        "macro_auc",
        "log_loss",
        "brier",
    ),
    Task.REGRESSION: ("rmse", "mae", "r2"),
}

# Proper scores see a model that is right about the order and wrong about how sure it is.
DEFAULT_METRIC: Mapping[Task, str] = {
    Task.BINARY: "log_loss",
    Task.MULTICLASS: "log_loss",
    Task.REGRESSION: "rmse",
}

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae"})

KNOWN_METRICS = tuple(sorted({name for names in METRICS.values() for name in names}))
