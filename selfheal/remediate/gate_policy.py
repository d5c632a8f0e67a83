"""Limits of the gate between a challenger and traffic."""

from __future__ import annotations

from dataclasses import dataclass

from selfheal.bounds import at_least, between, require


@dataclass(frozen=True, kw_only=True)
class GatePolicy:
    """What a challenger must show on a holdout that neither model trained on.

    Attributes:
        min_holdout_rows: fewer rows are `INCONCLUSIVE`.
        min_auc: absolute floor, also where there is no champion yet.
        confidence: confidence of the paired bootstrap interval on the difference in log loss.
        resamples: bootstrap resamples.
    """

    min_holdout_rows: int = 500
    min_auc: float = 0.55
    confidence: float = 0.95
    resamples: int = 400

    def __post_init__(self) -> None:
        require(
            self,
            min_holdout_rows=at_least(50),
            min_auc=between(0.5, 1),
            confidence=between(0.5, 0.9999),
            resamples=between(100, 100000),
        )
