r"""Whether a shifted feature is its baseline under a linear map $x \mapsto a x + b$, a > 0.

Fahrenheit for Celsius, cents for dollars: the model is fine and so is the world, but a unit changed on the
way. What is known of the window is its distribution function at the cuts; a map is as good as

$$ D_{a,b} = \max_i |F_w(c_i) - F_b((c_i - b) / a)| $$

is small, with $F_b$ drawn straight within the baseline's bins. A bin that holds more than `HEAVY` of the
baseline is taken to hold it at its upper cut, where quantile bins have every value so frequent. Tried are
every known conversion (`unit_conversions`) and one free map, fitted to the cuts against the baseline's
quantiles of the same level: slope by Theil and Sen (the median of all pairs' slopes, weighted by the pair's
distance), offset by the median.

A map is accepted only if all hold:

1. before it, the sides are far apart: $D \ge$ `LEAST_BEFORE`
2. after it, they agree: $D_{a,b}$ is at most what chance and a bin explain, or `LEAST_AFTER` if that is
   more; and at most `SHARE_LEFT` of D
3. it is a known conversion that leaves little more (`MARGIN`) than the free map, whose scale is nearer to
   the conversion's than to 1; or, without a name, its scale is beyond `LEAST_SCALE` either way. A normal
   distribution that moved or widened is a linear map of itself, so a map near none, a pure shift above all,
   counts as ordinary drift unless it has a name
4. enough of the window's distribution is seen: at least `FREE_LEVELS` different levels at the cuts for a
   free map, `KNOWN_LEVELS` for a known one, which has nothing to fit

A baseline with fewer than `LEAST_BINS` occupied bins (flags, small counts, constants) has no answer but
None: on a handful of values many maps fit.

Sources: H. Theil, "A rank-invariant method of linear and polynomial regression analysis" (1950); P. Sen,
Journal of the American Statistical Association 63 (1968).

>>> generator = np.random.default_rng(3)
>>> celsius, window = generator.normal(15, 8, 20_000), 32 + 1.8 * generator.normal(15, 8, 5_000)
>>> cuts = np.append(np.quantile(celsius, np.linspace(0, 1, 257)), np.linspace(60, 150, 40))
>>> before, after = (
...     np.bincount(np.searchsorted(cuts, values), minlength=cuts.size + 1) for values in (celsius, window)
... )
>>> found = rescaling(before, after, cuts)
>>> found.known, found.scale, found.offset
('celsius to fahrenheit', 1.8, 32.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.statistics.kolmogorov_smirnov import ks_distance
from selfheal.observe.statistics.shares import Counts, check_cuts, sizes
from selfheal.observe.statistics.unit_conversions import KNOWN_MAPS, UnitMap

Vector = NDArray[np.float64]

LEAST_BEFORE = 0.10
"""Distance before the map below which nothing needs explaining."""

LEAST_AFTER = 0.02
"""Distance after the map that is always small enough."""

SHARE_LEFT = 0.2
"""Most of the distance before that may be left after the map."""

CHANCE = 1.63
"""Distance that two samples of one distribution exceed once in a hundred times, in units of the root of
(n + m) / (nm) (Smirnov's limit)."""

MARGIN = 0.75
"""Part of chance within which two maps explain the window equally well."""

LEAST_SCALE = 2.0
"""Scale, or its inverse, from which on a map that is no known conversion counts."""

LEAST_BINS = 16
"""Occupied bins of the baseline below which a feature is too coarse."""

HEAVY = 1 / 128
"""Share of the baseline that a bin of 256 quantile bins exceeds only by a value that repeats."""

FREE_LEVELS, KNOWN_LEVELS = 6, 2
"""Different levels of the window's distribution function within `EDGE` and 1 - `EDGE` that a map needs."""

EDGE = 0.01

FIT_POINTS = 64
"""Most levels that the free map is fitted to; 64 give 2,016 slopes."""

ROUNDING = 1e-9
"""Relative error of a mapped cut, within which it may lie on either side of a heavy value."""


@dataclass(frozen=True, kw_only=True)
class Rescaling:
    """Attributes:
    scale, offset: the window is scale * baseline + offset.
    distance_before, distance_after: KS distance of the sides, without and with the map.
    known: name of the conversion, None for a map that has none. Where the data cannot tell several apart
        (pounds for kilograms, miles per hour for metres per second) all are named, joined by " or ", the
        scale being that of the first.
    """

    scale: float
    offset: float
    distance_before: float
    distance_after: float
    known: str | None


@dataclass(frozen=True, kw_only=True)
class _Sides:
    """Distribution functions of both sides.

    Attributes:
        cuts, seen: the window's level at each cut.
        places, levels: knots of the baseline's function.
    """

    cuts: Vector
    seen: Vector
    places: Vector
    levels: Vector

    def distance_after(self, each: UnitMap) -> float:
        largest = np.finfo(np.float64).max
        # A cut may be mapped beyond what a float holds: there the baseline has no more values.
        with np.errstate(over="ignore"):
            back = np.clip((self.cuts - each.offset) / each.scale, -largest, largest)
            slack = ROUNDING * np.maximum(np.abs(back), min(abs(each.offset / each.scale), largest))
            low, high = (
                np.interp(places, self.places, self.levels, left=0.0, right=1.0)
                for places in (back - slack, back + slack)
            )
        return float(np.maximum(low - self.seen, self.seen - high).max())


def rescaling(baseline: Counts, window: Counts, cuts: Vector) -> Rescaling | None:
    """The map that explains the window, or None where none does. A known conversion goes before a free map.

    Args:
        baseline, window: counts on the bins of `cuts`, which have to reach as far as the window does: what
            lies beyond the last cut, or within one bin, is invisible.

    Raises:
        ValueError: the sides are on different bins, one is empty, or the cuts do not fit the counts.
    """
    n, m = sizes(baseline, window)
    check_cuts(cuts, baseline.size)
    before = ks_distance(baseline, window)
    if before < LEAST_BEFORE or np.count_nonzero(baseline) < LEAST_BINS:
        return None
    places, levels = _knots(baseline, cuts)
    sides = _Sides(cuts=cuts, seen=np.cumsum(window)[:-1] / m, places=places, levels=levels)
    visible = np.unique(sides.seen[_inner(sides.seen)]).size
    free = _free_map(sides) if visible >= FREE_LEVELS else None
    chance = CHANCE * math.sqrt((n + m) / (n * m))
    limit = min(SHARE_LEFT * before, max(LEAST_AFTER, chance + HEAVY))
    found = _known(sides, limit, MARGIN * chance, free) if visible >= KNOWN_LEVELS else None
    if found is None and free is not None and abs(math.log(free.scale)) >= math.log(LEAST_SCALE):
        found = free
    after = math.inf if found is None else sides.distance_after(found)
    if found is None or after > limit:
        return None
    return Rescaling(
        scale=found.scale,
        offset=found.offset,
        distance_before=before,
        distance_after=after,
        known=found.name or None,
    )


def _knots(baseline: Counts, cuts: Vector) -> tuple[Vector, Vector]:
    """Places and levels between which the baseline's distribution function is drawn straight."""
    levels = np.cumsum(baseline)[:-1] / baseline.sum()
    heavy = np.flatnonzero(np.diff(levels, prepend=0.0) > HEAVY)
    # Flat until just below a heavy value's cut.
    places = np.concatenate([np.nextafter(cuts[heavy], -np.inf), cuts])
    below = np.where(heavy > 0, levels[heavy - 1], 0.0)
    order = np.argsort(places, kind="stable")
    return places[order], np.concatenate([below, levels])[order]


def _inner(levels: Vector) -> NDArray[np.bool_]:
    return np.asarray((levels >= EDGE) & (levels <= 1 - EDGE))


def _known(sides: _Sides, limit: float, margin: float, free: UnitMap | None) -> UnitMap | None:
    """The known conversions that leave least, within `margin`; None if the free map contradicts them."""
    if free is not None:
        limit = min(limit, sides.distance_after(free) + margin)
    fits = [
        (each, distance)
        for each in KNOWN_MAPS
        if _agree(each, free) and (distance := sides.distance_after(each)) <= limit
    ]
    if not fits:
        return None
    best = min(distance for _, distance in fits)
    named = [each for each, distance in fits if distance <= best + margin]
    return UnitMap(
        name=" or ".join(each.name for each in named), scale=named[0].scale, offset=named[0].offset
    )


def _agree(known: UnitMap, free: UnitMap | None) -> bool:
    """Whether the fitted scale is nearer, as a ratio, to the conversion's than to none."""
    if free is None or known.scale == 1:
        return True
    wanted = math.log(known.scale)
    return abs(math.log(free.scale) - wanted) <= abs(wanted) / 2


def _free_map(sides: _Sides) -> UnitMap | None:
    """The line through the cuts over the baseline's quantiles; None where it is not a rising one."""
    wanted = np.searchsorted(sides.seen, np.linspace(EDGE, 1 - EDGE, FIT_POINTS))
    at = np.unique(wanted[wanted < sides.seen.size])
    at = at[_inner(sides.seen[at])]
    rises = np.flatnonzero(np.diff(sides.levels, prepend=0.0) > 0)
    x = np.interp(sides.seen[at], sides.levels[rises], sides.places[rises])
    y = sides.cuts[at]
    first, second = np.triu_indices(at.size, k=1)
    run = x[second] - x[first]
    usable = run > 0
    if not usable.any():
        return None
    # Extreme values may have no finite line.
    with np.errstate(over="ignore", invalid="ignore"):
        scale = _weighted_median((y[second] - y[first])[usable] / run[usable], run[usable])
        offset = float(np.median(y - scale * x))
    if not (0 < scale < math.inf and math.isfinite(offset)):
        return None
    return UnitMap(name="", scale=scale, offset=offset)


def _weighted_median(values: Vector, weights: Vector) -> float:
    order = np.argsort(values)
    passed = np.cumsum(weights[order] / weights.max())
    return float(values[order][np.searchsorted(passed, passed[-1] / 2)])
