r"""Whether the unit of a feature changed from one hour to the next, however few rows an hour has.

A distribution tells a new unit only where much of it is seen (`rescaling`). But what is measured goes on: from
hour to hour a mean moves by about as much as it did in training. A new unit breaks that once, by a jump as
training never had one, and then goes on as before, if it is mapped back.

Of a series $y_t$ of hourly means, with $g_t$ hours between one and the next, training says how fast it moves: the
steps $(y_t - y_{t-1}) / (\sigma \sqrt{g_t})$ follow Student's t with $\nu$ degrees of freedom, $\sigma$ and $\nu$
being those that have the median and the 99th percentile of training's steps (`Pace`). That values are
window = a · training + b since hour s is held against that they are not, by the ratio of their likelihoods

$$ \Lambda = \log\frac{f(m(y_s) - y_{s-1})}{a f(y_s - y_{s-1})}
   + \sum_{t>s} \log\frac{f(m(y_t) - m(y_{t-1}))}{a f(y_t - y_{t-1})}, \qquad m(y) = (y - b) / a, $$

steps of zero being left out, for they are the same in every unit. A change is reported if

1. the jump at s exceeds `NOVEL` times the largest step of training
2. at least `LEAST_HOURS` hours follow, and $\Lambda \ge$ `CERTAIN` for a known conversion (`unit_conversions`) whose
   scale is farther from 1 than `NEAR` or that moves the origin
3. the jump does not lead back to where the series was before an earlier jump, and the mean since s lies nearer to
   training's when it is mapped back: else it is a unit that was mended

Source: S. Kay, "Fundamentals of Statistical Signal Processing: Detection Theory" (1998), chapter 12 (a change of
unknown time).

>>> rng = np.random.default_rng(1)
>>> fahrenheit = 50 + np.cumsum(rng.normal(0, 1.5, 600))
>>> times = np.arange(600)
>>> celsius = (fahrenheit[500:] - 32) / 1.8
>>> pace = Pace.of(fahrenheit[:480], times[:480])
>>> found = unit_change(np.append(fahrenheit[480:500], celsius[:12]), times[480:512], pace)
>>> found.known, found.since
('fahrenheit to celsius', 20)
>>> unit_change(fahrenheit[480:], times[480:], pace) is None
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from selfheal.observe.statistics.unit_conversions import KNOWN_MAPS, UnitMap

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

LEAST_STEPS = 100
"""Steps of training, other than zero, that its pace is known by."""

NOVEL = 1.2
"""Times the largest step of training that a jump must have."""

LEAST_HOURS = 3
"""Hours in the new unit before it is named."""

CERTAIN = 10.0
"""Logarithm of the likelihood ratio from which on a change is certain. In ten months of hourly weather, as it was,
nine features reached 7 at most; of 252 days in Celsius the thermometer's passed it in 250 within three hours, the
dew point's in 212 by the day's end, and of 240 days in inches of mercury the barometer's in all."""

NEAR = math.log(1.5)
"""Logarithm of a scale that the ordinary course of things resembles too much."""

ALIKE = 2.0
"""Conversions whose likelihood is within this of the best's are named with it."""

