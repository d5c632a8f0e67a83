"""Performance of the champion as its outcomes come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import NormalDist

import numpy as np

from selfheal.observe.baseline import Baseline
from selfheal.observe.policy import PerformancePolicy
from selfheal.observe.scoring import Floats, log_loss, roc_auc
from selfheal.observe.signals import Signal, SignalKind, Status


def join(predictions: Iterable[tuple[str, float]], labels: Mapping[str, float]) -> tuple[Floats, Floats]:
    """Scores and labels of the predictions whose outcome is known, in the order of the predictions."""
    pairs = [(score, labels[key]) for key, score in predictions if key in labels]
    array = np.asarray(pairs, dtype=np.float64).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def performance_signal(
    baseline: Baseline, scores: Floats, labels: Floats, policy: PerformancePolicy
) -> Signal:
    """Log loss against the champion's own on its holdout.

    A drop counts when the lower confidence bound of the loss, not the loss itself, is beyond the limit.
    """
    if scores.size < policy.min_labels:
        return _no_data(f"{scores.size} labelled predictions, {policy.min_labels} are needed", scores.size)
    if "log_loss" not in baseline.metrics:
        return _no_data("the champion's baseline holds no log loss to compare with", scores.size)
    reference = baseline.metrics["log_loss"]
    threshold = reference * (1 + policy.worse_percent / 100)
    loss = log_loss(scores, labels)
    z = NormalDist().inv_cdf(policy.confidence)
    low, high = loss.value - z * loss.error, loss.value + z * loss.error
    # NaN compares false with everything: judge by what must hold, so that NaN is never OK.
    if not (np.isfinite(low) and np.isfinite(threshold)):
        return _no_data("the log loss is not a number", scores.size)
    status = Status.BREACH if low > threshold else Status.WARN if low > reference else Status.OK
    area = f", AUC {roc_auc(scores, labels).value:.3f}" if 0 < labels.sum() < labels.size else ""
    return Signal(
        kind=SignalKind.PERFORMANCE,
        subject="log_loss",
        statistic="log_loss",
        status=status,
        value=loss.value,
        low=low,
        threshold=threshold,
        sample=loss.rows,
        reason=f"log loss {loss.value:.3f} ({low:.3f} to {high:.3f}) where the champion promised {reference:.3f}{area}",
    )


def _no_data(reason: str, sample: int) -> Signal:
    return Signal(
        kind=SignalKind.PERFORMANCE,
        subject="log_loss",
        statistic="log_loss",
        status=Status.NO_DATA,
        reason=reason,
        sample=sample,
    )
