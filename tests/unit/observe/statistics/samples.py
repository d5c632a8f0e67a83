"""Bins and counts the way a profile keeps them."""

from __future__ import annotations

import numpy as np


def quantile_cuts(values, bins=256, *, single_points=False):
    """Cuts at the quantiles, the first just below the smallest value; with `single_points` also a cut just
    below each that is a repeated value, so that its bin holds nothing else.
    """
    quantiles = np.quantile(values, np.linspace(0, 1, bins + 1)[1:], method="inverted_cdf")
    cuts = np.append(np.nextafter(values.min(), -np.inf), quantiles)
    if single_points:
        seen, times = np.unique(values, return_counts=True)
        cuts = np.append(cuts, np.nextafter(np.intersect1d(seen[times > 1], quantiles), -np.inf))
    return np.unique(cuts)


def with_far_cuts(cuts):
    """Beyond both edges cuts at distances that grow by an eighth of an octave, from 1/64 of the range on."""
    far = (cuts[-1] - cuts[0]) * 2.0 ** (np.arange(-48, 272) / 8)
    return np.unique(np.concatenate([cuts[0] - far, cuts, cuts[-1] + far]))


def count(cuts, values):
    return np.bincount(np.searchsorted(cuts, values, side="left"), minlength=cuts.size + 1).astype(np.int64)
