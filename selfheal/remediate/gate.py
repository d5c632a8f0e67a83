"""The gate: may a challenger replace the champion?

Both are scored on the same holdout, which neither trained on. The difference of their log losses row by
row is resampled (paired bootstrap), so that hard days weigh on both alike. `PASS` needs the interval's
lower bound above zero; an interval that holds zero is `INCONCLUSIVE`, and inconclusive means hold.

Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from selfheal.observe.performance.metrics.measure import usable
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.performance.scoring import Floats, log_loss, roc_auc, row_losses
from selfheal.remediate.gate_policy import GatePolicy
from selfheal.verdict import Verdict, worst


@dataclass(frozen=True)
class Check:
    """One question of the gate, its verdict and the numbers behind it."""

    name: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class GateReport:
    """All checks; the worst of them decides."""

    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        return worst(check.verdict for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.value,
            "reason": "; ".join(c.reason for c in self.checks if c.verdict is not Verdict.PASS)
            or "all checks passed",
            "checks": [{"name": c.name, "verdict": c.verdict.value, "reason": c.reason} for c in self.checks],
        }


def judge_challenger(
    labels: Floats, challenger: Floats, champion: Floats | None, policy: GatePolicy, seed: int = 0
) -> GateReport:
    """Judge a challenger's scores on a holdout, beside the champion's where there is one.

    Args:
        labels: outcomes, 0 or 1, shape (n,).
        challenger, champion: predicted probabilities of the same rows, shape (n,).
        seed: of the bootstrap, so that the report of the same scores is the same report.

    Raises:
        ValueError: the arrays differ in length.
    """
    if len(challenger) != len(labels) or (champion is not None and len(champion) != len(labels)):
        raise ValueError("labels and scores must be of the same rows")
    rows = _enough_rows(labels, policy)
    if rows.verdict is not Verdict.PASS:
        return GateReport((rows,))
    checks = [rows, _floor(labels, challenger, policy)]
    if champion is not None:
        checks.append(_better(labels, challenger, champion, policy, seed))
    return GateReport(tuple(checks))


def _enough_rows(labels: Floats, policy: GatePolicy) -> Check:
    positive = int(labels.sum())
    negative = len(labels) - positive
    needed = f"{policy.min_holdout_rows} of both classes are needed"
    reason = f"the holdout has {len(labels)} rows, {positive} positive; {needed}"
    enough = len(labels) >= policy.min_holdout_rows and positive > 0 and negative > 0
    return Check("holdout", Verdict.PASS if enough else Verdict.INCONCLUSIVE, reason)


def _floor(labels: Floats, challenger: Floats, policy: GatePolicy) -> Check:
    if not usable(Task.BINARY, challenger).all():
        return Check(
            "floor", Verdict.FAIL, "the challenger answers with something that is not a number from 0 to 1"
        )
    area = roc_auc(challenger, labels).value
    reason = f"the challenger's AUC is {area:.3f}; at least {policy.min_auc:g} is demanded of any model"
    return Check("floor", Verdict.PASS if area >= policy.min_auc else Verdict.FAIL, reason)


def _better(labels: Floats, challenger: Floats, champion: Floats, policy: GatePolicy, seed: int) -> Check:
    if not (usable(Task.BINARY, champion).all() and usable(Task.BINARY, challenger).all()):
        return Check("champion", Verdict.FAIL, "answers that are no probabilities cannot be compared")
    gain = row_losses(champion, labels) - row_losses(challenger, labels)
    means = _bootstrap_means(gain, policy.resamples, seed)
    tail = (1 - policy.confidence) / 2
    low, high = (float(q) for q in np.quantile(means, (tail, 1 - tail)))
    before, after = log_loss(champion, labels).value, log_loss(challenger, labels).value
    reason = (
        f"log loss {after:.4f} where the champion has {before:.4f}: "
        f"better by {gain.mean():.4f} ({low:.4f} to {high:.4f} at {policy.confidence:.0%})"
    )
    if low > 0:
        return Check("champion", Verdict.PASS, reason)
    return Check("champion", Verdict.INCONCLUSIVE if high >= 0 else Verdict.FAIL, reason)


def _bootstrap_means(values: Floats, resamples: int, seed: int) -> Floats:
    """Means of resamples with replacement, one at a time: memory stays that of the data."""
    generator = np.random.default_rng(seed)
    n = len(values)
    return np.array([values[generator.integers(0, n, n)].mean() for _ in range(resamples)])
