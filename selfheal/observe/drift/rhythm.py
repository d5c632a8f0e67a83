"""What the training data say of hours: how a day and a week look, and which hours are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from selfheal.observe.drift.scores import Scores
from selfheal.observe.drift.seasons import Seasons
from selfheal.observe.drift.watch import Watch, fresh, learn
from selfheal.observe.hours import DAY, WEEK
from selfheal.observe.profiles.layout import Floats, Layout
from selfheal.observe.profiles.packing import pack, unpack
from selfheal.observe.profiles.profile import Profile

# Days of the week differ for certain, over all scores together.
_CERTAIN = 0.001


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """The hours of the training data.

    Attributes:
        watch: a watch that learned from them, ready for the first hour of traffic.
        seasons: what each hour of the week looked like.
        codes: whole rows as bin numbers (`row_sample`), shape (rows, features).
        hourly_rows: rows of an hour, on average over the hours that have any.
    """

    watch: Watch
    seasons: Seasons
    codes: NDArray[np.uint16]
    hourly_rows: float

    @classmethod
    def of(
        cls,
        reference: Profile,
        trained: Sequence[tuple[int, Profile]],
        answered: Sequence[tuple[int, Profile]],
    ) -> Rhythm:
        """From profiles of hours, in order, by hours since the epoch.

        Args:
            reference: all of them together.
            trained: of the training rows (inputs).
            answered: of the model's answers (outputs), which the watch learns too.
        """
        scores = Scores.of(reference)
        watch = fresh(scores, WEEK if _weekly(scores, trained) else DAY)
        for hour, window in (*trained, *answered):
            watch = learn(watch, scores, hour, window)
        samples = [window.sample.codes for _, window in trained]
        return cls(
            watch=watch,
            seasons=Seasons.of(reference.layout, trained),
            codes=_thinned(np.concatenate([reference.sample.codes[:0], *samples])),
            hourly_rows=sum(window.rows for _, window in trained) / max(1, len(trained)),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "watch": self.watch.to_json(),
            "seasons": self.seasons.to_json(),
            "codes": pack(self.codes),
            "hourly_rows": self.hourly_rows,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any], layout: Layout) -> Rhythm:
        return cls(
            watch=Watch.from_json(body["watch"]),
            seasons=Seasons.from_json(body["seasons"]),
            codes=unpack(body["codes"], np.uint16).reshape(-1, len(layout.features)),
            hourly_rows=float(body["hourly_rows"]),
        )


# Rows that stand for the training data where whole rows are compared.
REFERENCE_ROWS = 3000


def _thinned(codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """At most `REFERENCE_ROWS` rows, evenly over time."""
    if len(codes) <= REFERENCE_ROWS:
        return codes
    return codes[np.linspace(0, len(codes) - 1, REFERENCE_ROWS).astype(np.intp)]


def _weekly(scores: Scores, hours: Sequence[tuple[int, Profile]]) -> bool:
    """Whether days of the week differ: analysis of variance with days, not rows, as the observations.

    Two weeks are the least that can tell. Days resemble their neighbours (weather, campaigns), so the rows
    of one day are not independent; days of one weekday are a week apart.
    """
    days: dict[int, list[Profile]] = {}
    for hour, window in hours:
        days.setdefault(hour // DAY, []).append(window)
    # First and last day may be parts of days, which differ by their hours.
    whole = sorted(days)[1:-1]
    weekday = np.array([day % 7 for day in whole])
    if len(whole) < 14 or np.bincount(weekday, minlength=7).min() < 2:
        return False
    means = np.array([scores.means(_counted(days[day])) for day in whole]).reshape(len(whole), -1)
    means = means[:, np.isfinite(means).all(axis=0)]
    if not means.shape[1]:
        return False
    return bool(_variance_p(means, weekday).min() * means.shape[1] < _CERTAIN)


def _counted(profiles: Sequence[Profile]) -> Profile:
    """A profile with the counts of all, which is all that scores look at."""
    return replace(profiles[0], counts=np.sum([each.counts for each in profiles], axis=0))


def _variance_p(means: Floats, group: NDArray[np.intp]) -> Floats:
    """p-values of a one-way analysis of variance, by column."""
    groups = np.unique(group)
    centres = np.array([means[group == each].mean(axis=0) for each in groups])
    sizes = np.array([(group == each).sum() for each in groups])
    between = (sizes[:, None] * (centres - means.mean(axis=0)) ** 2).sum(axis=0) / (groups.size - 1)
    residual = means - centres[np.searchsorted(groups, group)]
    within = (residual**2).sum(axis=0) / (len(means) - groups.size)
    # Scores have variance 1: means that differ by less than a millionth differ by rounding.
    ratio = between / np.maximum(within, 1e-12)
    p: Floats = fdtrc(groups.size - 1, len(means) - groups.size, ratio)
    return p
