"""Data quality: nulls, unseen categories and unreadable records, against the baseline."""

from __future__ import annotations

from collections.abc import Mapping

from selfheal.observe.baseline import Baseline, Column
from selfheal.observe.hours import Window
from selfheal.observe.policy import QualityPolicy
from selfheal.observe.signals import Signal, SignalKind, Status


def quality_signals(baseline: Baseline, window: Window, policy: QualityPolicy) -> list[Signal]:
    """Signals of broken input. Fewer rows than `policy.min_rows` give one `NO_DATA` signal."""
    if window.rows + window.malformed < policy.min_rows:
        reason = f"{window.rows} rows, {policy.min_rows} are needed"
        return [_signal("rows", "count", None, None, Status.NO_DATA, reason, window.rows)]
    signals = [_malformed(window, policy)]
    for name, column in window.profile.items():
        signals.append(_nulls(name, baseline.profile[name], column, policy))
        if isinstance(column.counts, Mapping):
            signals.append(_unseen(name, baseline.profile[name], column, policy))
    return signals


def _malformed(window: Window, policy: QualityPolicy) -> Signal:
    total = window.rows + window.malformed
    percent = 100 * window.malformed / total
    reason = f"{window.malformed} of {total} captured records could not be read"
    return _limit("records", "malformed_percent", percent, policy.malformed_percent, reason, total)


def _nulls(name: str, reference: Column, column: Column, policy: QualityPolicy) -> Signal:
    before = 100 * reference.missing / max(1, reference.rows)
    percent = 100 * column.missing / max(1, column.rows)
    reason = f"{name}: {percent:.1f} % missing, {before:.1f} % in training"
    limit = before + policy.null_percent_above_baseline
    return _limit(name, "null_percent", percent, limit, reason, column.rows)


def _unseen(name: str, reference: Column, column: Column, policy: QualityPolicy) -> Signal:
    assert isinstance(reference.counts, Mapping)
    assert isinstance(column.counts, Mapping)
    unseen = {value: n for value, n in column.counts.items() if value not in reference.counts}
    percent = 100 * sum(unseen.values()) / max(1, column.present)
    worst = ", ".join(sorted(unseen, key=lambda value: -unseen[value])[:3])
    reason = f"{name}: {percent:.1f} % unseen in training" + (f" ({worst})" if unseen else "")
    return _limit(name, "unseen_percent", percent, policy.unseen_category_percent, reason, column.present)


def _limit(subject: str, statistic: str, value: float, limit: float, reason: str, sample: int) -> Signal:
    status = Status.OK if value <= limit else Status.BREACH
    return _signal(subject, statistic, value, limit, status, reason, sample)


def _signal(
    subject: str,
    statistic: str,
    value: float | None,
    limit: float | None,
    status: Status,
    reason: str,
    sample: int,
) -> Signal:
    return Signal(
        kind=SignalKind.DATA_QUALITY,
        subject=subject,
        statistic=statistic,
        status=status,
        reason=reason,
        value=value,
        low=value,
        threshold=limit,
        sample=sample,
    )
