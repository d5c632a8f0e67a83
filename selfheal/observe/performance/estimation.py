"""How well the model does before the labels come, from its own calibrated probabilities.

If an answer of 0.8 is right eight times in ten, then the answers alone say what every metric will be once
the labels are in. A calibrator, fitted on the champion's holdout, turns each answer into the probability c of
each class; a metric's estimate is the metric of labels that are known with these probabilities (soft labels).

    log loss = mean of -sum_k c_k ln p_k        accuracy = mean of c_decided        …

THE ASSUMPTION: the meaning of an answer is still what it was on the holdout, P(label | answer) unchanged. The
estimate therefore sees *covariate shift* (other inputs, the same rules) and is BLIND TO CONCEPT DRIFT (the same
inputs, other rules): there it goes on promising the old quality with full confidence. It is a forecast, shown
beside the realized value as soon as that exists; it never replaces it. Even under covariate shift it needs the
answer to tell all that matters: where inputs move within one answer, P(label | answer) moves too.

The interval holds what the same number of rows would scatter once labelled (as wide as the realized metric's
own) and the calibrator's error: the holdout's share of positives in each pooled block is itself a sample,
carried through the metric's slope in c by the delta method. Which blocks pool is taken as given, and the
calibrators of several classes as independent.

Regression answers no probability, so there is no such estimate: `calibrate` gives None.

Sources: the idea of confidence-based performance estimation as in NannyML (J. Białek et al., "Estimating model
performance under covariate shift without labels", arXiv 2401.08348); B. Zadrozny, C. Elkan, "Transforming
classifier scores into accurate multiclass probability estimates", KDD 2002 (isotonic, one against the rest,
normalized); M. Ayer et al., Annals of Mathematical Statistics 26 (1955) for pooling adjacent violators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.performance.metrics.estimate import Floats, Functional
from selfheal.observe.performance.metrics.measure import (
    Measures,
    class_probabilities,
    collect,
    functionals,
    shape_of,
    usable,
)
from selfheal.observe.performance.metrics.names import Task

# Bins of a hundred rows know their share to 0.05 before pooling; a hundred bins keep the file small.
BIN_ROWS = 100
MOST_BINS = 100


class CalibrationError(ValueError):
    """A calibration that cannot be fitted or read, with the reason."""


@dataclass(frozen=True, kw_only=True)
class Calibrator:
    """From a score to a probability: non-decreasing, linear between the bins of a holdout, flat beyond them.

    Attributes:
        scores: mean score of each bin, increasing.
        rows: holdout rows of each bin.
        positives: how many of them were of the class.

    >>> sure = Calibrator.fit(np.repeat([0.1, 0.9], 100), np.repeat([0.0, 1.0, 1.0, 1.0], 50))
    >>> sure.probability(np.array([0.0, 0.5, 1.0])).round(3).tolist()
    [0.5, 0.75, 1.0]
    """

    scores: tuple[float, ...]
    rows: tuple[int, ...]
    positives: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.scores) == len(self.rows) == len(self.positives):
            raise CalibrationError("a calibrator needs one score, row count and positive count per bin")
        if not np.isfinite(self.scores).all() or (np.diff(self.scores) <= 0).any():
            raise CalibrationError("a calibrator's scores must be finite and increase")
        if not all(
            0 <= few <= many and many > 0 for few, many in zip(self.positives, self.rows, strict=True)
        ):
            raise CalibrationError("a calibrator's positives must be from 0 to the rows of their bin")

    @classmethod
    def fit(cls, scores: Floats, labels: Floats) -> Calibrator:
        """Bins of equally many rows, equal scores together. Both of shape (rows,); labels 0 or 1."""
        if not scores.size:
            raise CalibrationError("a calibrator needs labelled rows; the holdout has none")
        bins = int(np.clip(scores.size // BIN_ROWS, 1, MOST_BINS))
        # "inverted_cdf" picks scores that occur, so that ties never straddle an edge.
        edges = np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:], method="inverted_cdf"))
        place = np.searchsorted(edges, scores, side="left")
        rows = np.bincount(place, minlength=edges.size)
        means = np.bincount(place, scores, minlength=edges.size) / rows
        positives = np.bincount(place, labels, minlength=edges.size)
        return cls(
            scores=tuple(means.tolist()),
            rows=tuple(rows.tolist()),
            positives=tuple(int(count) for count in positives),
        )

    @cached_property
    def _blocks(self) -> NDArray[np.intp]:
        """The pooled block of each bin, from 0."""
        stack: list[tuple[int, int, int]] = []
        for positives, rows in zip(self.positives, self.rows, strict=True):
            last = (positives, rows, 1)
            while stack and stack[-1][0] * last[1] >= last[0] * stack[-1][1]:
                before = stack.pop()
                last = (before[0] + last[0], before[1] + last[1], before[2] + last[2])
            stack.append(last)
        return np.repeat(np.arange(len(stack)), [bins for _, _, bins in stack])

    @cached_property
    def _pooled(self) -> tuple[Floats, Floats]:
        """Rows and positives of each block."""
        starts = np.flatnonzero(np.diff(self._blocks, prepend=-1))
        rows: Floats = np.add.reduceat(np.asarray(self.rows, dtype=np.float64), starts)
        positives: Floats = np.add.reduceat(np.asarray(self.positives, dtype=np.float64), starts)
        return rows, positives

    def probability(self, scores: Floats) -> Floats:
        """The probability of the class, shape (rows,)."""
        rows, positives = self._pooled
        calibrated: Floats = np.interp(scores, self.scores, (positives / rows)[self._blocks])
        return calibrated

    def variance(self, scores: Floats, slopes: Floats) -> float:
        """The variance of a number whose derivative by each row's probability is `slopes`, shape (rows,)."""
        bins = len(self.scores)
        place = np.interp(scores, self.scores, np.arange(bins))
        left = np.floor(place).astype(np.intp)
        right = np.minimum(left + 1, bins - 1)
        part = place - left
        by_bin = np.bincount(left, slopes * (1 - part), bins) + np.bincount(right, slopes * part, bins)
        by_block = np.bincount(self._blocks, by_bin)
        rows, positives = self._pooled
        # A block of no or only positives is not certain: half a row of each kind (Jeffreys).
        share = (positives + 0.5) / (rows + 1)
        return float(np.sum(by_block**2 * share * (1 - share) / rows))


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Calibrators of a champion's answers: one for two classes, else one for each class."""

    task: Task
    calibrators: tuple[Calibrator, ...]

    def soft_labels(self, values: Floats) -> Floats:
        """The probability of each class, shape (rows, classes).

        Several classes are calibrated one by one and normalized; equal shares where all are 0.
        """
        self._require(values)
        if self.task is Task.BINARY:
            positive = self.calibrators[0].probability(values)
            return np.column_stack((1 - positive, positive))
        shares, total = self._shares(values)
        return np.where(total > 0, shares / np.where(total > 0, total, 1), 1 / len(self.calibrators))

    def variance(self, values: Floats, functional: Functional) -> float:
        """The variance of a metric that comes from the calibrators, in the metric's unit squared."""
        # To move a row from one class to another by dc moves the metric by the difference of influences / n.
        pull = functional.influence / len(values)
        if self.task is Task.BINARY:
            return self.calibrators[0].variance(values, pull[:, 1] - pull[:, 0])
        shares, total = self._shares(values)
        safe = np.where(total > 0, total, np.inf)
        slopes = (pull - (pull * shares / safe).sum(axis=1, keepdims=True)) / safe
        columns = zip(self.calibrators, values.T, slopes.T, strict=True)
        return sum(calibrator.variance(score, slope) for calibrator, score, slope in columns)

    def _shares(self, values: Floats) -> tuple[Floats, Floats]:
        columns = zip(self.calibrators, values.T, strict=True)
        shares = np.column_stack([calibrator.probability(column) for calibrator, column in columns])
        return shares, shares.sum(axis=1, keepdims=True)

    def _require(self, values: Floats) -> None:
        shape_of(self.task, values)
        if self.task is Task.MULTICLASS and values.shape[1] != len(self.calibrators):
            raise CalibrationError(
                f"answers of {values.shape[1]} classes do not fit a calibration of {len(self.calibrators)}; "
                "calibrate on the holdout of the model that answers"
            )

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task.value,
            "calibrators": [
                {"scores": list(c.scores), "rows": list(c.rows), "positives": list(c.positives)}
                for c in self.calibrators
            ],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Calibration:
        """Raises CalibrationError where a part is missing or cannot be."""
        try:
            parts: Sequence[Mapping[str, Any]] = body["calibrators"]
            calibrators = tuple(
                Calibrator(scores=tuple(p["scores"]), rows=tuple(p["rows"]), positives=tuple(p["positives"]))
                for p in parts
            )
            return cls(task=Task(body["task"]), calibrators=calibrators)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, CalibrationError):
                raise
            raise CalibrationError(f"not a calibration: {type(error).__name__} {error}") from error


