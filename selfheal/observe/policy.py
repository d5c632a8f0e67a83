"""What observe holds traffic against: the thresholds, each with its unit in its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from selfheal.bounds import Bound, at_least, between, require
from selfheal.observe.performance.metrics.names import KNOWN_METRICS
from selfheal.observe.quality.volume import VolumePolicy


class DriftRule(str, Enum):
    """What makes a feature's drift a breach.

    `CERTAIN` is the default. The two others are the plain rules that other monitors use; they know neither
    effect nor repeated looks, and cry wolf accordingly.
    """

    CERTAIN = "certain"
    KS_P_VALUE = "ks-p-value"
    PSI = "psi"


class Correction(str, Enum):
    """How the p-values of several features are corrected for one another."""

    NONE = "none"
    BONFERRONI = "bonferroni"
    BENJAMINI_HOCHBERG = "benjamini-hochberg"


@dataclass(frozen=True, kw_only=True)
class DriftPolicy:
    """Limits on how far a feature may move from the champion's training data.

    Attributes:
        rule: what makes drift a breach.
        ks_tolerance: Kolmogorov-Smirnov distance that is harmless however certain it is (rule `certain`,
            numeric features).
        psi_tolerance: population stability index that is harmless (rule `certain`, categorical features;
            rule `psi`, all).
        false_alarms_percent: share of quiet months (720 hourly looks, all features together) that may have
            a false warning, and share that may have a false breach (rule `certain`).
        discount_wandering: whether hours that resemble the hour before count for less, so that a level that
            wanders, as it did before, is no breach (rule `certain`). Without, a window is judged for what it
            was, and not for what it says of the traffic at large.
        p_value: smaller is a breach (rule `ks-p-value`).
        correction: of the features' p-values (rule `ks-p-value`).
        min_rows: fewer rows than this give `NO_DATA`; the shortest window that reaches it is judged, and
            beside it the rolling day and the rolling week where these are longer.
        window_hours: the longest window that is looked back on to find `min_rows`.
    """

    rule: DriftRule = DriftRule.CERTAIN
    ks_tolerance: float = 0.10
    psi_tolerance: float = 0.25
    false_alarms_percent: float = 2.0
    discount_wandering: bool = True
    p_value: float = 0.05
    correction: Correction = Correction.NONE
    min_rows: int = 1000
    window_hours: int = 168

    def __post_init__(self) -> None:
        require(
            self,
            ks_tolerance=between(0.001, 1),
            psi_tolerance=between(0.001, 10),
            false_alarms_percent=between(0.0001, 50),
            p_value=between(1e-12, 0.5),
            min_rows=at_least(30),
            window_hours=between(1, 168),
        )


@dataclass(frozen=True, kw_only=True)
class QualityPolicy:
    """Limits on broken input: rows that no model should be asked about.

    A share of rows is a breach if its lower confidence bound exceeds that of training by more than its limit,
    in percentage points. A limit of 100 is never exceeded: such a check warns and no more.

    Attributes:
        null_percent_above_baseline: how much more of a column may be empty than in training.
        absent_percent: how many rows may lack a column altogether.
        invalid_percent: how many values may be text where a number belongs.
        unseen_category_percent: how many values may be of categories that training never saw.
        outside_range_percent: how many values may lie outside the training range, widened by the margin.
        range_margin_percent: by how much of its width the training range is widened on either side. A
            season or growth leads somewhat beyond what training saw, and is drift; a broken sensor or
            another unit leads far beyond.
        negative_percent: how many values may be negative in a column that never was.
        malformed_percent: how many captured records may be unreadable.
        duplicate_percent: how many rows may repeat the key of another.
        extra_column_percent: how many rows may carry a column that the model does not know.
        mean_shift_percent: by how much of the baseline's mean a mean may move. Meant for a broken feed;
            where a season moves means further, raise it.
        mean_shift_deviations: shifts of fewer baseline deviations than this are within what the model was
            trained on, however many per cent of a mean near zero they are.
        volume_times: how many times as many rows an hour, or as few, there may be as usual.
        freshness_hours: how long there may be no inference where there used to be some.
        stuck_hours: a sensor that stands still is looked for in a window of so many hours at least: within a
            few hours the hour itself does.
        confidence: that nothing harmless is called certain, of all checks of one report together.
        min_rows: fewer rows than this give `NO_DATA`; the window is the shortest that reaches it.
    """

    null_percent_above_baseline: float = 10.0
    absent_percent: float = 1.0
    invalid_percent: float = 1.0
    unseen_category_percent: float = 5.0
    outside_range_percent: float = 5.0
    range_margin_percent: float = 100.0
    negative_percent: float = 1.0
    malformed_percent: float = 1.0
    duplicate_percent: float = 5.0
    extra_column_percent: float = 5.0
    mean_shift_percent: float = 30.0
    mean_shift_deviations: float = 0.2
    volume_times: float = 5.0
    freshness_hours: float = 24.0
    stuck_hours: int = 48
    confidence: float = 0.9999
    min_rows: int = 200

    def __post_init__(self) -> None:
        share = between(0, 100)
        require(
            self,
            null_percent_above_baseline=share,
            absent_percent=share,
            invalid_percent=share,
            unseen_category_percent=share,
            outside_range_percent=share,
            range_margin_percent=between(0, 100_000),
            negative_percent=share,
            malformed_percent=share,
            duplicate_percent=share,
            extra_column_percent=share,
            mean_shift_percent=between(1, 1_000_000),
            mean_shift_deviations=between(0, 100),
            volume_times=between(1.5, 1000),
            freshness_hours=between(1, 168),
            stuck_hours=between(2, 168),
            confidence=between(0.5, 0.999999),
            min_rows=at_least(30),
        )


@dataclass(frozen=True, kw_only=True)
class PerformancePolicy:
    """Limits on quality as measured by matured labels.

    Attributes:
        metric: the metric that is judged; None takes the task's own (log loss; RMSE for regression).
        worse_percent: how much worse than the champion's own on its holdout is a breach.
        confidence: one-sided confidence of the bound that must clear it.
        min_labels: fewer matured labels than this give `NO_DATA`.
        min_coverage_percent: fewer matured predictions with a label than this give `NO_DATA`.
        mature_hours: predictions younger than this are not judged, since early labels are no random sample.
        window_hours: the longest window of matured predictions that is looked back on to find `min_labels`.
    """

    metric: str | None = None
    worse_percent: float = 15.0
    confidence: float = 0.99
    min_labels: int = 1000
    min_coverage_percent: float = 50.0
    mature_hours: float = 24.0
    window_hours: int = 72

    def __post_init__(self) -> None:
        require(
            self,
            metric=Bound(
                lambda name: name is None or name in KNOWN_METRICS,
                f"one of {', '.join(KNOWN_METRICS)}, or none for the task's own",
            ),
            worse_percent=between(0.1, 1000),
            confidence=between(0.5, 0.999999),
            min_labels=at_least(30),
            min_coverage_percent=between(0, 100),
            mature_hours=between(0, 720),
            window_hours=between(1, 168),
        )


@dataclass(frozen=True, kw_only=True)
class ObservePolicy:
    """Everything that turns an hour of traffic into signals.

    Attributes:
        champion_max_age_days: how long ago the champion's training data may end; None is no limit, and no signal.
    """

    drift: DriftPolicy = field(default_factory=DriftPolicy)
    quality: QualityPolicy = field(default_factory=QualityPolicy)
    performance: PerformancePolicy = field(default_factory=PerformancePolicy)
    volume: VolumePolicy = field(default_factory=VolumePolicy)
    confirmations: int = 2
    confirmation_windows: int = 3
    capture_delay_minutes: int = 10
    champion_max_age_days: int | None = None

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ObservePolicy:
        """A policy as functions and jobs are given it; the parts check themselves again."""
        drift = body["drift"]
        rules = {"rule": DriftRule(drift["rule"]), "correction": Correction(drift["correction"])}
        parts = {
            "drift": DriftPolicy(**{**drift, **rules}),
            "quality": QualityPolicy(**body["quality"]),
            "performance": PerformancePolicy(**body["performance"]),
            "volume": VolumePolicy(**body["volume"]),
        }
        return cls(**{**body, **parts})

    def __post_init__(self) -> None:
        require(
            self,
            confirmations=between(1, self.confirmation_windows),
            confirmation_windows=between(1, 24),
            capture_delay_minutes=between(1, 59),
            champion_max_age_days=Bound(
                lambda days: days is None or 1 <= days <= 3650, "from 1 to 3650, or none for no limit"
            ),
        )
