"""How CloudWatch judges an alarm: M of N over an evaluation range, with missing data treated as told.

Pure functions; `twin.alarms` feeds them. The rules are those of the CloudWatch user guide, "Configuring
how CloudWatch alarms treat missing data", including its tables for evaluation ranges with gaps.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

from twin.interfaces import TwinError

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"

# The guide's examples look at five periods to evaluate three and leave the exact number open.
EXTRA_PERIODS = 2

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
COMPARISON_WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
_TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def comparison(name: str) -> Callable[[float, float], bool]:
    if name not in _COMPARISONS:
        raise TwinError(
            f"alarm comparison {name!r}: the twin compares with a threshold ({', '.join(_COMPARISONS)})"
        )
    return _COMPARISONS[name]


def treatment(name: str | None) -> str:
    if name is not None and name not in _TREATMENTS:
        raise TwinError(f"TreatMissingData {name!r} is none of {', '.join(_TREATMENTS)}")
    return name or "missing"


def judge(
    breaching: Sequence[bool | None], *, evaluation_periods: int, datapoints_to_alarm: int, treat_missing: str
) -> str | None:
    """The state that an evaluation range calls for, or None to leave the alarm as it is.

    `breaching` holds one entry per period of the range, oldest first, None where no data came. Where
    at least `evaluation_periods` periods have data, the most recent of them decide and nothing is
    filled in; otherwise all that have data count, and the shortfall is filled as `treat_missing` says.
    """
    existing = [each for each in breaching if each is not None]
    if len(existing) >= evaluation_periods:
        return ALARM if sum(existing[-evaluation_periods:]) >= datapoints_to_alarm else OK
    over = sum(existing)
    if treat_missing == "breaching":
        over += evaluation_periods - len(existing)
    if over >= datapoints_to_alarm:
        return ALARM
    if treat_missing in ("breaching", "notBreaching") or not all(existing):
        return OK
    if treat_missing == "ignore":
        return None
    if not existing:
        return INSUFFICIENT_DATA
    # Nothing but breaches and gaps: an alarm once the oldest breach is M periods old, because only
    # then can no data that is still to come make it a false one.
    age_of_oldest = len(breaching) - list(breaching).index(True)
    return ALARM if age_of_oldest >= datapoints_to_alarm else None
