"""The plain rules that monitors ship with, each window by itself, and the ranks that ADWIN is fed.

- KS: any feature's p < 0.05 (asymptotic; chi-square for categories).
- KS, Bonferroni: the same at 0.05 / features.
- PSI: any feature's > 0.2, on ten quantile bins of the reference, empty bins at 1e-4.
- L-infinity: Model Monitor's `Robust` comparison as Deequ computes it, any feature's
  max(0, D - 1.8 √((n + m) / nm)) > 0.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri
from scipy.stats import kstwo

from bench.detection.protocol import Floats, Reference, Window

KS, BONFERRONI, PSI, ROBUST = "KS p<0.05", "KS Bonferroni", "PSI>0.2", "L-inf Robust"
RULES = (KS, BONFERRONI, PSI, ROBUST)
ALPHA, PSI_LIMIT, ROBUST_LIMIT = 0.05, 0.2, 0.1
BINS, FLOOR = 10, 1e-4


@dataclass(frozen=True)
class Sight:
    """What a look gave: which rules alarm, and each feature's mean rank, standardized."""

    alarms: dict[str, bool]
    ranks: Floats


class PlainRules:
    """All rules at once, from one sort of the window.

    >>> rng = np.random.default_rng(1)
    >>> before = rng.normal(size=(5000, 2))
    >>> rules = PlainRules(Reference(values=before, at=np.zeros(5000, int), names="ab", categorical=frozenset()))
    >>> rules.look(Window(values=rng.normal(0.5, size=(2000, 2)), at=0)).alarms
    {'KS p<0.05': True, 'KS Bonferroni': True, 'PSI>0.2': True, 'L-inf Robust': True}
    """

    def __init__(self, reference: Reference) -> None:
        self._categorical = reference.categorical
        self._sorted = [np.sort(column) for column in reference.values.T]
        self._edges = [
            np.quantile(column, np.arange(1, BINS) / BINS) if place not in self._categorical else None
            for place, column in enumerate(self._sorted)
        ]
        self._before = [self._shares(place, column, len(column)) for place, column in enumerate(self._sorted)]
        self._limits: dict[tuple[int, float], float] = {}

    def look(self, window: Window) -> Sight:
        rows, features = window.values.shape
        exceeds = dict.fromkeys(RULES, False)
        ranks = np.empty(features)
        for place, column in enumerate(np.sort(window.values, axis=0).T):
            shares = self._shares(place, column, rows)
            before, size = self._before[place], len(self._sorted[place])
            psi = float(np.sum((shares - before) * np.log(shares / before)))
            if place in self._categorical:
                distance, certain = self._category(shares, before, rows, size, features)
                ranks[place] = 0.0
            else:
                distance, ranks[place] = self._distance(place, column)
                certain = [distance > self._limit(rows, level) for level in (ALPHA, ALPHA / features)]
            robust = distance - 1.8 * math.sqrt((rows + size) / (rows * size))
            exceeds[KS] |= certain[0]
            exceeds[BONFERRONI] |= certain[1]
            exceeds[PSI] |= psi > PSI_LIMIT
            exceeds[ROBUST] |= robust > ROBUST_LIMIT
        return Sight(exceeds, ranks)

    def _distance(self, place: int, column: Floats) -> tuple[float, float]:
        """KS distance, and the mean rank in the reference in units of its own standard error."""
        before, rows = self._sorted[place], len(column)
        below = np.searchsorted(before, column, side="left") / len(before)
        upto = np.searchsorted(before, column, side="right") / len(before)
        steps = np.arange(rows + 1) / rows
        distance = max(float((upto - steps[:-1]).max()), float((steps[1:] - below).max()))
        mean = float((below + upto).mean()) / 2
        return distance, (mean - 0.5) * math.sqrt(12 * rows)

    @staticmethod
    def _category(
        shares: Floats, before: Floats, rows: int, size: int, features: int
    ) -> tuple[float, list[bool]]:
        """L-infinity distance, and whether the two-sample chi-square exceeds its limits."""
        pooled = (rows * shares + size * before) / (rows + size)
        chi_square = rows * size / (rows + size) * float(np.sum((shares - before) ** 2 / pooled))
        limits = [float(chdtri(len(shares) - 1, level)) for level in (ALPHA, ALPHA / features)]
        return float(np.abs(shares - before).max()), [chi_square > limit for limit in limits]

    def _shares(self, place: int, column: Floats, rows: int) -> Floats:
        edges = self._edges[place]
        if edges is None:
            kinds = np.unique(self._sorted[place])
            counts = np.searchsorted(column, kinds, side="right") - np.searchsorted(
                column, kinds, side="left"
            )
        else:
            counts = np.diff(np.searchsorted(column, edges, side="right"), prepend=0, append=rows)
        return np.maximum(counts / rows, FLOOR)

    def _limit(self, rows: int, level: float) -> float:
        """KS distance that chance exceeds with probability `level`, as scipy's asymptotic p has it."""
        if (rows, level) not in self._limits:
            size = len(self._sorted[0])
            effective = round(rows * size / (rows + size))
            self._limits[rows, level] = float(kstwo.isf(level, effective))
        return self._limits[rows, level]
