"""Drift of each feature from the champion's training data.

Rule `certain`, the default, has two levels. `WARN`: the watch is certain that the feature moved, however
little. `BREACH`: it is certain that the feature moved farther than its tolerance, in the window that says so
most clearly: the lower confidence bound of its distance, and not the distance, is beyond. Both keep their
error over all features and over a month of hourly looks (`DriftPolicy.false_alarms_percent`), and go on doing
so month after month.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from selfheal.observe.baseline import Baseline
from selfheal.observe.drift.budget import bound_alpha
from selfheal.observe.drift.comparison import Comparer, Comparison, Habits
from selfheal.observe.drift.e_detector import by_feature
from selfheal.observe.drift.scores import Scores
from selfheal.observe.drift.watch import Watch
from selfheal.observe.hours import WEEK, Window
from selfheal.observe.policy import Correction, DriftPolicy, DriftRule
from selfheal.observe.profiles.layout import Categorical, Feature, Role
from selfheal.observe.profiles.profile import Profile
from selfheal.observe.reading.traffic import EPOCH
from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.observe.statistics.chi_square import chi_square
from selfheal.observe.statistics.kolmogorov_smirnov import ks_p_value
from selfheal.observe.statistics.ks_lower_bound import ks_lower_bound
from selfheal.observe.statistics.mean_shift import in_units
from selfheal.observe.statistics.multiple_testing import benjamini_hochberg, bonferroni
from selfheal.observe.statistics.stability_index import (
    group_bins,
    psi_lower_bound,
    psi_threshold,
    stability_index,
)

# The shortest window is where most is to be seen first; the longer ones share the rest.
_SHORTEST_SHARE = 0.8

KINDS = {Role.INPUT: SignalKind.DATA_DRIFT, Role.OUTPUT: SignalKind.PREDICTION_DRIFT}


def drift_signals(
    baseline: Baseline, windows: Sequence[Window], watch: Watch | None, policy: DriftPolicy
) -> list[Signal]:
    """One signal a feature.

    Args:
        windows: that end now, the shortest first.
        watch: after the last hour; None where the baseline knows no hours.
    """
    scores = baseline.scores
    features = baseline.layout.features
    habits = Habits.of(baseline, watch, wandering=policy.discount_wandering)
    comparers = [Comparer(baseline, habits, window, policy.min_rows) for window in windows]
    compared = [
        [found for comparer in comparers if (found := comparer.compare(place))]
        for place in range(len(features))
    ]
    if policy.rule is DriftRule.CERTAIN:
        moves = _moves(watch, scores, len(features))
        return [
            _certain(
                _Subject(baseline.profile, place, feature), compared[place], windows, moves[place], policy
            )
            for place, feature in enumerate(features)
        ]
    return _plain(baseline, compared, windows, policy)


@dataclass(frozen=True, kw_only=True)
class _Move:
    """What the watch says of a feature: whether it moved, about since when, and how sure that is.

    Attributes:
        known: whether its hours were watched for so long that their own wandering is known. Before, a bound
            may be above zero for that alone; that it is beyond the tolerance counts from the first hour.
    """

    certain: bool
    known: bool
    since: datetime | None
    evidence: float


@dataclass(frozen=True)
class _Subject:
    """A feature and its training data."""

    reference: Profile
    place: int
    feature: Feature

    @property
    def statistic(self) -> str:
        return "psi" if isinstance(self.feature, Categorical) else "ks"

    def measure(self, comparison: Comparison, alpha: float) -> tuple[float, float]:
        """The distance and its lower confidence bound."""
        before, after = comparison.before, comparison.after
        if self.statistic == "psi":
            low = psi_lower_bound(before, after, alpha, n=comparison.n, m=comparison.m)
            return stability_index(before, after), low
        low = ks_lower_bound(comparison.distance, comparison.n, comparison.m, alpha)
        return comparison.distance, low

    def shift(self, window: Window) -> str:
        """How the mean moved, in words; nothing for a categorical feature."""
        if isinstance(self.feature, Categorical) or not window.profile.present(self.place):
            return ""
        before, deviation = self.reference.moments(self.place)
        after, _ = window.profile.moments(self.place)
        moved = in_units(after - before, deviation)
        sign = f", {moved:+.2f} sd" if math.isfinite(moved) else ""
        return f", mean {before:.4g} → {after:.4g}{sign}"


# Where the training data carry no times, rows are taken for independent, and the bound says it all.
_UNWATCHED = _Move(certain=False, known=True, since=None, evidence=0.0)


def _moves(watch: Watch | None, scores: Scores, features: int) -> list[_Move]:
    if watch is None:
        return [_UNWATCHED] * features
    evidence = by_feature(watch.evidence, scores.owner, scores.share, features)
    return [
        _Move(
            certain=bool(watch.moved[place]),
            known=bool(watch.looks[place] >= WEEK),
            since=None if np.isnan(watch.calm[place]) else _time(float(watch.calm[place]) + 1),
            evidence=float(evidence[place]),
        )
        for place in range(features)
    ]


def _certain(
    subject: _Subject,
    compared: Sequence[Comparison],
    windows: Sequence[Window],
    move: _Move,
    policy: DriftPolicy,
) -> Signal:
    if not compared:
        return _no_data(subject, windows, move, policy)
    features = len(subject.reference.layout.features)
    alpha = bound_alpha(policy, features)
    longer = max(1, len(windows) - 1)
    found = []
    for comparison in compared:
        share = _SHORTEST_SHARE if comparison.window is windows[0] else (1 - _SHORTEST_SHARE) / longer
        found.append((*subject.measure(comparison, alpha * share), comparison, alpha * share))
    value, low, comparison, risk = max(found, key=lambda each: (each[1], each[0]))
    tolerance = policy.psi_tolerance if subject.statistic == "psi" else policy.ks_tolerance
    certain = move.certain or (move.known and low > 0)
    status = Status.BREACH if low > tolerance else Status.WARN if certain else Status.OK
    return Signal(
        kind=KINDS[subject.feature.role],
        subject=subject.feature.name,
        statistic=subject.statistic,
        status=status,
        reason=_reason(subject, comparison, status, (value, low, tolerance, risk), move),
        value=value,
        low=low,
        threshold=tolerance,
        sample=int(comparison.after.sum()),
    )


def _reason(
    subject: _Subject,
    comparison: Comparison,
    status: Status,
    numbers: tuple[float, float, float, float],
    move: _Move,
) -> str:
    value, low, tolerance, risk = numbers
    name = subject.feature.name
    label = {"ks": "KS distance", "psi": "PSI"}[subject.statistic]
    hours = comparison.window.length_hours
    if status is Status.OK:
        return f"{name}: {label} {value:.2f} over {hours} h, no certain shift"
    since = f" since about {move.since:%Y-%m-%d %H:%M}" if move.certain and move.since else ""
    sure = f", at least {low:.2f} with {_percent(1 - risk)} certainty" if low > 0 else ""
    odds = f", evidence of a shift {_odds(move.evidence)} to 1" if move.certain else ""
    how = "" if status is Status.BREACH else ", not certainly beyond its tolerance"
    return (
        f"{name} moved{how}{since}: {label} {value:.2f} over {hours} h{sure} "
        f"(tolerance {tolerance:g}){subject.shift(comparison.window)}{odds}"
    )


def _percent(share: float) -> str:
    """A share close to one, with as many nines as it has: 0.9999994 → 99.99994 %."""
    digits = max(0, math.ceil(-math.log10(max(1 - share, 1e-15))) - 2)
    return f"{100 * share:.{digits}f} %"


def _odds(evidence: float) -> str:
    return f"{evidence:,.0f}" if evidence < 1e6 else f"10^{math.floor(math.log10(evidence))}"


def _no_data(subject: _Subject, windows: Sequence[Window], move: _Move, policy: DriftPolicy) -> Signal:
    """Too little to measure a distance with; that the feature moved may be certain all the same."""
    longest = windows[-1]
    present = int(longest.counts[subject.reference.layout.bins(subject.place)].sum()) if longest.parts else 0
    name = subject.feature.name
    since = f" since about {move.since:%Y-%m-%d %H:%M}" if move.since else ""
    need = (
        f"{longest.rows} rows in {longest.length_hours} h, {present} with {name}; {policy.min_rows} are needed, "
        "half of them with it, over a whole day or week where its hours differ"
    )
    return Signal(
        kind=KINDS[subject.feature.role],
        subject=name,
        statistic=subject.statistic,
        status=Status.WARN if move.certain else Status.NO_DATA,
        reason=f"{name} moved{since}, how far is not known yet: {need}"
        if move.certain
        else f"{name}: {need}",
        sample=present,
    )


def _plain(
    baseline: Baseline,
    compared: Sequence[Sequence[Comparison]],
    windows: Sequence[Window],
    policy: DriftPolicy,
) -> list[Signal]:
    """The rules of other monitors, on the shortest window that can be compared."""
    features = baseline.layout.features
    subjects = [_Subject(baseline.profile, place, feature) for place, feature in enumerate(features)]
    if policy.rule is DriftRule.PSI:
        judged = [_psi_rule(s, c[0], policy) if c else None for s, c in zip(subjects, compared, strict=True)]
    else:
        judged = _p_value_rule(subjects, compared, policy)
    return [
        signal or _no_data(subject, windows, _UNWATCHED, policy)
        for subject, signal in zip(subjects, judged, strict=True)
    ]


def _psi_rule(subject: _Subject, comparison: Comparison, policy: DriftPolicy) -> Signal:
    before, after = comparison.before, comparison.after
    if subject.statistic == "ks":
        before, after = group_bins(before, after)
    value = stability_index(before, after)
    threshold = psi_threshold(policy.psi_tolerance, len(before), comparison.n, comparison.m)
    status = Status.BREACH if value > threshold else Status.OK
    reason = f"{subject.feature.name}: PSI {value:.3f}, threshold {threshold:.3f}{subject.shift(comparison.window)}"
    return _plain_signal(subject, comparison, "psi", status, value, threshold, reason)


def _p_value_rule(
    subjects: Sequence[_Subject], compared: Sequence[Sequence[Comparison]], policy: DriftPolicy
) -> list[Signal | None]:
    raw = np.array(
        [_p_value(s, c[0]) if c else np.nan for s, c in zip(subjects, compared, strict=True)],
        dtype=np.float64,
    )
    correct = {Correction.BONFERRONI: bonferroni, Correction.BENJAMINI_HOCHBERG: benjamini_hochberg}
    p_values = raw
    if policy.correction is not Correction.NONE:
        p_values = correct[policy.correction](raw, policy.p_value).adjusted
    signals: list[Signal | None] = []
    for subject, comparisons, p in zip(subjects, compared, p_values.tolist(), strict=True):
        if not comparisons:
            signals.append(None)
            continue
        # NaN compares false with everything: breach by what must hold, and OK by what must hold.
        status = Status.BREACH if p < policy.p_value else Status.OK if p >= policy.p_value else Status.NO_DATA
        shift = subject.shift(comparisons[0].window)
        reason = f"{subject.feature.name}: p = {p:.3g}, limit {policy.p_value:g}{shift}"
        signals.append(_plain_signal(subject, comparisons[0], "p_value", status, p, policy.p_value, reason))
    return signals


def _p_value(subject: _Subject, comparison: Comparison) -> float:
    if subject.statistic == "psi":
        return chi_square(comparison.before, comparison.after).p_value
    return ks_p_value(comparison.distance, comparison.n, comparison.m)


def _plain_signal(
    subject: _Subject,
    comparison: Comparison,
    statistic: str,
    status: Status,
    value: float,
    threshold: float,
    reason: str,
) -> Signal:
    return Signal(
        kind=KINDS[subject.feature.role],
        subject=subject.feature.name,
        statistic=statistic,
        status=status,
        reason=reason,
        value=value,
        low=value,
        threshold=threshold,
        sample=int(comparison.after.sum()),
    )


def _time(hour: float) -> datetime:
    return EPOCH + timedelta(hours=hour)
