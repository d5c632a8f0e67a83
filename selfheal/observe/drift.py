"""Drift of each feature from the champion's training data.

`BREACH` needs a lower confidence bound beyond the tolerance, so that neither chance nor a large window
makes a harmless shift look harmful; `WARN` says that a shift is certain, however small. The confidence is
shared out over the features (Bonferroni), so that many features do not cry wolf more often than one.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist

from selfheal.observe.baseline import Baseline, Column, Feature, Profile
from selfheal.observe.kolmogorov_smirnov import ks_distance
from selfheal.observe.policy import DriftPolicy
from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.observe.stability_index import align_categories, group_bins, stability_index


def drift_signals(baseline: Baseline, window: Profile, policy: DriftPolicy) -> list[Signal]:
    """One signal a feature: KS distance for numbers, PSI for categories (and for numbers beside KS)."""
    alpha = (1 - policy.confidence) / len(baseline.features)
    return [
        _judge(feature, baseline.profile[feature.name], window.get(feature.name), policy, alpha)
        for feature in baseline.features
    ]


def _judge(
    feature: Feature, reference: Column, column: Column | None, policy: DriftPolicy, alpha: float
) -> Signal:
    present = column.present if column else 0
    if column is None or column.rows < policy.min_rows or 2 * present < policy.min_rows:
        rows = column.rows if column else 0
        reason = (
            f"{rows} rows, {present} with {feature.name}; {policy.min_rows} are needed, half of them with it"
        )
        return Signal(
            kind=SignalKind.DATA_DRIFT,
            subject=feature.name,
            statistic="ks" if feature.is_numeric else "psi",
            status=Status.NO_DATA,
            reason=reason,
            sample=present,
        )
    if isinstance(reference.counts, Mapping) or isinstance(column.counts, Mapping):
        return _categorical(feature.name, reference, column, policy, alpha)
    return _numeric(feature.name, reference, column, policy, alpha)


def _numeric(name: str, reference: Column, column: Column, policy: DriftPolicy, alpha: float) -> Signal:
    assert not isinstance(reference.counts, Mapping)
    assert not isinstance(column.counts, Mapping)
    distance, low = ks_distance(reference.counts, column.counts, alpha)
    psi, _ = stability_index(*group_bins(reference.counts, column.counts), z=0.0)
    return _signal(name, "ks", distance, low, policy.ks_tolerance, column.present, f", PSI {psi:.2f}")


def _categorical(name: str, reference: Column, column: Column, policy: DriftPolicy, alpha: float) -> Signal:
    assert isinstance(reference.counts, Mapping)
    assert isinstance(column.counts, Mapping)
    counts = align_categories(reference.counts, column.counts)
    value, low = stability_index(*counts, z=NormalDist().inv_cdf(1 - alpha))
    return _signal(name, "psi", value, low, policy.psi_tolerance, column.present, "")


def _signal(
    name: str, statistic: str, value: float, low: float, tolerance: float, sample: int, more: str
) -> Signal:
    status = Status.BREACH if low > tolerance else Status.WARN if low > 0 else Status.OK
    label = {"ks": "KS distance", "psi": "PSI"}[statistic]
    reason = f"{name} moved: {label} {value:.2f} (at least {low:.2f}; tolerance {tolerance:g}){more}"
    if status is Status.OK:
        reason = f"{name}: {label} {value:.2f}, no certain shift"
    return Signal(
        kind=SignalKind.DATA_DRIFT,
        subject=name,
        statistic=statistic,
        status=status,
        reason=reason,
        value=value,
        low=low,
        threshold=tolerance,
        sample=sample,
    )
