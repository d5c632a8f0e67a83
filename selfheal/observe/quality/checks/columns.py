"""Checks of a single column by its share of bad rows.

Absent (the payload lacked the column), of the wrong type, empty: each bad value is counted by one of these
alone. Of the values that are there: out of the domain, far out of the range, negative.

What training would show of itself is part of every comparison. Of a fresh sample of the training data

- a share of (singletons of training) / n is of categories that training does not have (Good and Turing)
- a share of 2 / (n + 1) lies beyond its smallest or largest value, whatever its distribution

Source: I. Good, "The population frequencies of species and the estimation of population parameters",
Biometrika 40 (1953).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from selfheal.observe.policy import QualityPolicy
from selfheal.observe.profiles.layout import Categorical, Counts, Numeric
from selfheal.observe.profiles.profile import Profile
from selfheal.observe.quality.checks.judging import Certainty, Share, judge_share
from selfheal.observe.quality.constraints import Constraint, InferredType
from selfheal.observe.signals import Signal

EXAMPLES = 3
"""So many values that training never saw are named to people."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """An input of the window beside the same input of the training data.

    Attributes:
        place: of the feature in the layout that both profiles share.
        constraint: what training allows of it.
    """

    reference: Profile
    window: Profile
    place: int
    constraint: Constraint

    @property
    def name(self) -> str:
        return self.window.layout.features[self.place].name


@dataclass(frozen=True, kw_only=True)
class _Check:
    statistic: str
    share: Share
    limit_percent: float
    what: str


def column_signals(column: Column, policy: QualityPolicy, certainty: Certainty) -> list[Signal]:
    """The signals of an input that rest on a share of its rows."""
    feature = column.window.layout.features[column.place]
    checks = _presence(column, policy)
    if isinstance(feature, Numeric):
        checks += _numbers(column, feature, policy)
    elif column.constraint.domain is not None:
        checks.append(_domain(column, feature, column.constraint.domain, policy))
    return [
        judge_share(column.name, check.statistic, check.share, check.limit_percent, check.what, certainty)
        for check in checks
    ]


def beyond(feature: Numeric, counts: Counts, margin_percent: float) -> int:
    """Values beyond the training range widened on either side by so many per cent of its width.

    The border is the first of the feature's cuts at least that far out: they lie an eighth of a doubling
    apart. The range of a constant has no width; the first cut, a sixteenth of its size away, is its border.

    >>> values = np.linspace(0.0, 100.0, 1001)
    >>> feature = Numeric.of("x", values)
    >>> counts = feature.count(np.array([-150.0, -50.0, -1.0, 50.0, 101.0, 199.0, 201.0]))
    >>> beyond(feature, counts, 0.0), beyond(feature, counts, 100.0)
    (6, 2)
    """
    low, high = float(feature.edges[0]), float(feature.edges[-1])
    with np.errstate(over="ignore"):
        margin = np.float64(margin_percent / 100) * np.minimum(high - low, np.finfo(float).max)
        above = int(np.searchsorted(feature.cuts, high + margin, side="left"))
        below = int(np.searchsorted(feature.cuts, low - margin, side="right"))
    return int(counts[above + 1 :].sum() + counts[:below].sum())


def _presence(column: Column, policy: QualityPolicy) -> list[_Check]:
    window, place = column.window, column.place
    rows, trained = window.rows, column.reference.rows
    absent, invalid = int(window.absent[place]), int(window.invalid[place])
    empty = max(0, int(window.missing[place]) - absent - invalid)
    allowed = round((1 - column.constraint.completeness) * trained)
    return [
        _Check(
            statistic="absent_percent",
            share=Share(bad=absent, total=rows, before=0, trained=trained),
            limit_percent=policy.absent_percent,
            what="came without the column",
        ),
        _Check(
            statistic="null_percent",
            share=Share(bad=empty, total=rows - absent, before=allowed, trained=trained),
            limit_percent=policy.null_percent_above_baseline,
            what="are empty",
        ),
        _Check(
            statistic="invalid_percent",
            share=Share(bad=invalid, total=rows - absent, before=0, trained=trained),
            limit_percent=policy.invalid_percent,
            what=_wrong_type(column),
        ),
    ]


def _wrong_type(column: Column) -> str:
    text = column.constraint.inferred_type is InferredType.STRING
    return "hold a list or an object" if text else "hold text where a number belongs"


def _numbers(column: Column, feature: Numeric, policy: QualityPolicy) -> list[_Check]:
    window, place = column.window, column.place
    present, trained = window.present(place), column.reference.present(place)
    margin = policy.range_margin_percent
    far = beyond(feature, window.of(place), margin)
    wide = f", widened by {margin:g} % of its width" if margin else ""
    checks = [
        _Check(
            statistic="outside_range_percent",
            share=Share(bad=far, total=present, before=min(2, trained), trained=trained + 1),
            limit_percent=policy.outside_range_percent,
            what=f"lie outside the training range{wide} (values from {window.low[place]:g} "
            f"to {window.high[place]:g})",
        )
    ]
    if column.constraint.non_negative:
        checks.append(
            _Check(
                statistic="negative_percent",
                share=Share(bad=int(window.negative[place]), total=present, before=0, trained=trained),
                limit_percent=policy.negative_percent,
                what="are below zero, which no training value is",
            )
        )
    return checks


def _domain(column: Column, feature: Categorical, domain: tuple[str, ...], policy: QualityPolicy) -> _Check:
    allowed = set(domain)
    inside = np.array([category in allowed for category in feature.categories] + [False])
    counts, trained = column.window.of(column.place), column.reference.of(column.place)
    names = [
        *column.window.unseen.get(feature.name, ()),
        *(c for c, n, ok in zip(feature.categories, counts, inside, strict=False) if n and not ok),
    ]
    singletons = int((trained[inside] == 1).sum())
    return _Check(
        statistic="unseen_percent",
        share=Share(
            bad=int(counts[~inside].sum()),
            total=int(counts.sum()),
            before=singletons,
            trained=int(trained.sum()),
        ),
        limit_percent=policy.unseen_category_percent,
        what=f"are values that training never saw{_examples(names, domain)}",
    )


def _examples(names: list[str], domain: tuple[str, ...]) -> str:
    if not names:
        return ""
    shown = ", ".join(names[:EXAMPLES]) + (", …" if len(names) > EXAMPLES else "")
    return f" ({shown}{_in_other_words(names, domain)})"


def _in_other_words(names: list[str], domain: tuple[str, ...]) -> str:
    """What the new values are, where they tell of another type or another spelling."""
    known = [_number(value) for value in domain]
    new = [_number(value) for value in names]
    if all(number is not None for number in new):
        if not any(number is not None for number in known):
            return ": numbers, where training had text"
        if set(new) <= set(known):
            return ": numbers of training, written in another way"
    elif all(number is None for number in new) and all(number is not None for number in known):
        return ": text, where training had numbers"
    folded = {value.strip().casefold() for value in domain}
    if all(value.strip().casefold() in folded for value in names):
        return ": values of training, in other letters or with blanks"
    return ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
