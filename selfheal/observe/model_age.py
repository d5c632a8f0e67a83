"""How old the champion's knowledge is: judged by the end of what it was trained on, whenever it was deployed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from selfheal.observe.signals import Signal, SignalKind, Status

DAY = timedelta(days=1)


def age_signal(trained_to: str | None, max_age_days: int, now: datetime) -> Signal:
    """The age in days against its limit; `BREACH` beyond it, `NO_DATA` where the package does not tell its age.

    Args:
        trained_to: end of the training window as the package's metadata has it, ISO 8601; UTC where it names no
            offset.

    >>> from datetime import datetime, timezone
    >>> signal = age_signal("2013-02-12", 14, datetime(2013, 3, 1, tzinfo=timezone.utc))
    >>> signal.status.value, signal.value, signal.reason
    ('BREACH', 17.0, 'the champion learned from data up to 2013-02-12, 17.0 d ago: its limit is 14 d')
    """
    end = _moment(trained_to)
    if end is None:
        return _signal(Status.NO_DATA, f"the package does not say up to when it was trained: {trained_to!r}")
    age = (now - end) / DAY
    status = Status.BREACH if age > max_age_days else Status.OK
    reason = (
        f"the champion learned from data up to {end:%Y-%m-%d}, {age:.1f} d ago: its limit is {max_age_days} d"
    )
    return _signal(status, reason, value=age, threshold=float(max_age_days))


def _signal(status: Status, reason: str, **numbers: float) -> Signal:
    return Signal(
        kind=SignalKind.MODEL_AGE,
        subject="champion",
        statistic="age_days",
        status=status,
        reason=reason,
        **numbers,  # type: ignore[arg-type]
    )


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
