r"""The watch over a champion's traffic: what each hour should look like, and how far off it is.

Like with like. An hour is held against the pool of the same hours before it: those of the training data
and of the traffic since. With $n$ rows in the hour and $N$ in the pool, the difference of a score's means has
variance $\varphi \, (1/n + 1/N)$: the pool is a sample too, and its error counts.

- Where hours differ no more than chance makes them, the pools of all hours are shrunk towards their mean
  (W. James, C. Stein, 1961), so that a feature without a daily rhythm is held against everything.
- $\varphi$ says how many rows count as one. Rows that resemble their neighbours, or hours that differ by
  more than sampling explains, make it larger than 1. It is not known beforehand: the error is divided by
  the deviation of the errors so far, which makes it a Student t, and its quantile is turned into a normal
  one (C. Quesenberry, "SPC Q charts", Journal of Quality Technology 23, 1991; D. Hawkins, "Self-starting
  CUSUM charts", The Statistician 36, 1987).
- What the hours before tell of an hour is taken off first, in as many ways as there are models of how a
  level wanders (`wander`). The evidence of a shift is what they say together, each by its weight.
- An hour is scored once its pool holds as many rows as it does itself: before that the scale of its error
  would be that of the training data's rows, not of the traffic's.

A feature that moved is not learned from, from the hour that shows it, so that neither a lasting drift nor
one wild hour becomes the new normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr

from selfheal.observe.drift import e_detector, wander
from selfheal.observe.drift.scores import Scores
from selfheal.observe.drift.wander import Wander
from selfheal.observe.profiles.layout import Floats
from selfheal.observe.profiles.packing import pack_floats, unpack_floats
from selfheal.observe.profiles.profile import Profile

# Fewer rows than this have no mean that is nearly normal: an hour of so few is learned from, and not scored.
FEWEST = 8
# Errors before a verdict: two days of hours, since fewer do not tell a level that wanders from one that moved.
_KNOWN = 48
# Where the level of the hours varies by more than this share of the rows' variance, an hour's spread cannot
# be told from its level.
WANDERS = 0.15
# Errors after which the design effect is known well enough to rely on.
SETTLED = 12


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The state of the watch after an hour.

    Attributes:
        hour: the last hour looked at, in hours since the epoch; None before the first.
        rows: of the pools, shape (period, features).
        means: of the scores in the pools, shape (period, scores).
        wander: how the errors follow one another.
        looks: errors in its sums, shape (features,).
        usual: what an hour's rows are worth, beside those of its pool, on average, shape (scores,).
        lasting: `wander.lasting`, averaged over calm looks, shape (scores,).
        evidence: of the e-detector, shape (scores, shifts).
        moved: features that moved, shape (features,).
        calm: the last hour in which nothing spoke against a feature, shape (features,).
    """

    hour: int | None
    rows: Floats
    means: Floats
    wander: Wander
    looks: Floats
    usual: Floats
    lasting: Floats
    evidence: Floats
    moved: NDArray[np.bool_]
    calm: Floats

    @property
    def period(self) -> int:
        return len(self.rows)

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {name: pack_floats(getattr(self, name)) for name in _ARRAYS}
        return {
            **body,
            "hour": self.hour,
            "period": self.period,
            "moved": self.moved.tolist(),
            "wander": self.wander.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Watch:
        """Raises ValueError where it is not a watch's state."""
        try:
            arrays = {name: unpack_floats(body[name]) for name in _ARRAYS}
            moved = np.array(body["moved"], dtype=bool)
            return cls(
                hour=body["hour"],
                moved=moved,
                wander=Wander.from_json(body["wander"]),
                **{
                    **arrays,
                    "rows": arrays["rows"].reshape(body["period"], moved.size),
                    "means": arrays["means"].reshape(body["period"], -1),
                    "evidence": arrays["evidence"].reshape(-1, e_detector.SHIFTS.size),
                },
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the state of a watch: {type(error).__name__} {error}") from error


_ARRAYS = ("rows", "means", "looks", "usual", "lasting", "evidence", "calm")


def fresh(scores: Scores, period: int) -> Watch:
    """A watch that has seen nothing."""
    features, count = len(scores.weights), scores.owner.size
    return Watch(
        hour=None,
        rows=np.zeros((period, features)),
        means=np.zeros((period, count)),
        wander=wander.unknown(count),
        looks=np.zeros(features),
        usual=np.zeros(count),
        lasting=np.zeros(count),
        evidence=e_detector.nothing(count),
        moved=np.zeros(features, dtype=bool),
        calm=np.full(features, np.nan),
    )


def learn(watch: Watch, scores: Scores, hour: int, window: Profile) -> Watch:
    """Add an hour to the pools without judging it: an hour of the training data."""
    present, means = _summary(scores, window)
    return _learned(watch, scores, hour % watch.period, present, means)


def look(watch: Watch, scores: Scores, hour: int, window: Profile, limit: float) -> Watch:
    """Judge an hour by what came before it, then learn from it.

    Args:
        hour: in hours since the epoch, UTC; later than `watch.hour`.
        limit: the evidence at which a feature has moved: looks per false alarm that is put up with.
    """
    if watch.hour is not None and hour <= watch.hour:
        raise ValueError(f"hour {hour} was looked at already: the watch stands at {watch.hour}")
    slot = hour % watch.period
    present, means = _summary(scores, window)
    # An hour that has no rows at all says nothing, and moves nothing but the clock.
    errors, worth = _errors(watch, scores, slot, present, means)
    hours = 1 if watch.hour is None else hour - watch.hour
    sight = _Sight.of(watch, scores, errors, worth, hours)
    evidence = e_detector.add(watch.evidence, sight.ratios(watch, scores, present))
    by_feature = e_detector.by_feature(evidence, scores.owner, scores.share, present.size)
    moved = e_detector.moved(by_feature, limit)
    calm = by_feature < limit / 1000
    judged = sight.noted(replace(watch, moved=moved), scores.owner, calm)
    return replace(
        _learned(judged, scores, slot, present, means),
        hour=hour,
        evidence=evidence,
        calm=np.where(calm, float(hour), watch.calm),
    )


def design_effects(watch: Watch, scores: Scores, *, wandering: bool) -> Floats:
    """How many rows of a window of hours count as one, by feature, at least 1; NaN where it is not known yet.

    Args:
        wandering: whether what carries over from hour to hour counts: hours that follow one another then are
            no independent samples of what the traffic is like. Without, they are samples of these very hours.
    """
    looks = watch.looks[scores.owner]
    worst = np.full(watch.looks.size, -np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = wander.innovations(watch.wander, looks) * (np.exp(watch.lasting) if wandering else 1.0)
        np.maximum.at(worst, scores.owner, np.where(looks >= SETTLED, effect, np.nan))
    return np.where(np.isinf(worst), np.nan, np.maximum(1.0, worst))


def swings(watch: Watch, scores: Scores) -> Floats:
    """How far a feature's hours of the day lie from their mean, in deviations of one row (root mean square)."""
    rows = watch.rows[:, scores.owner]
    mean, shrinkage = _pooled(watch, scores)
    share = rows / np.maximum(rows.sum(axis=0), 1)
    swing = shrinkage * np.sqrt((share * (watch.means - mean) ** 2).sum(axis=0))
    largest = np.zeros(watch.looks.size)
    np.maximum.at(largest, scores.owner, swing)
    return largest


def _summary(scores: Scores, window: Profile) -> tuple[Floats, Floats]:
    present = np.array([window.present(place) for place in range(len(scores.weights))], dtype=np.float64)
    return present, scores.means(window)


def _pooled(watch: Watch, scores: Scores) -> tuple[Floats, Floats]:
    """The mean of all pools, and how much of a pool's distance from it is real (0 to 1), by score."""
    rows = watch.rows[:, scores.owner]
    total = np.maximum(rows.sum(axis=0), 1)
    mean = (rows * watch.means).sum(axis=0) / total
    between = (rows * (watch.means - mean) ** 2).sum(axis=0)
    pools = (rows > 0).sum(axis=0)
    looks = watch.looks[scores.owner]
    effect = np.where(looks >= wander.FEWEST, _spread(watch) / np.maximum(looks, 1), 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shrinkage = np.clip(1 - (pools - 3) * effect / between, 0, 1)
    # Of three pools or fewer, or of pools that do not differ at all, nothing can be said.
    return mean, np.where(pools > 3, np.nan_to_num(shrinkage, nan=0.0), 1.0)


def _spread(watch: Watch) -> Floats:
    """Sum of the squared errors themselves: those of the model that predicts nothing."""
    squares: Floats = watch.wander.squares[0]
    return squares


def _errors(watch: Watch, scores: Scores, slot: int, present: Floats, means: Floats) -> tuple[Floats, Floats]:
    """Standardized errors of the hour's means, NaN where the hour cannot be scored; what its rows are worth."""
    n, pool = present[scores.owner], watch.rows[slot, scores.owner]
    mean, shrinkage = _pooled(watch, scores)
    expected = mean + shrinkage * (watch.means[slot] - mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = 1 / n + (1 - shrinkage) / watch.rows.sum(axis=0)[scores.owner] + shrinkage / pool
        errors = (means - expected) / np.sqrt(variance)
    return np.where((n >= FEWEST) & (pool >= n), errors, np.nan), 1 / variance


@dataclass(frozen=True, kw_only=True)
class _Sight:
    """An hour as the models of wandering see it.

    Attributes:
        expected: what they expected of it.
        errors: of the hour, shape (scores,).
        worth: of its rows, shape (scores,).
        exposure: how much of the level it shows, beside a usual hour, shape (scores,).
        t: how far off the expectations were, shape (models, scores).
    """

    expected: Wander
    errors: Floats
    worth: Floats
    exposure: Floats
    t: Floats

    @classmethod
    def of(cls, watch: Watch, scores: Scores, errors: Floats, worth: Floats, hours: int) -> _Sight:
        seen = (watch.usual > 0) & np.isfinite(errors)
        exposure = np.sqrt(np.where(seen, worth / np.where(seen, watch.usual, 1.0), 1.0))
        expected = wander.ahead(watch.wander, hours)
        t = wander.surprise(expected, errors, exposure, watch.looks[scores.owner])
        return cls(
            expected=wander.fitted(expected, t, exposure), errors=errors, worth=worth, exposure=exposure, t=t
        )

    def ratios(self, watch: Watch, scores: Scores, present: Floats) -> Floats:
        """What each shift explains better than no shift, (scores, shifts); NaN where errors are too few."""
        looks = watch.looks[scores.owner]
        with np.errstate(divide="ignore", invalid="ignore"):
            wanders = _spread(watch)[scores.level] / looks / present[scores.owner]
        told = (scores.level == np.arange(looks.size)) | (wanders < WANDERS)
        known = (looks >= _KNOWN) & np.isfinite(self.t).all(axis=0) & told
        tail = stdtr(np.maximum(looks, 1), -np.abs(np.where(known, self.t, 0.0)))
        z = np.where(known, np.sign(self.t) * -ndtri(np.maximum(tail, 1e-300)), np.nan)
        shares = wander.weights(self.expected)
        ratios: Floats = (shares[:, :, None] * e_detector.ratios(z)).sum(axis=0)
        return ratios

    def noted(self, watch: Watch, owner: NDArray[np.intp], calm: NDArray[np.bool_]) -> Watch:
        """The watch after it, which learns of features that have not moved.

        A change of level looks like a wandering one at first, and must not hide itself: how long the level
        remembers in the long run is learned in calm hours only.
        """
        taken = np.isfinite(self.errors) & ~watch.moved[owner]
        after = wander.updated(self.expected, self.errors, self.exposure, taken)
        looked = np.bincount(owner, weights=taken, minlength=watch.looks.size) > 0
        looks = watch.looks + looked
        told = replace(after, fit=np.where(taken, after.fit, watch.wander.fit))
        lasting = wander.lasting(told)
        share = 1 / np.maximum(1.0, looks[owner])
        return replace(
            watch,
            wander=told,
            looks=looks,
            usual=np.where(taken, watch.usual + (self.worth - watch.usual) * share, watch.usual),
            lasting=np.where(
                taken & calm[owner], watch.lasting + (lasting - watch.lasting) * share, watch.lasting
            ),
        )


def _learned(watch: Watch, scores: Scores, slot: int, present: Floats, means: Floats) -> Watch:
    """The pools with one more hour, of features that have not moved."""
    added = np.where(watch.moved, 0.0, present)
    rows, pools = watch.rows.copy(), watch.means.copy()
    rows[slot] += added
    own = added[scores.owner]
    with np.errstate(divide="ignore", invalid="ignore"):
        step = own / rows[slot, scores.owner] * (means - pools[slot])
    pools[slot] = np.where(own > 0, pools[slot] + step, pools[slot])
    return replace(watch, rows=rows, means=pools)
