"""The traffic is what the scenarios say, from the same seed the same, and quick to make."""

from itertools import islice, pairwise

import numpy as np
import pytest
from scipy import stats

from bench.detection.scenarios import ONSETS, SCENARIOS
from bench.detection.traffic import EXPONENTIAL, FEATURES, GAUSSIAN, NORMAL, REFERENCE_HOURS, SHARES, Month


def month(name: str, number: int = 0) -> Month:
    return Month(scenario=SCENARIOS[name], number=number, seed=7)


def around(chosen: Month, after: int = 12):
    """Rows of the windows before the onset, and of some from it on."""
    windows = [window.values for window in islice(chosen.windows(), chosen.onset + after)]
    return np.concatenate(windows[chosen.onset - after : chosen.onset]), np.concatenate(
        windows[chosen.onset :]
    )


def test_same_seed_same_month_and_another_number_another() -> None:
    first, again, other = (next(month("quiet", number).windows()).values for number in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_features_have_their_shapes() -> None:
    values = month("quiet").reference(20_000).values
    assert values.shape == (20_000, NORMAL + (GAUSSIAN - NORMAL) + EXPONENTIAL)
    shapes = ["norm"] * NORMAL + ["lognorm"] * (GAUSSIAN - NORMAL) + ["expon"] * EXPONENTIAL
    for column, shape in zip(values.T, shapes, strict=True):
        arguments = (1,) if shape == "lognorm" else ()
        assert stats.kstest(column, shape, args=arguments).pvalue > 1e-4


def test_reference_rows_are_spread_over_the_four_weeks_before_the_first_window() -> None:
    chosen = month("quiet")
    at = chosen.reference(5_000).at
    assert (at[0], at[-1], next(chosen.windows()).at) == (0, REFERENCE_HOURS - 1, REFERENCE_HOURS)
    counts = np.bincount(at)
    assert len(counts) == REFERENCE_HOURS
    assert counts.max() - counts.min() <= 1


def test_onsets_lie_where_they_are_drawn_from() -> None:
    onsets = {month("small", number).onset for number in range(50)}
    assert min(onsets) >= ONSETS[0]
    assert max(onsets) < ONSETS[1]
    assert len(onsets) > 20


@pytest.mark.parametrize(("name", "count", "step"), [("three", 3, 0.1), ("half", 1, 0.5), ("small", 1, 0.05)])
def test_a_shift_moves_the_chosen_features_alone(name: str, count: int, step: float) -> None:
    chosen = month(name)
    before, after = around(chosen)
    assert len(chosen.changed) == count
    # The chance that a later value is the larger: Phi(step / sqrt(2)), whatever the shape of the feature.
    rows = len(before)
    for place in range(FEATURES):
        larger = stats.mannwhitneyu(after[:, place], before[:, place]).statistic / rows**2
        expected = stats.norm.cdf(step / np.sqrt(2)) if place in chosen.changed else 0.5
        assert larger == pytest.approx(expected, abs=5 / np.sqrt(6 * rows))


def test_a_ramp_arrives_after_a_week() -> None:
    chosen = month("ramp")
    place = chosen.changed[0]
    assert place < NORMAL
    windows = [window.values[:, place] for window in islice(chosen.windows(), chosen.onset + 180)]
    assert np.mean(windows[chosen.onset + 83]) == pytest.approx(0.25, abs=0.1)
    assert np.mean(windows[-10:]) == pytest.approx(0.5, abs=0.04)


def test_spread_and_tail_keep_the_mean_and_the_tail_keeps_the_variance() -> None:
    for name, spread in (("variance", 1.2), ("tail", 1.0)):
        chosen = month(name)
        before, after = (rows[:, chosen.changed[0]] for rows in around(chosen))
        assert np.mean(after) == pytest.approx(0, abs=0.04)
        assert np.std(after) / np.std(before) == pytest.approx(spread, abs=0.12)
    assert stats.kurtosis(after) > 3 > stats.kurtosis(before) + 2


def test_five_points_of_a_category_move() -> None:
    chosen = month("category")
    before, after = around(chosen)
    assert chosen.categorical == frozenset({FEATURES})
    shares = [np.bincount(rows[:, FEATURES].astype(int), minlength=5) / len(rows) for rows in (before, after)]
    assert shares[0] == pytest.approx(SHARES, abs=0.02)
    assert shares[1] - shares[0] == pytest.approx([-0.05, 0.05, 0, 0, 0], abs=0.02)


def test_a_correlation_leaves_the_margins() -> None:
    chosen = month("correlation")
    before, after = around(chosen)
    first, second = chosen.changed
    assert np.corrcoef(before[:, first], before[:, second])[0, 1] == pytest.approx(0, abs=0.03)
    assert np.corrcoef(after[:, first], after[:, second])[0, 1] == pytest.approx(0.3, abs=0.03)
    assert stats.kstest(after[:, second], "norm").pvalue > 1e-4


def test_rows_remember_across_windows_and_days_have_a_season() -> None:
    chosen = month("seasonal")
    windows = [window.values[:, 0] for window in islice(chosen.windows(), 240)]
    inside = windows[0] - windows[0].mean()
    assert np.corrcoef(inside[:-1], inside[1:])[0, 1] == pytest.approx(0.9, abs=0.04)
    borders = np.array([(one[-1] - one.mean(), two[0] - two.mean()) for one, two in pairwise(windows)])
    assert np.corrcoef(borders.T)[0, 1] > 0.7
    hourly = np.array([window.mean() for window in windows]).reshape(10, 24).mean(axis=0)
    assert (hourly.max() - hourly.min()) / 2 == pytest.approx(1, abs=0.15)
