"""Metrics of the decided class: accuracy, precision, recall, F1.

With M[k, j] rows of class k that were decided as j, of n rows:

accuracy    sum_k M[k, k] / n
recall_k    M[k, k] / sum_j M[k, j]
precision_k M[k, k] / sum_j M[j, k]
F1_k        2 M[k, k] / (sum_j M[k, j] + sum_j M[j, k])

Each ratio A / B has the influence n (A_i - ratio * B_i) / B. A row enters through its cell (k, j) alone, so
the influence is a table of classes by classes. F1 is 2q / (1 + q) of the share q of hits among the rows that
are of the class or decided as it; its number of trials at the ends, B^2 / (2 (B - hits)), makes Wilson's
interval of F1 the image of Wilson's interval of q.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.performance.metrics.estimate import Floats, Functional, UndefinedMetricError

Classes = NDArray[np.intp]


class Ratio(str, Enum):
    """A share of hits: among decided, among actual, or among both."""

    PRECISION = "precision"
    RECALL = "recall"
    F1 = "f1"


def decide(probabilities: Floats) -> Classes:
    """The most probable class, shape (rows,). Of two classes, class 1 from 0.5 on; else the first of equals."""
    if probabilities.shape[1] == 2:
        return (probabilities[:, 1] >= 0.5).astype(np.intp)
    most_probable: Classes = probabilities.argmax(axis=1)
    return most_probable


def cross(decided: Classes, weights: Floats) -> Floats:
    """M[k, j]: expected rows of class k decided as j, shape (classes, classes)."""
    classes = weights.shape[1]
    return np.array([np.bincount(decided, column, minlength=classes) for column in weights.T])


def accuracy(decided: Classes, weights: Floats) -> Functional:
    """Share of rows decided right; the weights are of shape (rows, classes)."""
    rows = len(decided)
    hit = np.zeros_like(weights)
    hit[np.arange(rows), decided] = 1.0
    value = float(np.einsum("ij,ij->", hit, weights)) / rows
    return Functional(value=value, influence=hit - value, trials=float(rows))


def ratio_of(kind: Ratio, label: int, decided: Classes, weights: Floats) -> Functional:
    """The ratio of one class; raises UndefinedMetricError where its denominator is zero."""
    counts = cross(decided, weights)
    value, table, trials = _ratio(kind, label, counts)
    if trials == 0:
        raise UndefinedMetricError(
            f"{kind.value} needs rows "
            + {
                Ratio.PRECISION: f"decided as class {label}",
                Ratio.RECALL: f"of class {label}",
                Ratio.F1: f"of class {label} or decided as it",
            }[kind]
        )
    return Functional(value=value, influence=table.T[decided], trials=trials)


def macro(kind: Ratio, decided: Classes, weights: Floats) -> Functional:
    """The mean of the classes' ratios, over the classes that have rows.

    A class that was never decided has precision 0 (scikit-learn's `zero_division=0`); that convention is
    exact, so it adds nothing to the error.
    """
    counts = cross(decided, weights)
    present: Sequence[int] = np.flatnonzero(counts.sum(axis=1) > 0).tolist()
    parts = [_ratio(kind, label, counts) for label in present]
    value = float(np.mean([part[0] for part in parts]))
    table = np.mean([part[1] for part in parts], axis=0)
    # The variance of a mean of K shares of equal size is the mean of theirs, over K.
    trials = len(parts) ** 2 / sum(1 / max(part[2], 1.0) for part in parts)
    return Functional(value=value, influence=table.T[decided], trials=trials)


def _ratio(kind: Ratio, label: int, counts: Floats) -> tuple[float, Floats, float]:
    """Value, influence by cell, and the trials at the ends; zeros where the denominator is zero."""
    actual, decided, hits = counts[label].sum(), counts[:, label].sum(), counts[label, label]
    of_class, as_class = np.zeros_like(counts), np.zeros_like(counts)
    of_class[label], as_class[:, label] = 1.0, 1.0
    hit = of_class * as_class
    top, bottom, part, whole, trials = {
        Ratio.PRECISION: (hits, decided, hit, as_class, decided),
        Ratio.RECALL: (hits, actual, hit, of_class, actual),
        Ratio.F1: (
            2 * hits,
            actual + decided,
            2 * hit,
            of_class + as_class,
            (actual + decided) ** 2 / max(2 * (actual + decided - hits), 1e-300),
        ),
    }[kind]
    if bottom <= 0:
        return 0.0, np.zeros_like(counts), 0.0
    value = min(1.0, float(top / bottom))
    return value, counts.sum() * (part - value * whole) / bottom, float(trials)