def calibrate(task: Task, values: Floats, labels: Floats) -> Calibration | None:
    """Fit on a holdout that the model did not train on; None for regression, which has no probabilities.

    Raises:
        CalibrationError: no rows.
        ValueError: a row that `usable` refuses.
    """
    if task is Task.REGRESSION:
        return None
    good = usable(task, values, labels)
    if not good.all():
        raise CalibrationError(f"{np.count_nonzero(~good)} of {len(good)} holdout rows cannot be judged")
    if task is Task.BINARY:
        return Calibration(task=task, calibrators=(Calibrator.fit(values, labels),))
    columns = enumerate(values.T)
    calibrators = (Calibrator.fit(column, (labels == label).astype(np.float64)) for label, column in columns)
    return Calibration(task=task, calibrators=tuple(calibrators))


def estimate_performance(calibration: Calibration, values: Floats) -> Measures:
    """Every metric of these answers as it will be, should the answers still mean what they meant.

    `values` are as in `measure`, without labels. See the module on what the estimate cannot see.

    Raises:
        ValueError: a row that `usable` refuses, or another number of classes than calibrated.
    """
    task = calibration.task
    soft = calibration.soft_labels(values)
    if not usable(task, values).all():
        raise ValueError(
            "answers that are no probabilities have no estimate; leave out what `usable` refuses"
        )
    calls = functionals(task, class_probabilities(task, values), soft)
    return collect(task, calls, soft, lambda functional: calibration.variance(values, functional))
