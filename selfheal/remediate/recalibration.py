r"""Recalibration: the model's answers, mapped to what they mean now, in the same order as before.

Where classes become more or less frequent and each is as its like were before, Bayes' rule moves the logarithm of the
odds of every answer by one constant (M. Saerens, P. Latinne, C. Decaestecker, "Adjusting the outputs of a classifier
to new a priori probabilities", Neural Computation 14, 2002). An answer p is therefore mapped to

$$ \operatorname{logit} q = a \operatorname{logit} p + b, \qquad a > 0 $$

which is J. Platt's map ("Probabilistic outputs for support vector machines", 1999) with the model's own logit for his
score. a is 1 unless another slope tells the labels so much better that it is worth its parameter. Since the map rises,
it moves no case before another: what ranks well goes on ranking as well.

It is fitted on the older labels and judged on the newest, which it has not seen, by the gate that judges challengers:
its log loss must be better than the champion's, with confidence, row by row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from selfheal.observe.performance.metrics.measure import usable
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.performance.scoring import CLIP, Floats
from selfheal.remediate.gate import GateReport, judge_challenger
from selfheal.remediate.gate_policy import GatePolicy
from selfheal.verdict import Verdict

# The part of the labels, the newest, that judges and is not learned from.
JUDGED_SHARE = 0.25
# The supremum of a Brownian bridge exceeds this once in a hundred (Kolmogorov's distribution).
CHANGED = 1.628
_STEPS = 100

# Why there is no recalibration: in words, with what is missing.
Refusal = str


@dataclass(frozen=True, kw_only=True)
class LogitMap:
    """From an answer to a probability: a straight rising line between their logits. By default the identity.

    Raises:
        ValueError: the slope is not positive, or a parameter is not a finite number.

    >>> LogitMap(intercept=math.log(6)).probability(np.array([0.2, 0.5])).round(3).tolist()
    [0.6, 0.857]
    """

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.intercept)):
            raise ValueError(
                f"a calibration of slope {self.slope!r} and intercept {self.intercept!r} does not keep the order: "
                "a positive slope and a finite intercept are needed"
            )

    def probability(self, scores: Floats) -> Floats:
        """Of answers in [0, 1], any shape; the same shape. Answers nearer to 0 or 1 than `CLIP` count as that near."""
        mapped: Floats = expit(self.slope * _logit(scores) + self.intercept)
        return mapped

    def after(self, first: LogitMap) -> LogitMap:
        """This map of what another one made: an answer that was calibrated before is calibrated once more."""
        return LogitMap(
            slope=self.slope * first.slope, intercept=self.slope * first.intercept + self.intercept
        )

    def to_json(self) -> dict[str, float]:
        return {"slope": self.slope, "intercept": self.intercept}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> LogitMap:
        """Raises ValueError where a parameter is missing or cannot be."""
        try:
            return cls(slope=float(body["slope"]), intercept=float(body["intercept"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a calibration: {type(error).__name__} {error}") from error


@dataclass(frozen=True, kw_only=True)
class Recalibration:
    """A map that passed its gate.

    Attributes:
        map: from the champion's answers to calibrated ones.
        fitted: labels that it was fitted on.
        before, after: the champion's answers to the newest cases, and the calibrated ones; shape (judged,).
        labels: of these cases.
        gate: the report of the gate, which passed.
    """

    map: LogitMap
    fitted: int
    before: Floats
    after: Floats
    labels: Floats
    gate: GateReport


def recalibrate(scores: Floats, labels: Floats, policy: GatePolicy) -> Recalibration | Refusal:
    """A recalibration of a model's answers, or the reason why there is none.

    Args:
        scores: probabilities that the model answered with, in order of time, shape (rows,).
        labels: outcomes of the same rows, 0 or 1.
        policy: the gate's. Its least rows are asked of either part.

    Raises:
        ValueError: the arrays differ in shape.
    """
    if scores.shape != labels.shape or scores.ndim != 1:
        raise ValueError(f"scores of shape {scores.shape} and labels of shape {labels.shape} are no pairs")
    unfit = int(np.count_nonzero(~usable(Task.BINARY, scores, labels)))
    if unfit:
        return f"{unfit} of {labels.size} rows are no pair of a probability and a label 0 or 1"
    least = policy.min_holdout_rows
    if labels.size < 2 * least:
        return f"{labels.size} labels are there; {least} to fit on and {least} to judge by are needed"
    judged = labels.size - max(least, math.floor(labels.size * JUDGED_SHARE))
    start = min(_changed_at(labels[:judged] - scores[:judged]), judged - least)
    found = _fitted(scores[start:judged], labels[start:judged])
    if isinstance(found, Refusal):
        return found
    before, after = scores[judged:], found.probability(scores[judged:])
    gate = judge_challenger(labels[judged:], after, before, policy)
    if gate.verdict is not Verdict.PASS:
        return f"the gate did not let it pass: {gate.to_json()['reason']}"
    return Recalibration(
        map=found, fitted=judged - start, before=before, after=after, labels=labels[judged:], gate=gate
    )


def _changed_at(residuals: Floats) -> int:
    """Where the mean of some residuals changed, so that what was before must not be learned from; 0 where that is not
    certain.

    The cumulative sum of what a constant mean leaves unexplained is farthest from zero where the mean changed; how far
    it strays without a change is known (W. Ploberger, W. Krämer, "The CUSUM test with OLS residuals", Econometrica 60,
    1992).
    """
    rest = residuals - residuals.mean()
    strayed = np.abs(np.cumsum(rest))
    scale = math.sqrt(float(rest @ rest))
    if not scale or strayed.max() < CHANGED * scale:
        return 0
    return int(strayed.argmax()) + 1


def _fitted(scores: Floats, labels: Floats) -> LogitMap | Refusal:
    """The map under which the labels are most likely.

    A free slope must be worth half the logarithm of the rows, in nats (G. Schwarz, "Estimating the dimension of a
    model", Annals of Statistics 6, 1978).
    """
    positive = int(labels.sum())
    if not 0 < positive < labels.size:
        known = "positive" if positive else "negative"
        return f"all of {labels.size} labels to fit on are {known}; both classes are needed"
    logits, ones = _logit(scores), np.ones(labels.size)
    targets = _targets(labels)
    shift, shifted = _most_likely(ones[:, None], logits, targets)
    both, freed = _most_likely(np.column_stack((ones, logits)), logits, targets)
    if freed - shifted <= math.log(labels.size) / 2:
        return LogitMap(intercept=float(shift[0]))
    slope = 1 + float(both[1])
    if slope <= 0:
        return f"what was surer is less often right: a slope of {slope:.2f} fits, and only a rising map keeps the order"
    return LogitMap(slope=slope, intercept=float(both[0]))


def _targets(labels: Floats) -> Floats:
    """Platt's targets: a label counts as certain only up to one case more of either class, so that labels which the
    scores divide cleanly have a likeliest map, too."""
    positive = labels.sum()
    found: Floats = np.where(labels == 1, (positive + 1) / (positive + 2), 1 / (labels.size - positive + 2))
    return found


def _most_likely(columns: Floats, offset: Floats, targets: Floats) -> tuple[Floats, float]:
    """Weights of the columns, shape (columns,), and the log likelihood (in nats) of the logits
    offset + columns · weights.

    Newton's method, with steps halved until they do not lead down (H. Lin, C. Lin, R. Weng, "A note on Platt's
    probabilistic outputs for support vector machines", Machine Learning 68, 2007).
    """

    def likelihood(weights: Floats) -> float:
        logits = offset + columns @ weights
        return float(targets @ logits - np.logaddexp(0, logits).sum())

    weights = np.zeros(columns.shape[1])
    value = likelihood(weights)
    for _ in range(_STEPS):
        p = expit(offset + columns @ weights)
        curvature = (columns.T * (p * (1 - p))) @ columns
        # Least squares: of scores that are all alike, slope and intercept are one.
        step = np.linalg.lstsq(curvature, columns.T @ (targets - p), rcond=None)[0]
        while (reached := likelihood(weights + step)) < value and np.abs(step).max() > 1e-12:
            step = step / 2
        if reached <= value:
            break
        weights, value = weights + step, reached
    return weights, value


def _logit(scores: Floats) -> Floats:
    found: Floats = logit(np.clip(scores, CLIP, 1 - CLIP))
    return found
