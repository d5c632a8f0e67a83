"""The intervals against simulation, Welch's test and the zeros that have a defined answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind_from_stats

from selfheal.observe.statistics.mean_shift import Moments, mean_shift

INF = math.inf


def moments(values):
    return Moments(rows=values.size, mean=float(values.mean()), deviation=float(values.std(ddof=1)))


def ends(estimate):
    return estimate.low, estimate.high


@pytest.mark.parametrize("which", ["deviations", "percent"])
@pytest.mark.parametrize(("n", "m"), [(40, 25), (2000, 300)])
def test_the_intervals_cover_the_truth_as_often_as_they_say(which, n, m):
    truth = {"deviations": 0.75, "percent": 30.0}[which]
    generator = np.random.default_rng(n)
    covered = 0
    for _ in range(1000):
        before, after = generator.normal(10, 4, n), generator.normal(13, 6, m)
        estimate = getattr(mean_shift(moments(before), moments(after), 0.1), which)
        covered += estimate.low <= truth <= estimate.high
    assert covered == pytest.approx(900, abs=30)


def test_with_a_known_baseline_it_is_welchs_interval():
    before = Moments(rows=1e9, mean=5.0, deviation=2.0)
    after = Moments(rows=50, mean=5.5, deviation=2.0)
    theirs = ttest_ind_from_stats(5.5, 2.0, 50, 5.0, 2.0, 10**9, equal_var=False).pvalue
    low, _ = ends(mean_shift(before, after, alpha=theirs).percent)
    assert low == pytest.approx(0.0, abs=1e-3)


def test_per_cent_is_of_the_absolute_mean():
    before = Moments(rows=1000, mean=-10.0, deviation=1.0)
    shift = mean_shift(before, Moments(rows=1000, mean=-7.0, deviation=1.0), 0.05).percent
    assert shift.value == pytest.approx(30.0)
    assert 28 < shift.low < 30 < shift.high < 32


def test_a_baseline_mean_that_may_be_zero_bounds_no_per_cent():
    before = Moments(rows=100, mean=0.05, deviation=1.0)
    shift = mean_shift(before, Moments(rows=100, mean=0.5, deviation=1.0), 0.05)
    assert ends(shift.percent) == (-INF, INF)
    assert shift.deviations.low > 0


@pytest.mark.parametrize(
    ("before", "after", "percent", "deviations"),
    [
        # (mean, deviation) of each side -> (value, low, high)
        ((0.0, 0.0), (0.0, 0.0), (0, 0, 0), (0, 0, 0)),
        ((5.0, 0.0), (5.0, 0.0), (0, 0, 0), (0, 0, 0)),
        ((5.0, 0.0), (4.0, 0.0), (-20, -20, -20), (-INF, -INF, -INF)),
        ((0.0, 0.0), (2.0, 0.0), (INF, INF, INF), (INF, INF, INF)),
        ((0.0, 0.0), (0.0, 1.0), (0, -INF, INF), (0, -INF, INF)),
    ],
)
def test_zeros_have_a_defined_answer(before, after, percent, deviations):
    sides = (Moments(rows=100, mean=mean, deviation=deviation) for mean, deviation in (before, after))
    shift = mean_shift(*sides, alpha=0.05)
    for estimate, expected in ((shift.percent, percent), (shift.deviations, deviations)):
        assert (estimate.value, *ends(estimate)) == pytest.approx(expected)


def test_one_row_bounds_nothing():
    shift = mean_shift(
        Moments(rows=100, mean=1.0, deviation=1.0), Moments(rows=1, mean=9.0, deviation=0.0), alpha=0.05
    )
    assert shift.deviations.value == 8.0
    assert ends(shift.deviations) == ends(shift.percent) == (-INF, INF)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"rows": 0}, "at least one row"),
        ({"rows": math.nan}, "at least one row"),
        ({"mean": math.nan}, "must be finite"),
        ({"deviation": -1.0}, "must be finite"),
        ({"deviation": INF}, "must be finite"),
    ],
)
def test_moments_must_be_moments(bad, reason):
    good = {"rows": 10, "mean": 1.0, "deviation": 1.0}
    with pytest.raises(ValueError, match=f"the window.*{reason}"):
        mean_shift(Moments(**good), Moments(**{**good, **bad}), 0.05)
