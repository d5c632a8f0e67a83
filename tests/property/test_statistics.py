"""What must hold of the statistics whatever the counts and values."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import false_discovery_control, ks_2samp
from scipy.stats import wasserstein_distance as scipys_wasserstein
from unit.observe.statistics.samples import count, quantile_cuts

from selfheal.observe.statistics.categories import align_categories, compare_categories
from selfheal.observe.statistics.chi_square import chi_square
from selfheal.observe.statistics.domain_classifier import domain_classifier
from selfheal.observe.statistics.jensen_shannon import jensen_shannon_distance
from selfheal.observe.statistics.kolmogorov_smirnov import (
    ks_distance,
    ks_p_value,
    ks_resolution,
    ks_two_sample,
)
from selfheal.observe.statistics.ks_lower_bound import ks_lower_bound
from selfheal.observe.statistics.kullback_leibler import kullback_leibler
from selfheal.observe.statistics.l_infinity import l_infinity_categorical, l_infinity_numeric
from selfheal.observe.statistics.mean_shift import Moments, mean_shift
from selfheal.observe.statistics.multiple_testing import benjamini_hochberg, bonferroni
from selfheal.observe.statistics.rescaling import rescaling
from selfheal.observe.statistics.stability_index import group_bins, psi_lower_bound, stability_index
from selfheal.observe.statistics.wasserstein import wasserstein_distance, wasserstein_from_counts

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
# Few different values, so that ties are common.
coarse = st.integers(-5, 5).map(float)
values = st.one_of(st.lists(finite, min_size=1, max_size=40), st.lists(coarse, min_size=1, max_size=40))
samples = values.map(lambda listed: np.array(listed, dtype=np.float64))
alphas = st.floats(1e-9, 0.5)
names = st.dictionaries(st.text(max_size=3), st.integers(0, 2**60), max_size=8)

STATISTICS = (
    ks_distance,
    stability_index,
    kullback_leibler,
    jensen_shannon_distance,
    lambda b, w: l_infinity_numeric(b, w, "Simple"),
    lambda b, w: l_infinity_categorical(b, w, "Robust"),
    lambda b, w: chi_square(b, w).statistic,
    lambda b, w: psi_lower_bound(b, w, 0.05),
)


@st.composite
def two_sides(draw):
    """Counts on the same bins, from empty bins to a billion rows, at least one row a side."""
    bins = draw(st.integers(1, 12))
    row = hnp.arrays(np.int64, bins, elements=st.one_of(st.integers(0, 3), st.integers(0, 10**9)))
    return draw(row.filter(lambda c: c.sum() > 0)), draw(row.filter(lambda c: c.sum() > 0))


@given(samples, samples)
def test_the_ks_test_is_scipys(x, y):
    ours = ks_two_sample(x, y, "exact")
    with warnings.catch_warnings(record=True) as gave_up:
        warnings.simplefilter("always")
        theirs = ks_2samp(x, y, method="exact")
    assert ours.statistic == pytest.approx(theirs.statistic, abs=1e-12)
    # SciPy falls back to its limit where rounding puts its exact p just above 1 (seven values a side).
    assert ours.p_value == pytest.approx(1.0 if gave_up else theirs.pvalue, abs=1e-9)
    assert ks_two_sample(np.sort(x), y, "exact", x_is_sorted=True) == ours
    mirrored = ks_two_sample(y, x, "exact")
    assert mirrored.statistic == ours.statistic
    assert mirrored.p_value == pytest.approx(ours.p_value, rel=1e-12)


@given(samples, samples, st.integers(1, 20), st.booleans())
def test_ks_from_counts_is_within_its_resolution(x, y, bins, single_points):
    cuts = quantile_cuts(x, bins, single_points=single_points)
    before = count(cuts, x)
    low, exact = ks_distance(before, count(cuts, y)), ks_two_sample(x, y).statistic
    assert low - 1e-12 <= exact <= low + ks_resolution(before, cuts) + 1e-12


@given(st.floats(0, 1), st.floats(0.1, 1e9), st.floats(0.1, 1e9), alphas)
def test_a_bound_lies_between_zero_and_its_distance(distance, n, m, alpha):
    low = ks_lower_bound(distance, n, m, alpha)
    assert 0 <= low <= distance
    assert ks_lower_bound(distance, n, m, alpha / 10) <= low
    assert ks_lower_bound(distance, m, n, alpha) == pytest.approx(low, abs=1e-9)
    assert 0 <= ks_p_value(distance, n, m) <= 1


@given(two_sides())
def test_statistics_of_counts_are_finite_and_vanish_where_the_sides_agree(sides):
    before, after = sides
    for statistic in STATISTICS:
        assert 0 <= statistic(before, after) < math.inf
        assert statistic(before, before) == pytest.approx(0.0, abs=1e-12)


@given(two_sides(), st.integers(1, 300))
def test_bins_that_nobody_visited_change_nothing(sides, empty):
    padded = [np.append(np.zeros(empty, dtype=np.int64), side) for side in sides]
    for statistic in STATISTICS:
        assert statistic(*padded) == pytest.approx(statistic(*sides), abs=1e-12)


@given(two_sides(), alphas)
def test_the_lower_bound_of_the_index_is_no_higher_than_the_index(sides, alpha):
    assert psi_lower_bound(*sides, alpha) <= stability_index(*sides) + 1e-9


@given(two_sides())
def test_groups_keep_every_row(sides):
    grouped = group_bins(*sides)
    assert [int(group.sum()) for group in grouped] == [int(side.sum()) for side in sides]
    assert 1 <= grouped[0].size == grouped[1].size <= 12


@given(samples, samples, st.floats(-100, 100))
def test_wasserstein_is_scipys_and_a_shift_moves_it(x, y, shift):
    ours = wasserstein_distance(x, y)
    assert ours == pytest.approx(scipys_wasserstein(x, y), rel=1e-9, abs=1e-12)
    moved = x + shift
    assert wasserstein_distance(x, moved) == pytest.approx(
        abs(shift), rel=1e-6, abs=1e-9 + 1e-12 * np.abs(x).max()
    )


@given(two_sides())
def test_wasserstein_from_counts_is_a_distance_within_the_cuts(sides):
    before, after = sides
    cuts = np.arange(before.size - 1, dtype=np.float64)
    value = wasserstein_from_counts(before, after, cuts)
    assert value == pytest.approx(wasserstein_from_counts(after, before, cuts))
    assert 0 <= value <= max(0.0, before.size - 2) + 1e-12


moments = st.builds(
    Moments,
    rows=st.floats(1, 1e12),
    mean=st.floats(-1e12, 1e12),
    deviation=st.one_of(st.just(0.0), st.floats(1e-12, 1e12)),
)


@given(moments, moments, alphas)
def test_a_mean_shift_lies_in_its_interval_and_is_never_nan(before, after, alpha):
    shift = mean_shift(before, after, alpha)
    for estimate in (shift.deviations, shift.percent):
        slack = 1e-9 * (1 + abs(estimate.value)) if math.isfinite(estimate.value) else 0.0
        assert estimate.low - slack <= estimate.value <= estimate.high + slack


@given(
    hnp.arrays(np.float64, st.integers(0, 30), elements=st.one_of(st.floats(0, 1), st.just(math.nan))), alphas
)
def test_adjusted_p_values_are_scipys_and_nan_is_never_rejected(p, alpha):
    known = ~np.isnan(p)
    tested = benjamini_hochberg(p, alpha)
    assert np.isnan(tested.adjusted[~known]).all()
    assert not tested.rejected[~known].any()
    if known.any():
        assert tested.adjusted[known] == pytest.approx(false_discovery_control(p[known]), abs=1e-12)
    # Bonferroni controls more, so it never finds more.
    assert not (bonferroni(p, alpha).rejected & ~tested.rejected).any()


@given(names.filter(lambda c: sum(c.values()) > 0), names.filter(lambda c: sum(c.values()) > 0))
def test_every_category_is_common_new_or_gone(before, after):
    change = compare_categories(before, after)
    new, gone = ({one.name for one in side} for side in (change.new, change.vanished))
    assert new == {name for name, rows in after.items() if rows and not before.get(name)}
    assert gone == {name for name, rows in before.items() if rows and not after.get(name)}
    assert all(0 <= one.chance <= 1 for one in (*change.new, *change.vanished))
    assert [int(side.sum()) for side in align_categories(before, after)] == [
        sum(before.values()),
        sum(after.values()),
    ]


@given(
    hnp.arrays(np.float64, st.tuples(st.just(24), st.integers(1, 4)), elements=st.floats(width=16)),
    st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_the_domain_classifier_has_an_answer_for_any_table(rows, seed):
    result = domain_classifier(rows[:12], rows[12:], 0.05, seed)
    assert 0 <= result.low <= result.auc + 1e-12 <= 1 + 1e-9
    assert 0 <= result.p_value <= 1
    assert result.error >= 0


@given(two_sides(), st.floats(-1e300, 1e300), st.floats(1e-300, 1e300))
@settings(max_examples=60)
def test_a_rescaling_always_explains_what_it_claims(sides, start, step):
    # The same few counts over and over, so that there are bins enough to fit.
    before, after = (np.tile(side, 20) for side in sides)
    after = np.roll(after, 37)
    cuts = np.unique(np.clip(start + step * np.arange(before.size - 1), -8e307, 8e307))
    before, after = before[: cuts.size + 1], after[: cuts.size + 1]
    if before.sum() and after.sum():
        found = rescaling(before, after, cuts)
        assert found is None or (
            found.scale > 0
            and math.isfinite(found.offset)
            and found.distance_after <= 0.2 * found.distance_before
        )
