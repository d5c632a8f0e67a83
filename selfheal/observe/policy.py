"""What observe holds traffic against: the thresholds, each with its unit in its name."""

from __future__ import annotations

from dataclasses import dataclass, field

from selfheal.bounds import at_least, between, require


@dataclass(frozen=True, kw_only=True)
class DriftPolicy:
    """Limits on how far a feature may move from the champion's training data.

    Attributes:
        ks_tolerance: Kolmogorov-Smirnov distance that is harmless however certain it is.
        psi_tolerance: population stability index that is harmless.
        confidence: one-sided confidence of the bound that must clear the tolerance.
        min_rows: fewer rows than this give `NO_DATA`.
        window_hours: the longest window that is looked back on to find `min_rows`.
    """

    ks_tolerance: float = 0.10
    psi_tolerance: float = 0.25
    confidence: float = 0.999
    min_rows: int = 1000
    window_hours: int = 168

    def __post_init__(self) -> None:
        require(
            self,
            ks_tolerance=between(0.001, 1),
            psi_tolerance=between(0.001, 10),
            confidence=between(0.5, 0.999999),
            min_rows=at_least(30),
            window_hours=between(1, 168),
        )


@dataclass(frozen=True, kw_only=True)
class QualityPolicy:
    """Limits on broken input: rows that no model should be asked about.

    Attributes:
        null_percent_above_baseline: how much more of a column may be missing than in training.
        unseen_category_percent: how many values may be of categories that training never saw.
        malformed_percent: how many captured records may be unreadable.
        min_rows: fewer rows than this give `NO_DATA`; the window is the shortest that reaches it.
    """

    null_percent_above_baseline: float = 10.0
    unseen_category_percent: float = 5.0
    malformed_percent: float = 1.0
    min_rows: int = 200

    def __post_init__(self) -> None:
        require(
            self,
            null_percent_above_baseline=between(0, 100),
            unseen_category_percent=between(0, 100),
            malformed_percent=between(0, 100),
            min_rows=at_least(30),
        )


@dataclass(frozen=True, kw_only=True)
class PerformancePolicy:
    """Limits on quality as measured by matured labels.

    Attributes:
        worse_percent: how much worse than the champion's holdout log loss is a breach.
        confidence: one-sided confidence of the bound that must clear it.
        min_labels: fewer joined labels than this give `NO_DATA`.
        window_hours: the longest window that is looked back on to find `min_labels`.
    """

    worse_percent: float = 15.0
    confidence: float = 0.99
    min_labels: int = 1000
    window_hours: int = 72

    def __post_init__(self) -> None:
        require(
            self,
            worse_percent=between(0.1, 1000),
            confidence=between(0.5, 0.999999),
            min_labels=at_least(30),
            window_hours=between(1, 168),
        )


@dataclass(frozen=True, kw_only=True)
class ObservePolicy:
    """Everything that turns an hour of traffic into signals."""

    drift: DriftPolicy = field(default_factory=DriftPolicy)
    quality: QualityPolicy = field(default_factory=QualityPolicy)
    performance: PerformancePolicy = field(default_factory=PerformancePolicy)
    confirmations: int = 2
    confirmation_windows: int = 3
    capture_delay_minutes: int = 10

    def __post_init__(self) -> None:
        require(
            self,
            confirmations=between(1, self.confirmation_windows),
            confirmation_windows=between(1, 24),
            capture_delay_minutes=between(1, 59),
        )
