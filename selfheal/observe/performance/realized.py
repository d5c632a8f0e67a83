"""Performance of the champion as its outcomes come in.

One metric is judged; the report holds all. A drop counts when the confidence bound of the metric, not the
metric itself, is beyond the limit. What the champion promised on its holdout is a sample too: where its
standard error is known, the bound moves by it as well, so that a small holdout does not raise an alarm of its
own (G. Zou, A. Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27
(2008): the margins of a difference add up in squares).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from selfheal.observe.performance.estimation import Calibration, estimate_performance
from selfheal.observe.performance.metrics.estimate import Estimate, Floats
from selfheal.observe.performance.metrics.measure import Measures, measure, usable
from selfheal.observe.performance.metrics.model_quality import confusion_matrix, model_quality
from selfheal.observe.performance.metrics.names import DEFAULT_METRIC, LOWER_IS_BETTER, METRICS, Task
from selfheal.observe.performance.outcomes import Joined
from selfheal.observe.policy import PerformancePolicy
from selfheal.observe.signals import Signal, SignalKind, Status


@dataclass(frozen=True, kw_only=True)
class Realized:
    """The judged rows of a window: matured, labelled, usable; and what all metrics say of them."""

    joined: Joined
    values: Floats
    labels: Floats
    unusable: int
    measures: Measures

    @classmethod
    def of(cls, task: Task, joined: Joined) -> Realized:
        """Rows whose value or label cannot be are left out and counted; they lower the coverage."""
        good = usable(task, joined.values, joined.labels)
        values, labels = joined.values[good], joined.labels[good]
        return cls(
            joined=joined,
            values=values,
            labels=labels,
            unusable=int(np.count_nonzero(~good)),
            measures=measure(task, values, labels),
        )

    @property
    def rows(self) -> int:
        return len(self.labels)

    @property
    def coverage_percent(self) -> float | None:
        """Matured predictions with a usable label; None where none has matured."""
        return 100 * self.rows / self.joined.matured if self.joined.matured else None


def judged_metric(task: Task, policy: PerformancePolicy) -> str:
    """The policy's metric, or the task's default; raises ValueError where the task has no such metric."""
    name = policy.metric or DEFAULT_METRIC[task]
    if name not in METRICS[task]:
        known = ", ".join(METRICS[task])
        raise ValueError(f"a {task.value} task has no metric {name!r}; choose one of {known}")
    return name


def performance_signal(
    task: Task, realized: Realized, promised: Mapping[str, float], policy: PerformancePolicy
) -> Signal:
    """The judged metric against the champion's own on its holdout.

    `BREACH`: certain to be more than `worse_percent` of the promise worse. `WARN`: certain to be worse at all.
    Losses and errors are worse when they rise, all others when they fall; `Signal.low` is the bound on the
    good side, the one that is compared with the threshold: the lower of a loss, the upper of an area.

    Args:
        promised: the champion's metrics on its holdout, by name, and their standard errors as
            `<name>_error`; a promise without an error is taken as exact.

    Raises:
        ValueError: the policy's metric is none of the task's.
    """
    name = judged_metric(task, policy)
    reason = _why_not(realized, policy) or realized.measures.undefined.get(name)
    if reason is None and name not in promised:
        reason = f"the champion's baseline holds no {name} to compare with"
    if reason is not None:
        return _no_data(name, reason, realized.rows)
    return _judge(name, realized, promised, policy)


def _judge(name: str, realized: Realized, promised: Mapping[str, float], policy: PerformancePolicy) -> Signal:
    estimate, promise = realized.measures.estimates[name], promised[name]
    worse = 1 if name in LOWER_IS_BETTER else -1
    threshold = promise + worse * abs(promise) * policy.worse_percent / 100
    bound = _bound(estimate, worse, promised.get(f"{name}_error", 0.0), policy)
    # NaN compares false with everything: judge by what must hold, so that NaN is never OK.
    if not (math.isfinite(bound) and math.isfinite(threshold)):
        return _no_data(name, f"the {name} or what was promised of it is not a number", realized.rows)
    beyond, certain = worse * (bound - threshold) > 0, worse * (bound - promise) > 0
    side = "at least" if worse > 0 else "at most"
    return Signal(
        kind=SignalKind.PERFORMANCE,
        subject=name,
        statistic=name,
        status=Status.BREACH if beyond else Status.WARN if certain else Status.OK,
        value=estimate.value,
        low=bound,
        threshold=threshold,
        sample=estimate.rows,
        reason=(
            f"{name} {estimate.value:.3f} ({side} {bound:.3f} with {policy.confidence:.4g} confidence) "
            f"where the champion promised {promise:.3f}"
        ),
    )


def _bound(estimate: Estimate, worse: int, promise_error: float, policy: PerformancePolicy) -> float:
    """The bound on the good side, moved by the error of the promise. NaN where that error cannot be."""
    bound = estimate.low(policy.confidence) if worse > 0 else estimate.high(policy.confidence)
    if promise_error < 0:
        return math.nan
    # The limit is the promise times this at most, and so is its error.
    scale = 1 + policy.worse_percent / 100
    margin = float(ndtri(policy.confidence)) * promise_error * scale
    return estimate.value - worse * math.hypot(estimate.value - bound, margin)


def _why_not(realized: Realized, policy: PerformancePolicy) -> str | None:
    """Why these labels cannot be judged; None where they can."""
    matured, needed, coverage = realized.joined.matured, policy.min_labels, realized.coverage_percent
    bad = f", {realized.unusable} unusable" if realized.unusable else ""
    if coverage is None or matured < needed:
        return f"{matured} predictions are older than {policy.mature_hours:g} h, {needed} are needed"
    if coverage < policy.min_coverage_percent:
        return (
            f"labels stopped or are late: {coverage:.1f} % of {matured} matured predictions have one{bad}, "
            f"{policy.min_coverage_percent:g} % are needed"
        )
    if realized.rows < needed:
        return f"{realized.rows} matured predictions have a label{bad}, {needed} are needed"
    return None


def _no_data(name: str, reason: str, sample: int) -> Signal:
    return Signal(
        kind=SignalKind.PERFORMANCE,
        subject=name,
        statistic=name,
        status=Status.NO_DATA,
        reason=reason,
        sample=sample,
    )


def performance_report(
    task: Task,
    realized: Realized,
    promised: Mapping[str, float],
    policy: PerformancePolicy,
    calibration: Calibration | None,
) -> dict[str, Any]:
    """Every metric of a window, as JSON: realized, estimated over the same rows, and promised.

    `estimated` is what the answers alone said of the very rows that are `realized`: where both differ by more
    than their intervals, the concept has drifted. `ahead` is the estimate of the rows that have not matured.
    Both are None without a calibration, as for regression. Intervals are two-sided, each bound at the policy's
    one-sided confidence; an unbounded bound is null.
    """
    joined = realized.joined
    young = joined.young[usable(task, joined.young)] if len(joined.young) else joined.young
    columns = {
        "realized": realized.measures,
        "estimated": _estimated(calibration, realized.values),
        "ahead": _estimated(calibration, young),
    }
    return {
        "task": task.value,
        "judged": judged_metric(task, policy),
        "confidence": policy.confidence,
        "mature_hours": policy.mature_hours,
        "rows": {
            "matured": joined.matured,
            "labelled": realized.rows,
            "unusable": realized.unusable,
            "unmatured": len(joined.young),
        },
        "kept_percent": 100 * joined.kept_share,
        "coverage_percent": realized.coverage_percent,
        "label_delay_hours": {"median": joined.delay_median_hours, "p90": joined.delay_p90_hours},
        "metrics": {
            name: {
                **{column: _interval(found, name, policy.confidence) for column, found in columns.items()},
                "promised": _finite(promised.get(name)),
                "undefined": realized.measures.undefined.get(name),
            }
            for name in METRICS[task]
        },
    }


def _estimated(calibration: Calibration | None, values: Floats) -> Measures | None:
    return estimate_performance(calibration, values) if calibration and len(values) else None


def quality_statistics(task: Task, realized: Realized) -> dict[str, Any]:
    """The window in the form of Model Monitor's model-quality statistics."""
    return model_quality(realized.measures, confusion_matrix(task, realized.values, realized.labels))


def _interval(measures: Measures | None, name: str, confidence: float) -> dict[str, Any] | None:
    if measures is None or name not in measures.estimates:
        return None
    estimate = measures.estimates[name]
    low, high = estimate.interval(confidence)
    return {"value": estimate.value, "low": _finite(low), "high": _finite(high), "rows": estimate.rows}


def _finite(number: float | None) -> float | None:
    """JSON has neither infinities nor NaN."""
    return number if number is not None and math.isfinite(number) else None
