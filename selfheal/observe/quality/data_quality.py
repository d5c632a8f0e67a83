"""Data quality: whether traffic is something that a model may be asked about at all.

Every check is a signal, held against what the training data allow (`constraints`):

- records: malformed lines, repeated rows, columns that the model does not know
- rows: volume, freshness
- an input: column absent, value of the wrong type, empty, out of the domain, far out of the range, negative;
  mean shifted, sensor stuck, unit changed

A share is judged by its exact lower confidence bound (`checks.proportion`), so that one bad row of three is
no alarm. The chance of a false certainty is divided among all checks of a report (Bonferroni), so that many
columns do not add up to many false warnings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from selfheal.observe.baseline import Baseline
from selfheal.observe.hours import Hour, Window
from selfheal.observe.policy import QualityPolicy
from selfheal.observe.profiles.layout import Numeric
from selfheal.observe.quality.checks.arrivals import freshness_signal, volume_signal
from selfheal.observe.quality.checks.columns import Column, column_signals
from selfheal.observe.quality.checks.judging import Certainty, Share, judge_share, quality_signal
from selfheal.observe.quality.checks.numbers import number_signals, stands_still, stuck_signals
from selfheal.observe.quality.checks.unit import HourlyProfiles, unit_signal
from selfheal.observe.quality.constraints import Constraints, constraints_of
from selfheal.observe.signals import Signal, Status
from selfheal.observe.statistics.unit_change import Pace

CHECKS = 10
"""Bounds that are taken of one input, at most, and of records and rows together: what the chance of a false
certainty is divided by, for each."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What else is known beside the window that is judged.

    Attributes:
        usual_rows_per_hour: of the hours that volume is judged on; None where it is not known.
        lately: what volume is judged on; by default the window, which is the longer the fewer rows come.
        days: where a sensor that stands still is looked for if the window is shorter than
            `QualityPolicy.stuck_hours`; by default nowhere.
        hours: in order of time, over which units are followed; by default none.
    """

    usual_rows_per_hour: float | None = None
    lately: Window | None = None
    days: Window | None = None
    hours: Sequence[Hour] = ()


def quality_signals(
    baseline: Baseline,
    window: Window,
    policy: QualityPolicy,
    now: datetime,
    context: Context = Context(),
    constraints: Constraints | None = None,
) -> list[Signal]:
    """Signals of broken input; of the model's inputs alone, never of its outputs.

    With fewer than `policy.min_rows` rows there is one `NO_DATA` signal in their stead, beside breaches of
    volume and freshness, which few rows are a reason for. That little traffic is fresh is not reported then:
    it says nothing of quality.

    Args:
        constraints: by input, where a team set its own; by default those that training gives.
    """
    limits = constraints_of(baseline.profile) if constraints is None else constraints
    alpha = (1 - policy.confidence) / (CHECKS * (len(limits) + 1))
    certainty = Certainty(alpha=alpha, min_rows=policy.min_rows)
    arrivals = [
        volume_signal(context.lately or window, policy, alpha, context.usual_rows_per_hour),
        freshness_signal(window, policy, alpha, now, context.usual_rows_per_hour),
    ]
    few = window.rows < policy.min_rows
    if few:
        arrivals = [signal for signal in arrivals if signal.status is Status.BREACH]
        reason = f"{window.rows} rows, {policy.min_rows} are needed"
        arrivals.append(quality_signal("rows", "count", Status.NO_DATA, reason, sample=window.rows))
    if window.rows + window.malformed + window.duplicates < policy.min_rows:
        return arrivals
    records = _records(baseline, window, policy, certainty)
    if few:
        return [*records, *arrivals]
    return [*records, *arrivals, *_inputs(baseline, window, context, limits, policy, certainty)]


def _records(baseline: Baseline, window: Window, policy: QualityPolicy, certainty: Certainty) -> list[Signal]:
    trained, rows = baseline.profile.rows, window.rows
    captured = rows + window.duplicates
    names = f" ({', '.join(window.extra)})" if window.extra else ""
    checks = [
        ("malformed_percent", window.malformed, captured + window.malformed, policy.malformed_percent),
        ("duplicate_percent", window.duplicates, captured, policy.duplicate_percent),
        ("extra_column_percent", window.extra_rows, rows, policy.extra_column_percent),
    ]
    words = {
        "malformed_percent": "could not be read",
        "duplicate_percent": "repeat the key of another",
        "extra_column_percent": f"carry a column that the model does not know{names}",
    }
    return [
        judge_share(
            "records",
            statistic,
            Share(bad=bad, total=total, before=0, trained=trained),
            limit,
            words[statistic],
            certainty,
        )
        for statistic, bad, total, limit in checks
    ]


def _inputs(
    baseline: Baseline,
    window: Window,
    context: Context,
    limits: Constraints,
    policy: QualityPolicy,
    certainty: Certainty,
) -> list[Signal]:
    long_enough = window if window.length_hours >= policy.stuck_hours else context.days
    hourly = [(hour.number, hour.profile) for hour in context.hours]
    signals: list[Signal] = []
    for place, feature in enumerate(baseline.layout.features):
        if feature.name not in limits:
            continue
        column = Column(
            reference=baseline.profile,
            window=window.profile,
            place=place,
            constraint=limits[feature.name],
        )
        signals += column_signals(column, policy, certainty)
        signals += _numbers(column, baseline.paces.get(feature.name), hourly, policy, certainty)
        # Adding up days costs more than all else here: only for what stands still lately.
        if long_enough and stands_still(column):
            stuck = stuck_signals(replace(column, window=long_enough.profile), certainty)
            signals += [
                replace(s, since=long_enough.start) if s.status is Status.BREACH else s for s in stuck
            ]
    return signals


def _numbers(
    column: Column,
    pace: Pace | None,
    hourly: HourlyProfiles,
    policy: QualityPolicy,
    certainty: Certainty,
) -> list[Signal]:
    signals = number_signals(column, policy, certainty)
    feature = column.window.layout.features[column.place]
    if not signals or pace is None or not isinstance(feature, Numeric):
        return signals
    changed = unit_signal(hourly, column.place, feature, pace)
    if changed is None:
        return signals
    # Where the hours say so, they know the unit better than the window's distribution does.
    return [*(each for each in signals if each.statistic != "rescaled"), changed]
