"""Drift between columns: something changed although every column by itself is as it was.

Once a day a classifier is trained to tell the window's rows from the training data's. It looks at a sample
of whole rows and names what tells them apart; it warns, and leaves breaches to what can be measured in a
column or in quality.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.drift.comparison import Habits
from selfheal.observe.drift.rhythm import Rhythm
from selfheal.observe.hours import Window
from selfheal.observe.profiles.layout import Layout, Role
from selfheal.observe.profiles.row_sample import MISSING
from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.observe.statistics.domain_classifier import Driver, domain_classifier

SUBJECT = "all features together"
# Fewer rows on a side teach a classifier of pairs nothing.
LEAST = 300
MOST = 3000


def joint_signal(layout: Layout, rhythm: Rhythm, habits: Habits, window: Window, alpha: float) -> Signal:
    """One signal of all inputs; `NO_DATA` below `LEAST` rows that count, or while it is not known which do."""
    inputs = [place for place, feature in enumerate(layout.features) if feature.role is Role.INPUT]
    known = [effect for effect in habits.effects if not math.isnan(effect)]
    before = rhythm.codes[:, inputs]
    sampled = codes_of(window)[:, inputs] if window.parts else before[:0]
    if not known:
        reason = "how many rows count as one is not known yet: too few hours were looked at"
        return _signal(Status.NO_DATA, reason, len(sampled))
    after = _thinned(sampled, round(max(known)))
    if min(len(before), len(after)) < LEAST:
        reason = f"{len(after)} sampled rows that count, {LEAST} are needed to compare rows as a whole"
        return _signal(Status.NO_DATA, reason, len(after))
    found = domain_classifier(_values(before), _values(after), alpha, seed=0)
    sure = f"AUC {found.auc:.2f}, at least {found.low:.2f}"
    if not found.low > 0.5:
        reason = (
            f"rows as a whole: a classifier cannot tell them from the training data (AUC {found.auc:.2f})"
        )
        return _signal(Status.OK, reason, len(after), found.auc, found.low)
    names = [layout.features[place].name for place in inputs]
    told = "; ".join(_driver(driver, names) for driver in found.drivers[:3])
    reason = f"a classifier tells these rows from the training data ({sure}) by {told}"
    return _signal(Status.WARN, reason, len(after), found.auc, found.low)


def codes_of(window: Window) -> NDArray[np.uint16]:
    """The sampled rows of a window's hours, in order of time, as bin numbers; shape (rows, features)."""
    return np.concatenate([hour.profile.sample.codes for hour in window.parts])


def _thinned(codes: NDArray[np.uint16], effect: int) -> NDArray[np.uint16]:
    """Every n-th row, so that rows that resemble their neighbours count once; at most `MOST`."""
    step = max(1, effect, math.ceil(len(codes) / MOST))
    return codes[::step]


def _values(codes: NDArray[np.uint16]) -> NDArray[np.float64]:
    return np.where(codes == MISSING, np.nan, codes.astype(np.float64))


def _driver(driver: Driver, names: list[str]) -> str:
    first, *rest = (names[column] for column in driver.columns)
    if driver.missing:
        what = f"missing {first}"
    elif not rest:
        what = first
    else:
        what = f"the spread of {first}" if rest[0] == first else f"{first} with {rest[0]}"
    return f"{what} ({100 * driver.share:.0f} %)"


def _signal(
    status: Status, reason: str, sample: int, value: float | None = None, low: float | None = None
) -> Signal:
    return Signal(
        kind=SignalKind.DATA_DRIFT,
        subject=SUBJECT,
        statistic="auc",
        status=status,
        reason=reason,
        value=value,
        low=low,
        threshold=0.5,
        sample=sample,
    )
