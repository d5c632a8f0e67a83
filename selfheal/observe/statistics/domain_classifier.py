r"""Classifier two-sample test: can a classifier tell a row of the window from a row of the baseline?

Statistics of one feature cannot see that two features no longer belong together while each looks as before.
A classifier that is shown both can, if products of features are among its terms. The area under its ROC
curve (AUC) on rows it has not seen is 1/2 where the sides are one population, and more only if they differ.

1. Each feature becomes the normal scores of its ranks over both sides, ties at their middle rank; so outliers
   and units do not matter. A missing value (NaN) lies at the median, score 0, and a feature with missing
   values brings an indicator of its own.
2. Terms are the scores, the indicators, and the products of every two scores, squares among them (a changed
   spread). The terms whose means differ most on the training rows, by Welch's t, are kept, at most `TERMS`:
   the means and variances of all products are matrix products, so that only the kept ones are ever made.
3. Fisher's linear discriminant on the standardized terms, its within-class covariance shrunk towards the
   identity by `SHRINKAGE`, in closed form.
4. Rows are shuffled into `FOLDS` folds. Each fold but the first is scored by the discriminant of all folds
   before it, and has an AUC; the result is their mean.

Folds look backwards only, because in the usual cross-fitting every row both judges and trains: under no
change that correlates the folds' AUC, and the mean's variance is up to twice what independent folds would
have. Here each AUC has mean 1/2 given all earlier folds, the variances add up exactly, and p is calibrated.

Rows are taken as independent of one another.

Sources: D. Lopez-Paz, M. Oquab, "Revisiting classifier two-sample tests" (ICLR 2017, arXiv 1610.06545);
E. DeLong, D. DeLong, D. Clarke-Pearson, Biometrics 44 (1988), for the AUC's standard error.

>>> generator = np.random.default_rng(1)
>>> before, after = generator.normal(size=(2000, 5)), generator.normal(size=(2000, 5))
>>> after[:, 1] = 0.5 * after[:, 0] + np.sqrt(0.75) * after[:, 1]
>>> result = domain_classifier(before, after, alpha=0.01, seed=0)
>>> round(result.auc, 3), round(result.low, 3), result.p_value < 1e-6
(0.607, 0.585, True)
>>> result.drivers[0].columns
(0, 1)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from selfheal.observe.statistics.shares import check_alpha

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

FOLDS = 6
"""Parts that the rows are shuffled into; the first only trains."""

TERMS = 16
"""Most terms that a discriminant keeps: few, since every idle term adds noise to the score."""

SHRINKAGE = 0.1
"""Weight of the identity in the within-class covariance of the standardized terms."""

DRIVERS = 5
"""Terms that are named as carrying the most weight."""


@dataclass(frozen=True, kw_only=True)
class Driver:
    """A term of the discriminant over all rows.

    Attributes:
        columns: one feature's index; two for a product, the same one twice for a square (its spread).
        missing: the term says whether the feature is missing, not what it is.
        share: of the separation of the two sides (Mahalanobis distance) that the term carries.
    """

    columns: tuple[int, ...]
    missing: bool
    share: float


@dataclass(frozen=True, kw_only=True)
class DomainResult:
    """Attributes:
    auc: chance that a row of the window scores higher than one of the baseline, on rows not trained on.
    error: its standard error (DeLong).
    p_value: one-sided, of an AUC of 1/2, by the exact variance of the rank sum.
    low: one-sided lower confidence bound of the AUC, at least 0.
    drivers: the terms that carry the most weight, heaviest first.
    """

    auc: float
    error: float
    p_value: float
    low: float
    drivers: tuple[Driver, ...]


@dataclass(frozen=True, kw_only=True)
class _Features:
    """Encoded rows: normal scores, and the indicators of the features `gaps` that have missing values."""

    scores: Matrix
    indicators: Matrix
    gaps: NDArray[np.intp]

    def rows(self, which: NDArray[np.intp]) -> _Features:
        return _Features(scores=self.scores[which], indicators=self.indicators[which], gaps=self.gaps)


@dataclass(frozen=True, kw_only=True)
class _Discriminant:
    """Kept terms by their number, their weights, and each one's share of the separation."""

    terms: NDArray[np.intp]
    weights: Vector
    separation: Vector

    def score(self, features: _Features) -> Vector:
        return _make(features, self.terms) @ self.weights


