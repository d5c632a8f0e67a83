r"""How much of an hour's level was there the hour before: models that differ in it, and what each makes of an hour.

The error of an hour is taken for a level that wanders about zero, seen through noise:

$$ e_t = h_t L_t + s \, \varepsilon_t, \qquad L_t = \varphi L_{t-1} + s \sqrt{r} \, \eta_t $$

with $\varepsilon, \eta$ standard normal, and $h_t^2$ the rows of the hour in those of a usual one: sampling
hides less of the level where there are more rows. A model has a memory $\varphi$ and a variance of the steps
from hour to hour, $r$ times that of the noise; the first one has no level, its hours are independent. Each
predicts the next error by a Kalman filter (R. Kalman, Journal of Basic Engineering 82, 1960), and estimates
$s$ from its own errors of prediction. Their weights say how well they have predicted so far (Bayesian model
averaging: A. Raftery, M. Kárný, P. Ettler, Technometrics 52, 2010). The variance of the level is
$q = r / (1 - \varphi^2)$ times that of the noise.

A single model, with $\varphi$ estimated, will not do: an estimate from some days of hours is too small often
enough, and what it leaves of a wandering level adds up to drift.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.profiles.layout import Floats
from selfheal.observe.profiles.packing import pack_floats, unpack_floats

_MEMORIES = (0.5, 0.8, 0.9, 0.95, 0.99)
_STEPS = (0.1, 0.4, 1.5, 6.0)
_MODELS = np.array([(0.0, 0.0), *itertools.product(_MEMORIES, _STEPS)])
_PHI = _MODELS[:, :1]
_Q = _MODELS[:, 1:] / (1 - _PHI**2)
# Before anything was seen: hours are independent, with this probability.
_INDEPENDENT = 0.8
_PRIOR = np.where(_Q > 0, (1 - _INDEPENDENT) / (len(_MODELS) - 1), _INDEPENDENT)
# Errors that a model's scale is estimated from at least.
FEWEST = 3
# A prediction that is further off counts as one that is off by so much: one wild hour says nothing of wandering.
_FAR = 3.0
# No model is ruled out for good: traffic that begins to wander is believed within as many looks as it takes.
_LEAST = -20.0


@dataclass(frozen=True, kw_only=True)
class Wander:
    """What the models know, each array of shape (models, scores).

    Attributes:
        level: expected level.
        variance: of that expectation, in units of the noise's.
        squares: sum of squared standardized errors of prediction.
        fit: logarithm of the likelihood, relative to that of the best model.
    """

    level: Floats
    variance: Floats
    squares: Floats
    fit: Floats

    def to_json(self) -> dict[str, Any]:
        return {name: pack_floats(getattr(self, name)) for name in _ARRAYS}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Wander:
        return cls(**{name: unpack_floats(body[name]).reshape(len(_MODELS), -1) for name in _ARRAYS})


_ARRAYS = ("level", "variance", "squares", "fit")


def unknown(scores: int) -> Wander:
    """Before the first error."""
    nothing = np.zeros((len(_MODELS), scores))
    return Wander(level=nothing, variance=nothing + _Q, squares=nothing, fit=nothing)


def ahead(wander: Wander, hours: int) -> Wander:
    """So many hours later, before anything is seen of them."""
    kept = _PHI**hours
    return replace(wander, level=kept * wander.level, variance=kept**2 * wander.variance + _Q * (1 - kept**2))


def surprise(expected: Wander, errors: Floats, exposure: Floats, looks: Floats) -> Floats:
    """How far off each model's prediction is, as a Student's t of `looks` degrees of freedom, (models, scores).

    Args:
        expected: of the hour (`ahead`).
        errors: of the hour, shape (scores,), NaN where there is none.
        exposure: $h_t$, shape (scores,).
        looks: errors seen so far, shape (scores,); NaN results from fewer than `FEWEST`.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt(expected.squares / looks * _spread(expected, exposure))
        return np.where(looks >= FEWEST, (errors - exposure * expected.level) / scale, np.nan)


def _spread(expected: Wander, exposure: Floats) -> Floats:
    """Variance of an error about its prediction, in units of the noise's."""
    return 1 + exposure**2 * expected.variance


def weights(wander: Wander) -> Floats:
    """How likely each model is, shape (models, scores); a score's add up to 1."""
    likelihood = _PRIOR * np.exp(wander.fit)
    share: Floats = likelihood / likelihood.sum(axis=0)
    return share


def fitted(expected: Wander, t: Floats, exposure: Floats) -> Wander:
    """Likelihoods that take an hour into account, given how far off the predictions were (`surprise`)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = expected.squares * _spread(expected, exposure)
        gain = -0.5 * np.log(spread) - 0.5 * np.minimum(t**2, _FAR**2)
    fit = expected.fit + np.where(np.isfinite(gain).all(axis=0), gain, 0.0)
    return replace(expected, fit=np.maximum(fit - fit.max(axis=0), _LEAST))


def updated(expected: Wander, errors: Floats, exposure: Floats, taken: NDArray[np.bool_]) -> Wander:
    """Levels after an hour; scales after it where it is `taken`, shape (scores,)."""
    spread = _spread(expected, exposure)
    error = errors - exposure * expected.level
    gain = exposure * expected.variance / spread
    scored = np.isfinite(errors)
    return replace(
        expected,
        level=np.where(scored, expected.level + gain * error, expected.level),
        variance=np.where(scored, expected.variance * (1 - gain * exposure), expected.variance),
        squares=np.where(taken & scored, expected.squares + error**2 / spread, expected.squares),
    )


def innovations(wander: Wander, looks: Floats) -> Floats:
    """Variance of what the hours before do not tell of the next, shape (scores,); NaN before the first.

    The models' answers are averaged as logarithms here and in `lasting`, since they differ by orders of magnitude.

    Args:
        looks: errors seen so far, shape (scores,).
    """
    return _together(wander, wander.squares / looks * (1 + ahead(wander, 1).variance))


def lasting(wander: Wander) -> Floats:
    r"""Long-run variance in units of that of the innovations, as a logarithm; shape (scores,).

    The mean of many hours varies as if each were independent with $s^2 (1 + q (1 + \varphi) / (1 - \varphi))$.
    """
    long_run = 1 + _Q * (1 + _PHI) / (1 - _PHI)
    return np.log(_together(wander, long_run / (1 + ahead(wander, 1).variance)))


def _together(wander: Wander, answers: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        together: Floats = np.exp((weights(wander) * np.log(answers)).sum(axis=0))
    return together
