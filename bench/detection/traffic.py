"""Months of traffic, made window by window from a seed.

Twenty features: seven normal, seven lognormal, six exponential, independent of one another; each is made
from a standard Gaussian (exponential: x = -ln Φ(-z)). Draws are single precision, as quick as they come,
and handed over as float64. The same month comes out however far it is watched.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri

from bench.detection.protocol import Reference, Window
from bench.detection.scenarios import LOOKS, ONSETS, RAMP, Change, Scenario

NORMAL, LOGNORMAL, EXPONENTIAL = 7, 7, 6
GAUSSIAN = NORMAL + LOGNORMAL
FEATURES = GAUSSIAN + EXPONENTIAL
ROWS = 2000
MEMORY = 0.9  # of a wandering level, from hour to hour
REFERENCE_HOURS = 28 * 24
SHARES = np.array([0.40, 0.30, 0.15, 0.10, 0.05])  # of the categories
SIZES = (5_000, 20_000, 200_000)

Singles = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Month:
    """One month of a scenario: `number` tells repetitions apart, `seed` whole runs."""

    scenario: Scenario
    number: int
    seed: int

    @property
    def onset(self) -> int:
        """First changed window; meaningless in a quiet month."""
        return int(self._generator(0).integers(*ONSETS))

    @property
    def onset_if_any(self) -> int | None:
        """First changed window; None in a quiet month."""
        return None if self.scenario.quiet else self.onset

    @property
    def changed(self) -> list[int]:
        """Places of the features that change: one of each shape where three do, two normal ones for a
        correlation, a normal one for spread and tail."""
        rng, change = self._generator(1), self.scenario.change
        if change is Change.CATEGORY:
            return [FEATURES]
        if change in (Change.SPREAD, Change.TAIL, Change.CORRELATION):
            return [int(place) for place in rng.permutation(NORMAL)[: self.scenario.features]]
        shapes = [rng.integers(NORMAL), rng.integers(NORMAL, GAUSSIAN), rng.integers(GAUSSIAN, FEATURES)]
        return sorted(int(place) for place in rng.permutation(shapes)[: self.scenario.features])

    @property
    def categorical(self) -> frozenset[int]:
        return frozenset({FEATURES}) if self.scenario.change is Change.CATEGORY else frozenset()

    def reference(self, rows: int) -> Reference:
        """Rows spread evenly over the 28 days before the month; the first window is hour 672.

        With a memory, they are every k-th row of the same process, k = rows of those days / `rows`.
        """
        rng = self._generator(2, rows)
        at = np.arange(rows) * REFERENCE_HOURS // rows
        memory = self.scenario.memory ** (REFERENCE_HOURS * ROWS / rows)
        latent = self._latent(rng, at, memory, np.zeros(FEATURES))[0]
        return Reference(
            values=self._values(rng, latent, 0.0),
            at=at.astype(np.int64),
            names=[_name(place) for place in range(FEATURES + len(self.categorical))],
            categorical=self.categorical,
        )

    def windows(self) -> Iterator[Window]:
        """The month's windows, in order of time."""
        rng = self._generator(3)
        onset, last = self.onset, np.zeros(FEATURES)
        for look in range(LOOKS):
            at = REFERENCE_HOURS + look
            latent, last = self._latent(rng, np.full(ROWS, at), self.scenario.memory, last)
            yield Window(values=self._values(rng, latent, self._extent(look - onset)), at=at)

    @functools.cached_property
    def _levels(self) -> Singles:
        """Level of each feature in each hour of reference and month, shape (features, hours)."""
        steps = self._generator(5).standard_normal((FEATURES, REFERENCE_HOURS + LOOKS))
        steps[:, 1:] *= np.sqrt(1 - MEMORY**2)
        levels: Singles = lfilter([1.0], [1.0, -MEMORY], self.scenario.wander * steps, axis=1).astype(
            np.float32
        )
        return levels

    def _extent(self, since: int) -> float:
        """How much of the change is there, from 0 to 1, so many windows after its onset."""
        if self.scenario.quiet or since < 0:
            return 0.0
        return min(1.0, (since + 1) / RAMP) if self.scenario.change is Change.RAMP else 1.0

    def _latent(
        self, rng: np.random.Generator, at: NDArray[np.int64], memory: float, last: NDArray[np.float64]
    ) -> tuple[Singles, NDArray[np.float64]]:
        """Gaussian rows, shape (features, rows), and the state from which the next ones go on.

        Without season and memory the exponential features are drawn as such, which is quicker: their rows
        hold values already.
        """
        rows, season = len(at), self.scenario.season
        if not (season or memory or self.scenario.wander):
            latent = np.empty((FEATURES, rows), np.float32)
            rng.standard_normal(dtype=np.float32, out=latent[:GAUSSIAN])
            rng.standard_exponential(dtype=np.float32, out=latent[GAUSSIAN:])
            return latent, last
        latent = rng.standard_normal((FEATURES, rows), np.float32)
        if memory:
            latent *= np.float32(np.sqrt(1 - memory**2))
            state = (memory * last)[:, None].astype(np.float32)
            coefficients = np.array([1.0], np.float32), np.array([1.0, -memory], np.float32)
            latent, _ = lfilter(*coefficients, latent, axis=1, zi=state)
            last = latent[:, -1].astype(float)
        phases = self._generator(4).random(FEATURES)
        angle = 2 * np.pi * (at[None, :] / 24 + phases[:, None])
        latent += (season * np.sin(angle)).astype(np.float32)
        latent += self._levels[:, at]
        latent[GAUSSIAN:] = -np.log(ndtr(-latent[GAUSSIAN:]))
        return latent, last

    def _values(self, rng: np.random.Generator, latent: Singles, extent: float) -> NDArray[np.float64]:
        """Values, shape (rows, features), columns contiguous, with so much of the change in them."""
        if extent and self.scenario.change is not Change.CATEGORY:
            self._alter(rng, latent, extent)
        values = np.empty((FEATURES + len(self.categorical), latent.shape[1]))
        values[:NORMAL] = latent[:NORMAL]
        values[NORMAL:GAUSSIAN] = np.exp(latent[NORMAL:GAUSSIAN])
        values[GAUSSIAN:FEATURES] = latent[GAUSSIAN:]
        if self.categorical:
            moved = extent * self.scenario.size * np.array([-1, 1, 0, 0, 0])
            edges = np.cumsum(SHARES + moved)[:-1]
            values[FEATURES] = np.searchsorted(edges, rng.random(latent.shape[1]), side="right")
        return values.T

    def _alter(self, rng: np.random.Generator, latent: Singles, extent: float) -> None:
        """Change the changed features in place."""
        change, size = self.scenario.change, self.scenario.size
        places = self.changed
        if change is Change.CORRELATION:
            first, second = places
            latent[second] = size * latent[first] + np.sqrt(1 - size**2) * latent[second]
            return
        for place in places:
            if change is Change.SPREAD:
                latent[place] *= size
            elif change is Change.TAIL:
                latent[place] = rng.standard_t(size, latent.shape[1]) / np.sqrt(size / (size - 2))
            elif place < GAUSSIAN:
                latent[place] += extent * size
            else:
                gaussian = -ndtri(np.exp(-latent[place].astype(float)))
                latent[place] = -np.log(ndtr(-(gaussian + extent * size)))

    def _generator(self, *purpose: int) -> np.random.Generator:
        seeds = [self.seed, self.scenario.stream, self.number, *purpose]
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seeds)))


def _name(place: int) -> str:
    shapes = ["normal"] * NORMAL + ["lognormal"] * LOGNORMAL + ["exponential"] * EXPONENTIAL + ["category"]
    return f"{shapes[place]}_{place:02d}"
