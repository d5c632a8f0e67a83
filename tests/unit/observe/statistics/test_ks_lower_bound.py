"""The bound against simulation, and against the bands that it improves on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from selfheal.observe.statistics.kolmogorov_smirnov import ks_two_sample
from selfheal.observe.statistics.ks_lower_bound import _radius, _tail, ks_lower_bound

ALPHA = 0.05


@pytest.mark.parametrize(("n", "m"), [(20, 8), (200, 200), (5000, 300), (4000, 4000)])
@pytest.mark.parametrize("shift", [0.0, 0.2, 0.6])
def test_it_exceeds_the_truth_no_more_often_than_it_may(n, m, shift):
    # Exponentials against shifted ones: the distance is 1 - exp(-shift), at the shift.
    truth = 1 - math.exp(-shift)
    generator = np.random.default_rng(n + m)
    rounds = 300
    radius = _radius(n, m, ALPHA)
    above = 0
    for _ in range(rounds):
        x, y = np.sort(generator.exponential(size=n)), generator.exponential(size=m) + shift
        result = ks_two_sample(x, y, "asymptotic", x_is_sorted=True)
        above += result.statistic - radius > truth
    # Three standard deviations of the simulation above alpha.
    assert above <= rounds * ALPHA + 3 * math.sqrt(rounds * ALPHA * (1 - ALPHA))


def test_the_null_is_not_wasted():
    # At no change the bound may be exceeded with probability alpha; here about half of that is used.
    generator = np.random.default_rng(8)
    radius = _radius(400, 400, 0.2)
    above = [
        ks_two_sample(generator.random(400), generator.random(400), "asymptotic").statistic > radius
        for _ in range(1000)
    ]
    assert 0.03 < np.mean(above) < 0.2


@pytest.mark.parametrize(("n", "m", "r"), [(10.0, 10.0, 0.3), (20_000.0, 2000.0, 0.04), (3.5, 900.0, 0.5)])
def test_the_closed_form_is_the_integral(n, m, r):
    def both(s):
        return 4 * n * s * math.exp(-2 * n * s**2) * math.exp(-2 * m * (r - s) ** 2)

    truth = math.exp(-2 * n * r**2) + quad(both, 0, r, epsabs=1e-13, limit=200)[0]
    assert _tail(r, n, m) == pytest.approx(truth, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 1e-4, 1e-9])
@pytest.mark.parametrize(("n", "m"), [(5, 5), (20_000, 2000), (200_000, 40)])
def test_it_is_tighter_than_any_two_bands_and_no_tighter_than_one(n, m, alpha):
    def band(size, a):
        return math.sqrt(math.log(2 / a) / (2 * size))

    shares = np.linspace(0.001, 0.999, 999)
    best = min(band(n, alpha * s) + band(m, alpha * (1 - s)) for s in shares)
    assert band(min(n, m), alpha) <= _radius(n, m, alpha) < best


def test_with_a_known_baseline_it_is_the_band_around_the_window():
    assert _radius(1e12, 1000.0, 0.01) == pytest.approx(math.sqrt(math.log(200) / 2000), rel=1e-3)


def test_it_is_never_below_zero_and_never_above_the_distance():
    assert ks_lower_bound(0.01, 100, 100, 0.05) == 0.0
    assert 0.9 < ks_lower_bound(1.0, 10_000, 10_000, 0.05) < 1.0


def test_fractional_effective_sizes_lie_between_their_neighbours():
    low, middle, high = (ks_lower_bound(0.3, 500, m, 0.05) for m in (99, 99.5, 100))
    assert low < middle < high


@pytest.mark.parametrize(
    ("distance", "n", "alpha", "reason"),
    [
        (1.5, 10, 0.05, "between 0 and 1"),
        (float("nan"), 10, 0.05, "between 0 and 1"),
        (0.1, 0, 0.05, "sample size"),
        (0.1, 10, 0.0, "alpha"),
        (0.1, 10, float("nan"), "alpha"),
    ],
)
def test_what_makes_no_sense_is_refused(distance, n, alpha, reason):
    with pytest.raises(ValueError, match=reason):
        ks_lower_bound(distance, n, 10, alpha)
