"""Which features explain a drift: how far each moved, weighted with what the model relies on.

A feature's weight is the lower confidence bound of its distance from the training data, in tolerances, times
its importance. The bound and not the distance: what may be chance explains nothing. In tolerances, since a KS
distance and a PSI are no numbers of one scale. A feature that the model never looks at explains nothing,
however far it moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from selfheal.observe.signals import Signal

# Statistics that are distances, in units that their tolerance shares. A p-value is none.
DISTANCES = ("ks", "psi")
# People read a few lines; the rest is counted.
TOLD = 5


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one feature explains.

    Attributes:
        tolerances: how far it moved at least, in tolerances; above 1.
        importance: its share of the model's gain, 0 to 1; None where that is not known, and the drift counts alone.
        share: of what all moved features explain, 0 to 1.
    """

    feature: str
    tolerances: float
    importance: float | None
    share: float

    def __str__(self) -> str:
        importance = self.importance
        relied = (
            "" if importance is None else f", and {100 * importance:.0f} % of the model's gain comes from it"
        )
        return (
            f"{self.feature} explains {100 * self.share:.0f} % of the drift: it moved at least "
            f"{self.tolerances:.1f} times its tolerance{relied}"
        )


def shares(moved: Sequence[Signal], importance: Mapping[str, float] | None) -> list[Share]:
    """What each moved feature explains, the most first; empty where none can be weighed.

    Args:
        moved: drift signals in breach.
        importance: by feature, shares of one; what it leaves out, the model does not use.
    """
    far = {signal.subject: found for signal in moved if (found := _tolerances(signal)) is not None}
    weights = {
        name: distance * (1.0 if importance is None else importance.get(name, 0.0))
        for name, distance in far.items()
    }
    total = sum(weights.values())
    if not total > 0:
        return []
    explained = [
        Share(
            feature=name,
            tolerances=far[name],
            importance=None if importance is None else importance.get(name, 0.0),
            share=weight / total,
        )
        for name, weight in weights.items()
    ]
    return sorted(explained, key=lambda each: (-each.share, each.feature))


def sentences(moved: Sequence[Signal], importance: Mapping[str, float] | None) -> tuple[str, ...]:
    """The same for people, and what is not known of it."""
    found = shares(moved, importance)
    said = [str(each) for each in found[:TOLD] if each.share > 0]
    rest = sum(each.share for each in found[TOLD:])
    if rest > 0:
        said.append(f"{len(found) - TOLD} more features explain the remaining {100 * rest:.0f} %")
    unmeasured = sorted(signal.subject for signal in moved if _tolerances(signal) is None)
    if unmeasured:
        said.append(f"how far beyond its tolerance is not known of {', '.join(unmeasured)}")
    elif not found:
        said.append("the model uses none of the features that moved")
    if importance is None and found:
        said.append("what the model relies on is not known: features are ordered by their drift alone")
    return tuple(said)


def _tolerances(signal: Signal) -> float | None:
    """The distance in tolerances, above 1; None where the statistic is none, or NaN."""
    distance = signal.value if signal.low is None else signal.low
    if signal.statistic not in DISTANCES or distance is None or signal.threshold is None:
        return None
    return distance / signal.threshold if distance > signal.threshold > 0 else None
