"""The files that Model Monitor's users know: statistics, constraints and violations.

All three are of the model's inputs. What a profile cannot know is left out rather than made up: there is no
`sketch` beside the buckets, since a profile keeps bins and no KLL sketch.

Formats: "Schema for statistics", "Schema for constraints" and "Schema for violations" of Amazon SageMaker
Model Monitor, developer guide.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from selfheal.observe.baseline import Baseline
from selfheal.observe.policy import ObservePolicy
from selfheal.observe.profiles.layout import Categorical, Floats, Numeric, Role
from selfheal.observe.profiles.profile import Profile
from selfheal.observe.quality.constraints import Constraint, constraints_of, inferred_type
from selfheal.observe.signals import Signal, SignalKind, Status

BUCKETS = 10
"""Model Monitor's own number, which it lets nobody change."""


def statistics(profile: Profile) -> dict[str, Any]:
    """`statistics.json`: counts, moments and distributions of a window or of the training data."""
    return {
        "version": 0.0,
        "dataset": {"item_count": profile.rows},
        "features": [
            _numerical(profile, place, feature)
            if isinstance(feature, Numeric)
            else _textual(profile, place, feature)
            for place, feature in enumerate(profile.layout.features)
            if feature.role is Role.INPUT
        ],
    }


def constraints(baseline: Baseline, policy: ObservePolicy) -> dict[str, Any]:
    """`constraints.json`: what the champion's training data allow.

    Its thresholds are this project's limits as near as the format can say them: Model Monitor compares
    points where we compare confidence bounds, and has one distance for all numeric features.
    """
    quality, drift = policy.quality, policy.drift
    return {
        "version": 0.0,
        "features": [_constraint(name, each) for name, each in constraints_of(baseline.profile).items()],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1 - quality.invalid_percent / 100,
            "domain_content_threshold": 1 - quality.unseen_category_percent / 100,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": drift.ks_tolerance,
                "comparison_method": "Robust",
                "categorical_comparison_threshold": drift.ks_tolerance,
                "categorical_drift_method": "LInfinity",
            },
        },
    }


_QUALITY_CHECKS = {
    "absent_percent": "missing_column_check",
    "extra_column_percent": "extra_column_check",
    "null_percent": "completeness_check",
    "invalid_percent": "data_type_check",
    "malformed_percent": "data_type_check",
    "unseen_percent": "categorical_values_check",
    # Model Monitor has no check of these: the nearest says that values are not distributed as in training.
    "outside_range_percent": "baseline_drift_check",
    "negative_percent": "baseline_drift_check",
    "mean_shift_percent": "baseline_drift_check",
    "constant": "baseline_drift_check",
    "rescaled": "baseline_drift_check",
}


def violations(signals: Sequence[Signal]) -> dict[str, Any]:
    """`constraint_violations.json`: the data signals in breach.

    Left out is what has no counterpart: volume, freshness, repeated rows, performance, infrastructure, and
    drift of the predictions, which are no column of the input.
    """
    return {
        "violations": [
            {
                "feature_name": signal.subject,
                "constraint_check_type": check,
                "description": signal.reason,
            }
            for signal in signals
            if signal.status is Status.BREACH and (check := _check(signal))
        ]
    }


def _check(signal: Signal) -> str | None:
    if signal.kind is SignalKind.DATA_DRIFT:
        return "baseline_drift_check"
    return _QUALITY_CHECKS.get(signal.statistic) if signal.kind is SignalKind.DATA_QUALITY else None


def _constraint(name: str, constraint: Constraint) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": name,
        "inferred_type": constraint.inferred_type.value,
        "completeness": constraint.completeness,
    }
    if constraint.non_negative is not None:
        body["num_constraints"] = {"is_non_negative": constraint.non_negative}
    elif constraint.domain is not None:
        body["string_constraints"] = {"domains": sorted(constraint.domain)}
    return body


def _common(profile: Profile, place: int) -> dict[str, int]:
    return {"num_present": profile.present(place), "num_missing": int(profile.missing[place])}