def domain_classifier(baseline: Matrix, window: Matrix, alpha: float, seed: int) -> DomainResult:
    """The test on two samples of the same features.

    Args:
        baseline, window: rows x features; NaN is a missing value, infinities are the largest and smallest.
        alpha: chance that `low` exceeds the AUC of these discriminants on fresh rows, between 0 and 1.
        seed: of the shuffle into folds.

    Raises:
        ValueError: the sides differ in their number of features or have none, or a side has fewer than
            two rows a fold.
    """
    check_alpha(alpha)
    _check(baseline, window)
    features = _encode(np.vstack([baseline, window]))
    is_window = np.arange(len(baseline) + len(window)) >= len(baseline)
    fold = _folds(len(baseline), len(window), seed)
    results = [
        _judge(features, is_window, np.flatnonzero(fold < k), np.flatnonzero(fold == k))
        for k in range(1, FOLDS)
    ]
    auc, variance, null_variance = (float(column) for column in np.mean(results, axis=0))
    error, null_error = (math.sqrt(v / len(results)) for v in (variance, null_variance))
    return DomainResult(
        auc=auc,
        error=error,
        p_value=float(ndtr((0.5 - auc) / null_error)),
        low=max(0.0, auc - float(ndtri(1 - alpha)) * error),
        drivers=_drivers(_fit(features, is_window), features),
    )


def _check(baseline: Matrix, window: Matrix) -> None:
    if baseline.ndim != 2 or window.ndim != 2 or baseline.shape[1] != window.shape[1]:
        raise ValueError(f"two tables of the same features are needed, not {baseline.shape}, {window.shape}")
    if baseline.shape[1] == 0:
        raise ValueError("at least one feature is needed")
    if min(len(baseline), len(window)) < 2 * FOLDS:
        raise ValueError(f"a side has {min(len(baseline), len(window))} rows; {2 * FOLDS} are needed")


def _folds(n: int, m: int, seed: int) -> NDArray[np.intp]:
    """The fold of each row, both sides spread evenly over the folds."""
    generator = np.random.default_rng(seed)
    return np.concatenate([generator.permutation(np.arange(rows) % FOLDS) for rows in (n, m)])


def _encode(rows: Matrix) -> _Features:
    gone = np.isnan(rows)
    gaps = np.flatnonzero(gone.any(axis=0))
    scores = np.zeros(rows.shape)
    for j in range(rows.shape[1]):
        here = ~gone[:, j]
        scores[here, j] = _normal_scores(rows[here, j])
    return _Features(scores=scores, indicators=gone[:, gaps].astype(np.float64), gaps=gaps)


def _normal_scores(values: Vector) -> Vector:
    ascending = np.sort(values)
    below = np.searchsorted(ascending, values, side="left")
    upto = np.searchsorted(ascending, values, side="right")
    return np.asarray(ndtri((below + upto) / (2 * max(1, values.size))))


def _fit(features: _Features, is_window: NDArray[np.bool_]) -> _Discriminant:
    """Fisher's discriminant on the terms whose means differ most between the two sides."""
    sides = [np.flatnonzero(~is_window), np.flatnonzero(is_window)]
    terms = _most_different(*(features.rows(side) for side in sides))
    values = _make(features, terms)
    means = [values[side].mean(axis=0) for side in sides]
    within = values - np.where(is_window[:, None], means[1], means[0])
    deviation = np.sqrt((within**2).mean(axis=0))
    # A term without variance within the sides cannot be standardized; it enters in its own unit.
    deviation[deviation < 1e-12] = 1.0
    within /= deviation
    covariance = (1 - SHRINKAGE) * (within.T @ within) / len(within) + SHRINKAGE * np.eye(terms.size)
    gap = (means[1] - means[0]) / deviation
    weights = np.linalg.solve(covariance, gap)
    return _Discriminant(terms=terms, weights=weights / deviation, separation=weights * gap)


