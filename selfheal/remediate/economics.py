"""Does a retraining pay?

What is lost while nothing is done is weighed against what a retraining costs. It pays where

    loss x per_prediction_usd x predictions_per_day x horizon_days > training_usd + rollout_usd

with the loss in units of the judged metric. What is measured is taken low: the loss is the lower confidence
bound of it, and predictions that nobody captured are not counted. So "pays" is as certain as the prices and
the horizon are. "Does not pay" is not: more may be lost than is certain yet, and the question is asked again
with the next incident.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from selfheal.observe.performance.metrics.names import KNOWN_METRICS, LOWER_IS_BETTER
from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.remediate.value_policy import ValuePolicy
from selfheal.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Economics:
    """Whether a retraining pays, with the numbers.

    Attributes:
        verdict: `PASS` where it pays or no value was stated, `FAIL` where it does not, `INCONCLUSIVE` where
            a number is not known; the latter two hold.
        reason: one sentence for people.
        cost_usd: what one retraining costs, to the end of its release.
        per_prediction_usd, horizon_days: as the settings state them.
        metric, loss: the judged metric, and how much worse than promised it is for certain, in its own unit.
        predictions_per_day: what the endpoint answers.
        lost_usd: what that loss costs over the horizon. None, as the three before it, where it is not known.
    """

    verdict: Verdict
    reason: str
    cost_usd: float
    per_prediction_usd: float | None
    horizon_days: int
    metric: str | None = None
    loss: float | None = None
    predictions_per_day: float | None = None
    lost_usd: float | None = None

    def stop(self) -> str | None:
        """Why no retraining may begin, or None where one may."""
        return None if self.verdict is Verdict.PASS else self.reason

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict.value}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Economics:
        return cls(**{**body, "verdict": Verdict(body["verdict"])})


def weigh_retraining(
    signals: Iterable[Signal],
    predictions_per_day: float | None,
    policy: ValuePolicy,
    *,
    worse_percent: float,
) -> Economics:
    """Weigh what the loss of quality costs against what a retraining costs.

    Args:
        signals: what observe found last; the performance signal is the one that is weighed.
        predictions_per_day: None where it is not known.
        worse_percent: of the performance policy that judged the signal.

    Raises:
        ValueError: predictions_per_day is negative, infinite or NaN.
    """
    if predictions_per_day is not None and not 0 <= predictions_per_day < math.inf:
        raise ValueError(
            f"predictions_per_day = {predictions_per_day!r}: expected a number of at least 0, or none"
        )
    if not policy.is_stated:
        return unstated_value(policy)
    signal = next((each for each in signals if each.kind is SignalKind.PERFORMANCE), None)
    if signal is None:
        return _unknown(policy, "observe reported no performance within a day")
    known: dict[str, Any] = {"metric": signal.statistic, "predictions_per_day": predictions_per_day}
    loss = certain_loss(signal, worse_percent)
    if loss is None:
        promised = f"what the champion promised does not follow from the limit of {signal.statistic}"
        return _unknown(policy, signal.reason if signal.status is Status.NO_DATA else promised, **known)
    if predictions_per_day is None:
        return _unknown(policy, "observe counted no traffic within a day", loss=loss, **known)
    return _weighed(policy, loss, **known)


def _weighed(policy: ValuePolicy, loss: float, metric: str, predictions_per_day: float) -> Economics:
    known: dict[str, Any] = {"metric": metric, "loss": loss, "predictions_per_day": predictions_per_day}
    lost = loss * (policy.per_prediction_usd or 0.0) * predictions_per_day * policy.horizon_days
    if not math.isfinite(lost):
        return _unknown(policy, f"{metric} is worse by {loss:.4g}, which no price can be put on", **known)
    pays = lost > policy.retraining_usd
    reason = (
        f"a retraining {'pays' if pays else 'does not pay'}: {metric} is worse by {loss:.4g} for "
        f"certain, which at {predictions_per_day:,.0f} predictions a day loses {lost:,.2f} USD in "
        f"{policy.horizon_days} d; training and rollout cost {policy.retraining_usd:,.2f} USD"
    )
    verdict = Verdict.PASS if pays else Verdict.FAIL
    return _economics(policy, verdict, reason, lost_usd=lost, **known)


def unstated_value(policy: ValuePolicy) -> Economics:
    """The economics where nobody said what a prediction is worth: nothing is weighed, and nothing stopped."""
    reason = "value.per_prediction_usd is not stated, so nobody weighs whether a retraining pays"
    return _economics(policy, Verdict.PASS, reason)


def certain_loss(signal: Signal, worse_percent: float) -> float | None:
    """Lower confidence bound of how much worse the judged metric is than promised, in its unit; 0 where it
    may be as good. None where it is not known.

    `Signal.low` is the bound of the metric on its good side, and has the promise's own error in it already.
    The promise follows from the threshold, which lies `worse_percent` of it away.

    >>> from selfheal.observe.signals import Signal, SignalKind, Status
    >>> signal = Signal(kind=SignalKind.PERFORMANCE, subject="log_loss", statistic="log_loss",
    ...                 status=Status.BREACH, reason="", value=0.66, low=0.625, threshold=0.575)
    >>> round(certain_loss(signal, worse_percent=15), 6)
    0.125
    """
    if signal.status is Status.NO_DATA or signal.low is None or signal.threshold is None:
        return None
    promise = _promise(signal.statistic, signal.threshold, worse_percent / 100)
    if promise is None:
        return None
    worse = 1 if signal.statistic in LOWER_IS_BETTER else -1
    loss = worse * (signal.low - promise)
    return max(0.0, loss) if math.isfinite(loss) else None


def _promise(metric: str, threshold: float, share: float) -> float | None:
    if metric not in KNOWN_METRICS:
        return None
    if metric in LOWER_IS_BETTER:  # losses and errors are never negative
        return threshold / (1 + share)
    # A limit beyond zero may be that of two promises, one on either side.
    return threshold / (1 - math.copysign(share, threshold)) if share < 1 else None


def _unknown(policy: ValuePolicy, why: str, **known: Any) -> Economics:
    reason = f"whether a retraining pays is not known: {why}"
    return _economics(policy, Verdict.INCONCLUSIVE, reason, **known)


def _economics(policy: ValuePolicy, verdict: Verdict, reason: str, **measured: Any) -> Economics:
    return Economics(
        verdict=verdict,
        reason=reason,
        cost_usd=policy.retraining_usd,
        per_prediction_usd=policy.per_prediction_usd,
        horizon_days=policy.horizon_days,
        **measured,
    )
