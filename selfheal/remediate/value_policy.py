"""What a model's answers are worth, and what a retraining costs: what only the business can know."""

from __future__ import annotations

from dataclasses import dataclass

from selfheal.bounds import Bound, between, require


@dataclass(frozen=True, kw_only=True)
class ValuePolicy:
    """Prices that a retraining is weighed with. All in US dollars.

    Attributes:
        per_prediction_usd: what one prediction loses in worth when the judged metric is one unit worse; one
            unit of log loss is one nat, one of AUC or accuracy is the whole scale. None or 0 is not stated:
            then no retraining is weighed.
        horizon_days: how long the loss would go on if nothing were done.
        training_usd: what the pipeline's jobs of one retraining cost.
        rollout_usd: what its release costs: the second fleet while both serve, and people's attention.
    """

    per_prediction_usd: float | None = None
    horizon_days: int = 30
    training_usd: float = 0.0
    rollout_usd: float = 0.0

    def __post_init__(self) -> None:
        require(
            self,
            per_prediction_usd=Bound(
                lambda usd: usd is None or 0 <= usd <= 1e6, "a number from 0 to 1e+06, or none"
            ),
            horizon_days=between(1, 365),
            training_usd=between(0, 1e6),
            rollout_usd=between(0, 1e6),
        )

    @property
    def is_stated(self) -> bool:
        return bool(self.per_prediction_usd)

    @property
    def retraining_usd(self) -> float:
        """What one retraining costs, to the end of its release."""
        return self.training_usd + self.rollout_usd