def _textual(profile: Profile, place: int, feature: Categorical) -> dict[str, Any]:
    """Values that training never saw are in no bucket: a profile knows their number and a few of them, so
    that `distinct_count` is a lower bound where there are many."""
    counts = profile.of(place)[:-1].tolist()
    found = sorted((value, count) for value, count in zip(feature.categories, counts, strict=True) if count)
    body = {
        "common": _common(profile, place),
        "distinct_count": len(found) + len(profile.unseen.get(feature.name, ())),
        "distribution": {
            "categorical": {"buckets": [{"value": value, "count": count} for value, count in found]}
        },
    }
    return {
        "name": feature.name,
        "inferred_type": inferred_type(profile, place).value,
        "string_statistics": body,
    }


def _numerical(profile: Profile, place: int, feature: Numeric) -> dict[str, Any]:
    """Without a value there are counts alone: no mean, no minimum, no bucket."""
    body: dict[str, Any] = {"common": _common(profile, place)}
    if profile.present(place):
        mean, deviation = profile.moments(place)
        body |= {
            "mean": mean,
            "sum": _finite(profile.sums[place] * Fraction(feature.unit)),
            "std_dev": deviation,
            "min": float(profile.low[place]),
            "max": float(profile.high[place]),
        }
    body["distribution"] = {"kll": {"buckets": buckets(profile, place)}}
    return {
        "name": feature.name,
        "inferred_type": inferred_type(profile, place).value,
        "numerical_statistics": body,
    }


def buckets(profile: Profile, place: int) -> list[dict[str, float | int]]:
    """Counts on ten intervals of one width from the smallest to the largest value, as Deequ makes them: each
    holds its lower bound, the last one both.

    The counts add up to the number of values. A bound that divides a bin of the profile takes part of its
    count, as if its values were spread evenly: a bucket may be wrong by what the bins at its two bounds hold,
    each about 1/256 of values distributed as in training. A value that training repeats has a bin of its own
    and is never divided. One value has one bucket, no values have none.
    """
    present = profile.present(place)
    if not present:
        return []
    low, high = float(profile.low[place]), float(profile.high[place])
    if low == high:
        return [{"lower_bound": low, "upper_bound": high, "count": present}]
    parts = np.arange(BUCKETS + 1) / BUCKETS
    # Each end by its own weight, since their difference may be more than a float holds.
    bounds = low * (1 - parts) + high * parts
    # Between two neighbours of large floats they would not ascend.
    bounds = np.maximum.accumulate(np.clip(bounds, low, high))
    bounds[-1] = high
    below = np.concatenate(([0], _below(profile, place, bounds[1:-1]), [present]))
    return [
        {"lower_bound": float(bounds[i]), "upper_bound": float(bounds[i + 1]), "count": int(count)}
        for i, count in enumerate(np.diff(below))
    ]


def _below(profile: Profile, place: int, bounds: Floats) -> Floats:
    """How many values lie below each bound, in whole numbers."""
    feature = profile.layout.features[place]
    assert isinstance(feature, Numeric)
    up_to = np.append(np.cumsum(profile.of(place)), 0)
    low, high = profile.low[place], profile.high[place]
    inside = np.flatnonzero((feature.cuts > low) & (feature.cuts < high))
    # What is up to a cut that is not above the smallest value is the smallest value; -1 is before all cuts.
    lowest = up_to[np.searchsorted(feature.cuts, low, side="right") - 1]
    # Half of everything, so that no difference overflows.
    places = np.concatenate(([low], feature.cuts[inside], [high])) / 2
    levels: Floats = np.concatenate(([lowest], up_to[inside], [up_to[-2]]))
    at = np.nextafter(bounds, -np.inf) / 2
    right = np.clip(np.searchsorted(places, at), 1, places.size - 1)
    gap = places[right] - places[right - 1]
    # A share of the gap, not a slope: that of a gap near the smallest float is more than a float holds.
    share = np.clip((at - places[right - 1]) / np.where(gap > 0, gap, 1.0), 0, 1)
    return np.rint(levels[right - 1] + share * (levels[right] - levels[right - 1]))


def _finite(amount: Fraction) -> float:
    """The nearest float: the largest one for what is beyond it."""
    largest = np.finfo(np.float64).max
    return float(min(max(amount, -Fraction(largest)), Fraction(largest)))