def _most_different(before: _Features, after: _Features) -> NDArray[np.intp]:
    """Numbers of the terms with the largest |t|, at most `TERMS`."""
    (mean_b, variance_b), (mean_w, variance_w) = _term_moments(before), _term_moments(after)
    error = np.sqrt(variance_b / len(before.scores) + variance_w / len(after.scores))
    gap = np.abs(mean_w - mean_b)
    # Without variance on either side any difference is certain, and none is none.
    t = np.divide(gap, error, out=np.where(gap > 1e-12, np.inf, 0.0), where=error > 1e-12)
    return np.argsort(-t, kind="stable")[:TERMS]


def _term_moments(features: _Features) -> tuple[Vector, Vector]:
    """Mean and variance of every term: scores, indicators, then products of the upper triangle by rows."""
    scores, rows = features.scores, len(features.scores)
    upper = np.triu_indices(scores.shape[1])
    squares = scores**2
    means = [scores.mean(axis=0), features.indicators.mean(axis=0), (scores.T @ scores / rows)[upper]]
    second = [squares.mean(axis=0), means[1], (squares.T @ squares / rows)[upper]]
    mean = np.concatenate(means)
    return mean, np.maximum(0.0, np.concatenate(second) - mean**2)


def _make(features: _Features, terms: NDArray[np.intp]) -> Matrix:
    """Values of the numbered terms, rows x terms."""
    width, gaps = features.scores.shape[1], features.indicators.shape[1]
    left, right = np.triu_indices(width)
    plain = np.hstack([features.scores, features.indicators])
    values = plain[:, np.minimum(terms, width + gaps - 1)]
    products = np.flatnonzero(terms >= width + gaps)
    pair = terms[products] - width - gaps
    values[:, products] = features.scores[:, left[pair]] * features.scores[:, right[pair]]
    return values


def _judge(
    features: _Features, is_window: NDArray[np.bool_], train: NDArray[np.intp], held_out: NDArray[np.intp]
) -> tuple[float, float, float]:
    """AUC of the held-out rows, its variance (DeLong), and its variance under no change."""
    scores = _fit(features.rows(train), is_window[train]).score(features.rows(held_out))
    low, high = np.sort(scores[~is_window[held_out]]), np.sort(scores[is_window[held_out]])
    wins = _midrank(low, high)
    losses = _midrank(high, low)
    n, m = low.size, high.size
    variance = float(wins.var(ddof=1)) / m + float(losses.var(ddof=1)) / n
    return float(wins.mean()), variance, (n + m + 1) / (12 * n * m)


def _midrank(ascending: Vector, values: Vector) -> Vector:
    """Share of `ascending` that lies below each value, a tie counting half."""
    sides = [np.searchsorted(ascending, values, side=side) for side in ("left", "right")]
    return np.asarray((sides[0] + sides[1]) / (2 * ascending.size))


def _drivers(discriminant: _Discriminant, features: _Features) -> tuple[Driver, ...]:
    total = float(discriminant.separation.sum())
    if total <= 0:
        return ()
    width, gaps = features.scores.shape[1], features.gaps
    left, right = np.triu_indices(width)
    drivers = []
    for place in np.argsort(-discriminant.separation, kind="stable")[:DRIVERS]:
        term, share = int(discriminant.terms[place]), float(discriminant.separation[place]) / total
        if term < width:
            columns: tuple[int, ...] = (term,)
        elif term < width + gaps.size:
            columns = (int(gaps[term - width]),)
        else:
            pair = term - width - gaps.size
            columns = (int(left[pair]), int(right[pair]))
        drivers.append(Driver(columns=columns, missing=width <= term < width + gaps.size, share=share))
    return tuple(drivers)