TAIL = 0.99
_HEAVIEST, _LIGHTEST = 1.0, 30.0


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast the hourly mean of a feature moved in training.

    Attributes:
        scale: of its steps over one hour; those over g hours are taken to be wider by the root of g.
        freedom: degrees of freedom of Student's t that the steps follow, from 1 to 30.
        largest: the largest step, in scales.
        level: the mean of the means.
    """

    scale: float
    freedom: float
    largest: float
    level: float

    @classmethod
    def of(cls, means: Floats, hours: Times) -> Pace | None:
        """Of hourly means in order of time; None where few or less than half of them differ from the hour before,
        or where they are too huge."""
        with np.errstate(over="ignore", invalid="ignore"):
            steps = np.abs(np.diff(means)) / _root(hours)
        moved = steps[steps > 0]
        if moved.size < max(LEAST_STEPS, steps.size / 2) or not np.isfinite(moved).all():
            return None
        median, tail = np.quantile(moved, (0.5, TAIL)).tolist()
        freedom = _freedom(tail / median)
        scale = median / float(stats.t.ppf(0.75, freedom))
        with np.errstate(over="ignore"):
            level = float(np.mean(means))
        if not (scale > 0 and math.isfinite(level)):
            return None
        return cls(scale=scale, freedom=freedom, largest=float(moved.max()) / scale, level=level)

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Pace:
        return cls(**{name: float(body[name]) for name in ("scale", "freedom", "largest", "level")})

    def log_density(self, steps: Floats) -> Floats:
        """Of steps in scales, but for a constant."""
        return np.asarray(-(self.freedom + 1) / 2 * np.log1p(steps * steps / self.freedom))


@dataclass(frozen=True, kw_only=True)
class UnitChange:
    """Attributes:
    since: place in the series of the first mean in the new unit.
    scale, offset: the new values are scale * training's + offset.
    known: the conversion's name; where the data cannot tell several apart, all of them, joined by " or ",
        the scale being that of the likeliest.
    log_likelihood_ratio: natural, of the likeliest conversion to no change.
    jump: from the last mean in the old unit to the first in the new.
    """

    since: int
    scale: float
    offset: float
    known: str
    log_likelihood_ratio: float
    jump: float


def unit_change(means: Floats, hours: Times, pace: Pace) -> UnitChange | None:
    """The change of unit that a series of hourly means is still under; None where there is none.

    Only the latest jump is looked at: where it leads back, the change before it has ended.

    Args:
        means, hours: in order of time, hours since any epoch; shape (hours,).
    """
    spread = pace.scale * _root(hours)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.diff(means) / spread
        jumps = np.flatnonzero(np.abs(steps) > NOVEL * pace.largest)
        if not jumps.size or len(steps) - jumps[-1] < LEAST_HOURS or _ended(means, hours, jumps, pace):
            return None
        return _change(means, spread, steps, int(jumps[-1]), pace)


def _ended(means: Floats, hours: Times, jumps: NDArray[np.intp], pace: Pace) -> bool:
    """Whether the latest jump leads back to where the series was before an earlier one."""
    back = jumps[-1] + 1
    away = (means[back] - means[jumps[:-1]]) / np.sqrt(hours[back] - hours[jumps[:-1]])
    return bool((np.abs(away) <= pace.scale * pace.largest).any())


def _change(means: Floats, spread: Floats, steps: Floats, jump: int, pace: Pace) -> UnitChange | None:
    """The change of unit at a step, if the series since then says so."""
    fits = []
    since = means[jump + 1 :]
    for each in _CANDIDATES:
        mapped = (since - each.offset) / each.scale
        nearer = abs(float(mapped.mean()) - pace.level) < abs(float(since.mean()) - pace.level)
        after = np.diff(mapped, prepend=means[jump]) / spread[jump:]
        moved = steps[jump:] != 0
        gains = pace.log_density(after) - pace.log_density(steps[jump:]) - math.log(each.scale)
        ratio = float(gains[moved].sum())
        if nearer and ratio >= CERTAIN:
            fits.append((ratio, each))
    if not fits:
        return None
    ratio, best = max(fits, key=lambda fit: fit[0])
    alike = [each.name for other, each in sorted(fits, key=lambda fit: -fit[0]) if other >= ratio - ALIKE]
    return UnitChange(
        since=jump + 1,
        scale=best.scale,
        offset=best.offset,
        known=" or ".join(alike),
        log_likelihood_ratio=ratio,
        jump=float(means[jump + 1] - means[jump]),
    )


_CANDIDATES: tuple[UnitMap, ...] = tuple(
    each for each in KNOWN_MAPS if each.offset != 0 or abs(math.log(each.scale)) > NEAR
)


def _root(hours: Times) -> Floats:
    return np.sqrt(np.maximum(1.0, np.diff(hours).astype(np.float64)))


def _freedom(ratio: float) -> float:
    """Degrees of freedom of the t whose 99th percentile of steps is so many times their median."""

    def excess(freedom: float) -> float:
        return float(stats.t.ppf((1 + TAIL) / 2, freedom) / stats.t.ppf(0.75, freedom)) - ratio

    if excess(_HEAVIEST) <= 0:
        return _HEAVIEST
    if excess(_LIGHTEST) >= 0:
        return _LIGHTEST
    return float(optimize.brentq(excess, _HEAVIEST, _LIGHTEST))
