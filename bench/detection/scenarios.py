"""What happens in a month, and when.

A shift of δ sd is made where a feature is still Gaussian, before it becomes lognormal or exponential: the
same step in the same feature's quantiles whatever its shape. (Added to the values themselves it would be
easier to find: an exponential feature would lose all of its smallest values.)
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from bench.detection.protocol import Level

LOOKS = 720
ONSETS = (240, 480)  # the change begins in one of these windows, drawn at random
RAMP = 168


class Change(enum.Enum):
    """What becomes of a feature."""

    SHIFT = "shift"  # by `size` sd
    RAMP = "ramp"  # to a shift by `size` sd, linearly over 168 windows
    SPREAD = "spread"  # sd times `size`, about the mean
    TAIL = "tail"  # Student t of `size` degrees of freedom, scaled to unit variance
    CATEGORY = "category"  # `size` of the probability moves from the first category to the second
    CORRELATION = "correlation"  # of two normal features, from 0 to `size`, margins intact


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A kind of month.

    Attributes:
        title: for people.
        change: what changes, or None for a quiet month.
        size: how much, in the change's own terms.
        features: how many features change.
        memory: correlation of a row with the row before it (first-order autoregressive).
        wander: standard deviation, in sd, of a level of the hour that remembers 0.9 of the hour before.
        season: amplitude of a daily sine in sd, its phase another for each feature.
        until: the level with which a watch may end once the change has begun; None = to the month's end.
        stream: number that seeds it; two scenarios never share their draws.
    """

    title: str
    change: Change | None = None
    size: float = 0.0
    features: int = 0
    memory: float = 0.0
    wander: float = 0.0
    season: float = 0.0
    until: Level | None = Level.WARN
    stream: int

    @property
    def quiet(self) -> bool:
        return self.change is None


SCENARIOS: Mapping[str, Scenario] = {
    "quiet": Scenario(title="quiet", until=None, stream=1),
    "seasonal": Scenario(
        title="quiet, autocorrelated and seasonal", memory=0.9, season=1.0, until=None, stream=2
    ),
    "wandering": Scenario(
        title="quiet, levels that wander from hour to hour", wander=0.1, until=None, stream=11
    ),
    "three": Scenario(
        title="0.1 sd in three features", change=Change.SHIFT, size=0.1, features=3, until=None, stream=3
    ),
    "half": Scenario(
        title="0.5 sd in one feature",
        change=Change.SHIFT,
        size=0.5,
        features=1,
        until=Level.BREACH,
        stream=4,
    ),
    "ramp": Scenario(
        title="ramp to 0.5 sd over 168 windows in three features",
        change=Change.RAMP,
        size=0.5,
        features=3,
        until=Level.BREACH,
        stream=5,
    ),
    "small": Scenario(title="0.05 sd in one feature", change=Change.SHIFT, size=0.05, features=1, stream=6),
    "variance": Scenario(title="changed variance", change=Change.SPREAD, size=1.2, features=1, stream=7),
    "tail": Scenario(title="changed tail", change=Change.TAIL, size=3, features=1, stream=8),
    "category": Scenario(title="changed category", change=Change.CATEGORY, size=0.05, features=1, stream=9),
    "correlation": Scenario(
        title="changed correlation", change=Change.CORRELATION, size=0.3, features=2, stream=10
    ),
}
