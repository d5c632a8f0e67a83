"""How the chance of a false warning is shared out among what may warn.

`DriftPolicy.false_alarms_percent` of the quiet months may have a warning, whatever it comes from: the watch over
each feature, the bound of a distance, the comparison of whole rows. A breach comes from the bound alone.
"""

from __future__ import annotations

from selfheal.observe.hours import DAY
from selfheal.observe.policy import DriftPolicy

# Hourly looks in a month, which the policy's rate is stated for.
LOOKS = 720
_WATCH, _BOUND, _ROWS = 0.25, 0.5, 0.25


def evidence_limit(policy: DriftPolicy) -> float:
    """The evidence at which the watch calls a feature moved: quiet looks to one false alarm."""
    return LOOKS / (_WATCH * policy.false_alarms_percent / 100)


def bound_alpha(policy: DriftPolicy, features: int) -> float:
    """The chance that one look's bounds of one feature, over all windows, are wrong."""
    return _BOUND * policy.false_alarms_percent / 100 / LOOKS / features


def rows_alpha(policy: DriftPolicy) -> float:
    """The chance that one daily comparison of whole rows sees what is not there."""
    return _ROWS * policy.false_alarms_percent / 100 / (LOOKS / DAY)
