r"""Scores: what of a profile is followed from hour to hour, as means with expectation 0 and variance 1.

A numeric feature has two. Each value stands for its rank $u \in (0, 1)$ in the training data: the normal
score $\psi = \Phi^{-1}(u)$, whose mean sees a shift of location as well as any rank test can, and
$s = |2u - 1|$, whose mean sees a change of spread or tails (van der Waerden and Ansari-Bradley scores;
J. Hájek, Z. Šidák, "Theory of rank tests", 1967). A shift of location by m moves the mean of s as well, by
about $b_1 m + b_2 m^2$ with $b_1 = E[s \psi]$ and $b_2 = (E[s \psi^2] - b_1 E[\psi^3]) / 2$ (tilting the
distribution by $e^{m \psi}$). That much is taken off, so that a level that wanders is not told twice, the
second time squared, where it would not be normal. A categorical feature has the share of each common
category. All are bounded, and free of the feature's units.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from selfheal.observe.profiles.layout import Categorical, Counts, Floats
from selfheal.observe.profiles.profile import Profile

# A rarer category has too skewed a share for its mean to be normal; they are followed together.
COMMON = 0.02
MOST = 8
# A location shifts more often than a spread, and by less.
LOCATION = 0.75


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Weights of a layout's bins.

    Attributes:
        weights: a matrix a feature, shape (bins, scores of the feature); a constant feature has none.
        curves: $(b_1, b_2)$ of the features that have both scores; None of the others.
    """

    weights: tuple[Floats, ...]
    curves: tuple[tuple[float, float] | None, ...]

    @classmethod
    def of(cls, reference: Profile) -> Scores:
        """Scores that have mean 0 and variance 1 over the reference's rows."""
        features = reference.layout.features
        counts = [reference.of(place) for place in range(len(features))]
        weights = tuple(
            _standard(_shares if isinstance(feature, Categorical) else _ranks, own)
            for feature, own in zip(features, counts, strict=True)
        )
        curves = tuple(
            None if isinstance(feature, Categorical) or own.shape[1] < 2 else _curve(own, each)
            for feature, own, each in zip(features, weights, counts, strict=True)
        )
        return cls(weights=weights, curves=curves)

    @functools.cached_property
    def owner(self) -> NDArray[np.intp]:
        """The feature of each score, shape (scores,)."""
        return np.repeat(np.arange(len(self.weights)), [each.shape[1] for each in self.weights])

    @functools.cached_property
    def level(self) -> NDArray[np.intp]:
        """For a score of spread, its feature's score of location; for any other, itself. Shape (scores,)."""
        place = np.arange(self.owner.size)
        spread = [curve is not None for curve in self.curves]
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
        for place, (weights, curve) in enumerate(zip(self.weights, self.curves, strict=True)):
            counts = window.of(place)
            rows = counts.sum()
            with np.errstate(invalid="ignore", divide="ignore"):
                mean = counts @ weights / rows
                if curve is not None:
                    level = mean[0]
                    # The square of a mean of n rows is 1/n on average, where there is no shift.
                    mean[1] -= curve[0] * level + curve[1] * (level**2 - 1 / rows)
            parts.append(mean)
        return np.concatenate(parts)


def _curve(weights: Floats, counts: Counts) -> tuple[float, float]:
    share = counts / counts.sum()
    level, spread = weights[:, 0], weights[:, 1]
    first = float(share @ (spread * level))
    second = float(share @ (spread * level**2) - first * (share @ level**3)) / 2
    return first, second


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
    return np.column_stack((ndtri(middle), np.abs(2 * middle - 1)))


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
