"""How a share of bad rows becomes a signal: the same rule for every check of data quality."""

from __future__ import annotations

from dataclasses import dataclass

from selfheal.observe.quality.checks.proportion import lower_share, upper_share
from selfheal.observe.signals import Signal, SignalKind, Status


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many rows are bad, and how many of training were.

    Attributes:
        bad, total: rows of the window.
        before, trained: rows of the training data, or of what a fresh sample of them would show.
    """

    bad: int
    total: int
    before: int
    trained: int

    @property
    def percent(self) -> float:
        return 100 * self.bad / self.total

    @property
    def percent_before(self) -> float:
        return 100 * self.before / self.trained if self.trained else 0.0


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """Attributes:
    alpha: chance that one bound is wrong.
    min_rows: fewer rows than this are not judged.
    """

    alpha: float
    min_rows: int


def judge_share(
    subject: str, statistic: str, share: Share, limit_percent: float, what: str, certainty: Certainty
) -> Signal:
    """The signal of a share of bad rows.

    `BREACH` if the share is certain to exceed that of training by more than `limit_percent` percentage
    points; `WARN` if it is certain to exceed it at all (its lower bound lies above the upper bound of
    training's); `NO_DATA` if it rests on fewer than `min_rows` rows. A limit that is no number passes nothing.

    Args:
        what: what is bad about the rows, to follow "12.3 % of 2,000 rows".
    """
    if share.total < certainty.min_rows:
        reason = f"{subject}: {share.total:,} rows to judge {statistic} by, {certainty.min_rows:,} are needed"
        return quality_signal(subject, statistic, Status.NO_DATA, reason, sample=share.total)
    low = 100 * lower_share(share.bad, share.total, certainty.alpha)
    before = 100 * upper_share(share.before, share.trained, certainty.alpha)
    limit = share.percent_before + limit_percent
    status = Status.OK
    if not low <= limit:
        status = Status.BREACH
    elif not low <= before:
        status = Status.WARN
    reason = (
        f"{subject}: {share.percent:.2f} % of {share.total:,} rows {what}, for certain at least {low:.2f} %; "
        f"{share.percent_before:.2f} % in training, the limit is {limit:.2f} %"
    )
    return quality_signal(subject, statistic, status, reason, share.percent, low, limit, share.total)


def quality_signal(
    subject: str,
    statistic: str,
    status: Status,
    reason: str,
    value: float | None = None,
    low: float | None = None,
    threshold: float | None = None,
    sample: int = 0,
) -> Signal:
    return Signal(
        kind=SignalKind.DATA_QUALITY,
        subject=subject,
        statistic=statistic,
        status=status,
        reason=reason,
        value=value,
        low=low,
        threshold=threshold,
        sample=sample,
    )
