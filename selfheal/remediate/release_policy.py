"""How a new model reaches traffic, and what sends it back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from selfheal.bounds import PolicyError, Problem, between, require


class Strategy(str, Enum):
    """SageMaker's blue/green traffic shifting modes."""

    ALL_AT_ONCE = "all-at-once"
    CANARY = "canary"
    LINEAR = "linear"


@dataclass(frozen=True, kw_only=True)
class ReleasePolicy:
    """Deployment guardrails of a release.

    Attributes:
        canary_percent: share of capacity, and so of traffic, in the first step (canary), or in each (linear).
        bake_minutes: watch after each step.
        termination_wait_minutes: how long the old fleet stays after the last step.
        timeout_minutes: the whole deployment; SageMaker rolls back beyond it.
        error_rate_percent, latency_p95_ms: what the new fleet may not exceed in `alarm_datapoints` of
            `alarm_periods` periods of `alarm_period_seconds`.
    """

    strategy: Strategy = Strategy.CANARY
    canary_percent: int = 10
    bake_minutes: int = 10
    termination_wait_minutes: int = 5
    timeout_minutes: int = 120
    error_rate_percent: float = 2.0
    latency_p95_ms: float = 200.0
    alarm_period_seconds: int = 60
    alarm_datapoints: int = 1
    alarm_periods: int = 1

    def __post_init__(self) -> None:
        require(
            self,
            canary_percent=between(1, 50),
            bake_minutes=between(0, 60),
            termination_wait_minutes=between(0, 60),
            timeout_minutes=between(10, 480),
            error_rate_percent=between(0, 100),
            latency_p95_ms=between(0.001, 60000),
            alarm_datapoints=between(1, self.alarm_periods),
            alarm_periods=between(1, 60),
        )
        seconds = self.alarm_period_seconds
        if seconds not in (10, 30) and (seconds < 60 or seconds % 60):
            raise PolicyError([Problem("alarm_period_seconds", seconds, "10, 30 or a multiple of 60")])
        if self.strategy is Strategy.LINEAR and self.canary_percent < 10:
            raise PolicyError(
                [Problem("canary_percent", self.canary_percent, "10 to 50 for a linear release")]
            )
        if self.timeout_minutes <= self.waits_minutes:
            expected = f"more than the {self.waits_minutes} min that bake and termination wait add up to"
            raise PolicyError([Problem("timeout_minutes", self.timeout_minutes, expected)])

    @property
    def waits_minutes(self) -> int:
        """Sum of the waits of a deployment, which the timeout must exceed."""
        steps = -(-100 // self.canary_percent) if self.strategy is Strategy.LINEAR else 1
        return steps * self.bake_minutes + self.termination_wait_minutes
