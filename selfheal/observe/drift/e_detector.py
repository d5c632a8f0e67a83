r"""Has a stream changed, at any time so far, in any score of any feature? Valid however long one watches.

Each score's prediction error $z_t$ is a standard normal while nothing changes. Against a shift of size
$\lambda$ the likelihood ratio of one hour is $e^{\lambda z_t - \lambda^2 / 2}$, and the Shiryaev-Roberts
statistic adds up every moment at which the shift may have begun:

$$ M_t = (M_{t-1} + 1) \, e^{\lambda z_t - \lambda^2 / 2} $$

While nothing changes, $M_t - t$ is a martingale: within $T$ looks an average of such statistics reaches
$T / \alpha$ with probability of at most $\alpha$ (Doob), and however long the watch, false alarms come no more
often. The average here runs over sizes, signs and scores, a weighted one, and over features (J. Shin,
A. Ramdas, A. Rinaldo, "E-detectors", arXiv 2203.03532). Since $z_t$ is normal, how far $M$ jumps beyond the
limit is known too: a factor of about $e^{0.583 \lambda}$ (D. Siegmund, "Sequential analysis", 1985, ch. 10),
which each size is credited with.

Which features moved: those with the k largest averages, for the largest k at which the k-th is at least
F/k times the limit (R. Wang, A. Ramdas, "False discovery rate control with e-values", JRSS B 84, 2022).

>>> import numpy as np
>>> evidence = nothing(2)
>>> for z in (0.3, -0.4, 4.1, 4.4):
...     evidence = add(evidence, ratios(np.array([z, 0.1])))
>>> moved(by_feature(evidence, np.array([0, 1]), np.ones(2), 2), limit=36_000.0).tolist()
[True, False]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Half of, one and two windows' worth of a shift that one look can just about see.
SIZES = np.array([1.0, 2.0, 4.2])
SHIFTS = np.concatenate((SIZES, -SIZES))
# The middle one is what small and growing shifts are found by, and has half of the weight.
_WEIGHTS = np.array([0.25, 0.5, 0.25, 0.25, 0.5, 0.25]) / 2
_CREDIT = _WEIGHTS * np.exp(0.583 * np.abs(SHIFTS))
# A score further out than this says no more than that it is far out.
_FAR = 10.0
# Evidence is not piled up beyond what says it all, so that it can fade when things return to normal.
_ENOUGH = 1e12


def nothing(scores: int) -> Floats:
    """Evidence before the first look, shape (scores, shifts)."""
    return np.zeros((scores, SHIFTS.size))


def ratios(z: Floats) -> Floats:
    """Likelihood ratios of each shift to none, given normal scores of any shape; shape (..., shifts)."""
    bounded = np.clip(z, -_FAR, _FAR)[..., None]
    found: Floats = np.exp(bounded * SHIFTS - SHIFTS**2 / 2)
    return found


def add(evidence: Floats, ratio: Floats) -> Floats:
    """Evidence after one more look, both of shape (scores, shifts); a ratio is NaN where there was no look."""
    new = np.minimum((evidence + 1) * ratio, _ENOUGH)
    return np.where(np.isfinite(ratio), new, evidence)


def by_feature(evidence: Floats, owner: NDArray[np.intp], share: Floats, features: int) -> Floats:
    """Evidence against "this feature did not change", shape (features,); 0 where it has no score.

    Args:
        owner: the feature of each score, shape (scores,).
        share: of each score in its feature's evidence, shape (scores,); those of a feature add up to 1.
    """
    total = np.bincount(owner, weights=share * (evidence @ _CREDIT), minlength=features)
    return total.astype(np.float64)


def moved(evidence: Floats, limit: float) -> NDArray[np.bool_]:
    """Which features moved, given the evidence of each, shape (features,)."""
    rank = np.arange(1, evidence.size + 1)
    ordered = np.sort(evidence)[::-1]
    certain = np.flatnonzero(ordered * rank >= limit * evidence.size)
    if not certain.size:
        return np.zeros(evidence.size, dtype=bool)
    which: NDArray[np.bool_] = evidence >= ordered[certain[-1]]
    return which
