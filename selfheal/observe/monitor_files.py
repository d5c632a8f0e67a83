"""The files that Model Monitor's users know: statistics, constraints and violations.

Formats: "Schema for statistics", "Schema for constraints" and "Schema for violations" of Amazon SageMaker
Model Monitor, developer guide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.baseline import Baseline, Column, Counts, Feature, Profile
from selfheal.observe.policy import ObservePolicy
from selfheal.observe.signals import Signal, SignalKind, Status

BUCKETS = 10


def statistics(features: Sequence[Feature], profile: Profile) -> dict[str, Any]:
    """`statistics.json`: counts and distributions of a window."""
    rows = max((column.rows for column in profile.values()), default=0)
    return {
        "version": 0.0,
        "dataset": {"item_count": rows},
        "features": [
            _statistics(feature, profile[feature.name]) for feature in features if feature.name in profile
        ],
    }


def constraints(baseline: Baseline, policy: ObservePolicy) -> dict[str, Any]:
    """`constraints.json`: what the champion's training data allow."""
    return {
        "version": 0.0,
        "features": [_constraints(feature, baseline.profile[feature.name]) for feature in baseline.features],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1 - policy.quality.unseen_category_percent / 100,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": policy.drift.ks_tolerance,
                "comparison_method": "Robust",
                "categorical_comparison_threshold": policy.drift.ks_tolerance,
                "categorical_drift_method": "LInfinity",
            },
        },
    }


_CHECKS = {
    (SignalKind.DATA_DRIFT, "ks"): "baseline_drift_check",
    (SignalKind.DATA_DRIFT, "psi"): "baseline_drift_check",
    (SignalKind.DATA_QUALITY, "null_percent"): "completeness_check",
    (SignalKind.DATA_QUALITY, "unseen_percent"): "categorical_values_check",
    (SignalKind.DATA_QUALITY, "malformed_percent"): "data_type_check",
}


def violations(signals: Sequence[Signal]) -> dict[str, Any]:
    """`constraint_violations.json`: the data signals in breach."""
    return {
        "violations": [
            {
                "feature_name": signal.subject,
                "constraint_check_type": _CHECKS[signal.kind, signal.statistic],
                "description": signal.reason,
            }
            for signal in signals
            if signal.status is Status.BREACH and (signal.kind, signal.statistic) in _CHECKS
        ]
    }


def _statistics(feature: Feature, column: Column) -> dict[str, Any]:
    common = {"num_present": column.present, "num_missing": column.missing}
    if isinstance(column.counts, Mapping):
        buckets = [{"value": value, "count": count} for value, count in sorted(column.counts.items())]
        body = {
            "common": common,
            "distinct_count": len(buckets),
            "distribution": {"categorical": {"buckets": buckets}},
        }
        return {"name": feature.name, "inferred_type": "String", "string_statistics": body}
    assert feature.bins is not None
    buckets = _buckets(feature.bins.edges, column.counts)
    body = {"common": common, "distribution": {"kll": {"buckets": buckets}}}
    return {"name": feature.name, "inferred_type": "Fractional", "numerical_statistics": body}


def _buckets(edges: NDArray[np.float64], counts: Counts) -> list[dict[str, Any]]:
    """Neighbouring bins put together, as many as Model Monitor writes. What lies beyond the training range
    counts in the outermost, so that the buckets hold every value."""
    inner = counts[1:-1].copy()
    if inner.size == 0:
        return []
    inner[0] += counts[0]
    inner[-1] += counts[-1]
    groups = np.array_split(np.arange(inner.size), min(BUCKETS, inner.size))
    return [
        {
            "lower_bound": float(edges[group[0]]),
            "upper_bound": float(edges[group[-1] + 1]),
            "count": int(inner[group].sum()),
        }
        for group in groups
    ]


def _constraints(feature: Feature, column: Column) -> dict[str, Any]:
    completeness = column.present / max(1, column.rows)
    if isinstance(column.counts, Mapping):
        domain = {"string_constraints": {"domains": sorted(column.counts)}}
        return {"name": feature.name, "inferred_type": "String", "completeness": completeness, **domain}
    assert feature.bins is not None
    # The first edge lies just below the smallest training value.
    smallest = np.nextafter(feature.bins.edges[0], np.inf)
    sign = {"num_constraints": {"is_non_negative": bool(smallest >= 0)}}
    return {"name": feature.name, "inferred_type": "Fractional", "completeness": completeness, **sign}
