r"""Scores: what of a profile is followed from hour to hour, as means with expectation 0 and variance 1.

A numeric feature has two. Each value stands for the normal score $\psi = \Phi^{-1}(u)$ of its rank
$u \in (0, 1)$ in the training data (J. Hájek, Z. Šidák, "Theory of rank tests", 1967). Their mean sees a
shift of *location* as well as any rank test can. Their mean distance from that mean sees a change of
*spread* or tails:

$$ s = \Bigl( \sqrt{n / (n - 1)} \; \overline{|\psi - \bar\psi|} \Bigr)^{2/3} $$

without bias over n normal rows (C. Peters, Astronomische Nachrichten 44, 1856), to the power that makes it
nearly normal (the cube root of a variance: E. Wilson, M. Hilferty, PNAS 17, 1931). Since it is taken about
the hour's own mean, neither a level that wanders nor one that has its time of day is told twice. Where ranks
are lumpy (counts, many zeros) a level m moves the spread by some $b_1 m + b_2 m^2$ all the same: so much, as
found by tilting the training data by $e^{\pm \psi / 10}$, is taken off.

A categorical feature has the share of each common category. All scores are free of the feature's units.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from selfheal.observe.profiles.layout import Categorical, Counts, Floats
from selfheal.observe.profiles.profile import Profile

# A rarer category has too skewed a share for its mean to be normal; they are followed together.
COMMON = 0.02
MOST = 8
# A location shifts more often than a spread, and by less.
LOCATION = 0.9
# A feature of fewer values is described by its location.
VALUES = 5
_POWER = 2 / 3
_TILT = 0.1


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Weights of a layout's bins.

    Attributes:
        weights: a matrix a feature, shape (bins, scores that are means of weights); a constant feature has none.
        spreads: of the features that have one; None of the others.
    """

    weights: tuple[Floats, ...]
    spreads: tuple[Spread | None, ...]

    @classmethod
    def of(cls, reference: Profile) -> Scores:
        """Scores that have mean 0 and variance 1 over the reference's rows."""
        features = reference.layout.features
        counts = [reference.of(place) for place in range(len(features))]
        weights = tuple(
            _standard(_shares if isinstance(feature, Categorical) else _ranks, own)
            for feature, own in zip(features, counts, strict=True)
        )
        spreads = tuple(
            None if isinstance(feature, Categorical) else Spread.of(each, own)
            for feature, own, each in zip(features, weights, counts, strict=True)
        )
        return cls(weights=weights, spreads=spreads)

    @functools.cached_property
    def owner(self) -> NDArray[np.intp]:
        """The feature of each score, shape (scores,)."""
        scores = [
            each.shape[1] + (spread is not None)
            for each, spread in zip(self.weights, self.spreads, strict=True)
        ]
        return np.repeat(np.arange(len(self.weights)), scores)

    @functools.cached_property
    def level(self) -> NDArray[np.intp]:
        """For a score of spread, its feature's score of location; for any other, itself. Shape (scores,)."""
        place = np.arange(self.owner.size)
        spread = [each is not None for each in self.spreads]
        first = np.searchsorted(self.owner, self.owner)
        return np.where(np.array(spread, dtype=bool)[self.owner] & (place > first), first, place)

    @functools.cached_property
    def share(self) -> Floats:
        """Of each score in what is said of its feature, shape (scores,): a feature's add up to 1."""
        alike = 1 / np.bincount(self.owner, minlength=len(self.weights))[self.owner]
        spread = self.level != np.arange(self.owner.size)
        # Two scores of one level are location and spread.
        both = np.bincount(self.level, minlength=self.owner.size)[self.level] == 2
        return np.where(both, np.where(spread, 1 - LOCATION, LOCATION), alike)

    def means(self, window: Profile) -> Floats:
        """The mean of each score over a window, shape (scores,); NaN where the feature has no value."""
        parts = [np.empty(0)]
        for place, (weights, spread) in enumerate(zip(self.weights, self.spreads, strict=True)):
            counts = window.of(place)
            with np.errstate(invalid="ignore", divide="ignore"):
                parts.append(counts @ weights / counts.sum())
            if spread is not None:
                parts.append(np.array([spread.score(counts, weights[:, 0])]))
        return np.concatenate(parts)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How a feature's normal scores lie about their mean in the training data.

    Attributes:
        usual: s of the training data.
        deviation: of s over windows of one row, if it were a mean.
        slope: $b_1$.
        bend: $b_2$.
    """

    usual: float
    deviation: float
    slope: float
    bend: float

    @classmethod
    def of(cls, counts: Counts, weights: Floats) -> Spread | None:
        """Of a numeric feature; None where it has too few values to have a spread beside its location."""
        if not weights.shape[1] or np.unique(weights[counts > 0, 0]).size < VALUES:
            return None
        psi = weights[:, 0]
        distance = np.abs(psi)
        mean = counts @ distance / counts.sum()
        variance = counts @ (distance - mean) ** 2 / counts.sum()
        usual = float(mean**_POWER)
        straight = cls(
            usual=usual, deviation=float(_POWER * usual / mean * np.sqrt(variance)), slope=0.0, bend=0.0
        )
        levels, spreads = np.array([straight._tilted(counts, psi, tilt) for tilt in (-_TILT, _TILT)]).T
        slope, bend = np.linalg.solve(np.column_stack((levels, levels**2)), spreads)
        return replace(straight, slope=float(slope), bend=float(bend))

    def score(self, counts: Counts, psi: Floats) -> float:
        """s of a window; NaN where it is empty. Of a single row nothing is known, which is no surprise: 0."""
        rows = int(counts.sum())
        if rows < 2:
            return 0.0 if rows else np.nan
        level = counts @ psi / rows
        found = self._standard(rows / (rows - 1), counts / rows, psi)
        # The square of a mean of n rows is 1/n on average, where there is no shift.
        return float(found - self.slope * level - self.bend * (level**2 - 1 / rows))

    def _tilted(self, counts: Counts, psi: Floats, tilt: float) -> tuple[float, float]:
        """Location and spread of the training data, tilted."""
        weight = counts * np.exp(tilt * psi)
        share = weight / weight.sum()
        return float(share @ psi), self._standard(1.0, share, psi)

    def _standard(self, inflation: float, share: Floats, psi: Floats) -> float:
        mean = np.sqrt(inflation) * (share @ np.abs(psi - share @ psi))
        return float((mean**_POWER - self.usual) / self.deviation)


def _standard(raw: Callable[[Counts], Floats], counts: Counts) -> Floats:
    total = counts.sum()
    if total == 0:
        return np.empty((counts.size, 0))
    weights = raw(counts)
    share = counts / total
    mean = share @ weights
    deviation = np.sqrt(share @ (weights - mean) ** 2)
    varies = deviation > 1e-6
    standard: Floats = (weights[:, varies] - mean[varies]) / deviation[varies]
    return standard


def _ranks(counts: Counts) -> Floats:
    total = counts.sum()
    # The middle of each bin's ranks; half a row off 0 and 1, where the normal score would be infinite.
    middle = (np.cumsum(counts) - counts / 2 + 0.5) / (total + 1)
    column: Floats = ndtri(middle)[:, None]
    return column


def _shares(counts: Counts) -> Floats:
    """An indicator a common category, and one of all others together."""
    share = counts / counts.sum()
    common = [place for place in np.argsort(-share, kind="stable")[:MOST] if share[place] >= COMMON]
    columns = np.zeros((counts.size, len(common) + 1))
    columns[common, np.arange(len(common))] = 1.0
    columns[:, -1] = 1.0 - columns[:, :-1].sum(axis=1)
    followed = (share @ columns >= COMMON) & (share @ columns <= 1 - COMMON)
    columns = columns[:, followed]
    # Of two shares that add up to one, one says it all.
    return (
        columns[:, :1] if columns.shape[1] == 2 and (columns[counts > 0].sum(axis=1) == 1).all() else columns
    )
