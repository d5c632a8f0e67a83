"""Profiles: what must hold of them whatever rows they are given, in whatever order and however divided."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from selfheal.observe.profiles.layout import BINS, Categorical, Layout, Numeric
from selfheal.observe.profiles.moments import fixed_point_sums, mean_and_deviation, unit_of
from selfheal.observe.profiles.packing import pack, pack_floats, unpack, unpack_floats
from selfheal.observe.profiles.profile import Profile, Rows, empty, merge, profile
from selfheal.observe.statistics.kolmogorov_smirnov import ks_distance, ks_resolution

finite = st.floats(allow_nan=False, allow_infinity=False)
odd_numbers = st.sampled_from(
    [
        0.0,
        -0.0,
        5e-324,
        -5e-324,
        2.0**53 + 2,
        -(2.0**60),
        1e308,
        -1e308,
        sys.float_info.max,
        -sys.float_info.max,
    ]
)
numbers = finite | odd_numbers | st.integers(-(2**80), 2**80).map(float) | st.just(7.0)
any_number = numbers | st.sampled_from([math.nan, math.inf, -math.inf])
# Two halves of a pair next to each other become one character in JSON; lone ones stay what they are.
names = st.text(max_size=4) | st.sampled_from(["", "naïve", "日本", "\ud800", "\U0001f600", "x" * 100])


@st.composite
def layouts(draw):
    training = draw(st.lists(numbers, min_size=1, max_size=40))
    categories = draw(st.dictionaries(names, st.integers(1, 9), min_size=1, max_size=5))
    return Layout(
        features=(
            Numeric.of("x", np.array(training)),
            Categorical.of("c", categories),
            Numeric.of("ever the same", np.array([training[0]] * 3)),
        )
    )


@st.composite
def tables(draw, layout, unique=True):
    """Rows as (key, x, c, constant)."""
    known = st.sampled_from(layout.features[1].categories)
    keys = st.integers(0, 10**6).map(str) if unique else st.sampled_from("abc")
    row = st.tuples(
        keys,
        any_number | st.sampled_from(layout.features[0].edges.tolist()),
        st.none() | known | names,
        st.just(1.0) | any_number,
    )
    return draw(st.lists(row, max_size=30, unique_by=(lambda each: each[0]) if unique else None))


def rows_of(table):
    keys, x, c, constant = zip(*table, strict=True) if table else ((), (), (), ())
    return Rows(
        keys=keys,
        columns={
            "x": np.array(x, dtype=float),
            "c": list(c),
            "ever the same": np.array(constant, dtype=float),
        },
        invalid={"x": np.array([key.endswith("3") for key in keys], dtype=bool)},
        absent={"c": np.array([key.endswith("4") for key in keys], dtype=bool)},
    )


def text_of(found):
    return json.dumps(found.to_json())


@given(layouts(), st.data())
def test_any_order_and_division_of_the_rows_gives_the_same_bits(layout, data):
    table = data.draw(tables(layout, unique=data.draw(st.booleans())))
    whole = text_of(profile(layout, rows_of(table)))
    shuffled = data.draw(st.permutations(table))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(table)), max_size=3)))
    parts = [
        profile(layout, rows_of(shuffled[start:end]))
        for start, end in zip([0, *cuts], [*cuts, len(table)], strict=True)
    ]
    assert text_of(merge(parts)) == whole
    # Associative and commutative: a left fold, a right fold, and one turned round.
    left, right = parts[0], parts[-1]
    for part in parts[1:]:
        left = merge([left, part])
    for part in reversed(parts[:-1]):
        right = merge([part, right])
    assert text_of(left) == text_of(right) == text_of(merge(parts[::-1])) == whole
    assert text_of(merge([left, empty(layout)])) == whole


@given(layouts(), st.data())
def test_every_row_is_counted_once_or_missing(layout, data):
    table = data.draw(tables(layout))
    found = profile(layout, rows_of(table))
    assert found.rows == len(table)
    for place in range(3):
        assert found.present(place) + found.missing[place] == len(table)
    x = np.array([row[1] for row in table], dtype=float)
    kept = x[np.isfinite(x)]
    assert found.missing[0] == len(table) - kept.size
    assert found.negative[0] == (kept < 0).sum()
    assert found.low[0] == kept.min(initial=np.inf)
    assert found.high[0] == kept.max(initial=-np.inf)
    # A bin is (cut, next cut], counted without a search.
    cuts = [-np.inf, *layout.features[0].cuts, np.inf]
    by_hand = [int(((kept > low) & (kept <= high)).sum()) for low, high in pairwise(cuts)]
    assert found.of(0).tolist() == by_hand


@given(layouts(), st.data())
def test_a_profile_survives_json_to_the_bit(layout, data):
    before = profile(layout, rows_of(data.draw(tables(layout))))
    again = Layout.from_json(json.loads(json.dumps(layout.to_json())))
    assert again.digest == layout.digest
    after = Profile.from_json(json.loads(text_of(before)), again)
    assert text_of(after) == text_of(before)
    assert text_of(merge([after, before])) == text_of(merge([before, before]))


@given(st.lists(numbers, min_size=1, max_size=40), st.randoms())
def test_the_same_training_data_make_the_same_layout_in_any_order(training, random):
    shuffled = random.sample(training, len(training))
    one, other = (Layout(features=(Numeric.of("x", np.array(each)),)) for each in (training, shuffled))
    assert one.digest == other.digest


@given(st.lists(numbers, min_size=1, max_size=60))
def test_training_data_lie_in_the_inner_bins(training):
    feature = Numeric.of("x", np.array(training))
    counts = feature.count(np.sort(training))
    assert np.isfinite(feature.cuts).all()
    # By comparison: the difference of two of the largest floats is none.
    assert (feature.cuts[1:] >= feature.cuts[:-1]).all()
    # Below the smallest of all floats there is no room for a cut.
    at_the_end = sum(value == -sys.float_info.max for value in training)
    assert counts[feature.inner].sum() == len(training) - at_the_end
    assert feature.size <= 3 * BINS + 2


# --- moments


@given(st.lists(numbers, min_size=1, max_size=50), numbers)
def test_moments_are_those_of_exact_fractions_rounded_to_the_unit(values, magnitude):
    unit = Fraction(unit_of(abs(magnitude)))
    whole = [round(Fraction(value) / unit) for value in values]
    first, second = fixed_point_sums(np.array(values), float(unit))
    assert first == sum(whole)
    assert second == sum(each * each for each in whole)
    mean, deviation = mean_and_deviation(len(values), first, second, float(unit))
    exact = Fraction(sum(whole), len(whole)) * unit
    variance = Fraction(second, len(whole)) - Fraction(first, len(whole)) ** 2
    largest = Fraction(sys.float_info.max)
    assert mean == float(max(-largest, min(largest, exact)))
    # The root of a fraction, by the square of its neighbours: no float overflows or vanishes on the way.
    root = Fraction(deviation) / unit
    if deviation < sys.float_info.max:
        slack = Fraction(1, 2**40)
        step = Fraction(sys.float_info.min) / unit
        assert (root * (1 - slack) - step) ** 2 <= variance or root <= step
        assert variance <= (root * (1 + slack) + step) ** 2


@given(st.lists(numbers, max_size=60), st.data())
def test_sums_of_parts_are_the_sums_of_the_whole(values, data):
    unit = unit_of(abs(data.draw(finite)))
    cut = data.draw(st.integers(0, len(values)))
    parts = [fixed_point_sums(np.array(each, dtype=float), unit) for each in (values[:cut], values[cut:])]
    whole = fixed_point_sums(np.array(values, dtype=float), unit)
    assert whole == (parts[0][0] + parts[1][0], parts[0][1] + parts[1][1])


@settings(max_examples=15)
@given(st.integers(1, 20), st.integers(0, 2**32), st.sampled_from([1e-3, 1.0, 1e6, 1e12]))
def test_blocks_of_any_size_of_number_are_exact(thousands, seed, scale):
    values = np.random.default_rng(seed).normal(size=thousands * 1000) * scale
    whole = [round(Fraction(value)) for value in (values * 2.0**20).tolist()]
    assert fixed_point_sums(values, 2.0**-20) == (sum(whole), sum(each * each for each in whole))


# --- Kolmogorov-Smirnov from profiles

sampled = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(0, 2, size=n),
    "one decimal": lambda rng, n: np.round(rng.normal(size=n), 1),
    "counts": lambda rng, n: rng.poisson(3, size=n).astype(float),
    "mostly nought": lambda rng, n: np.where(rng.random(n) < 0.6, 0.0, rng.exponential(size=n)),
    # Heavy values between which a continuum lies: each fills between one bin and two.
    "one and a half bins each": lambda rng, n: np.where(
        rng.random(n) < 0.75, rng.integers(0, 128, n) + 0.5, 128 * rng.random(n)
    ),
}


@given(
    st.sampled_from(sorted(sampled)),
    st.sampled_from([256, 1000, 2560, 10_000]),
    st.integers(1, 3000),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.1, 1.0, -5.0, 1e6]),
)
def test_the_distance_from_profiles_is_scipys_within_a_bin(kind, rows, window_rows, seed, shift):
    rng = np.random.default_rng(seed)
    training = sampled[kind](rng, rows)
    window = sampled[kind](rng, window_rows) + shift
    feature = Numeric.of("x", training)
    before, after = feature.count(np.sort(training)), feature.count(np.sort(window))
    resolution = math.ceil(rows / BINS) / rows
    assert ks_resolution(before, feature.cuts) <= resolution
    distance, exact = ks_distance(before, after), ks_2samp(training, window, method="asymp").statistic
    assert distance - 1e-12 <= exact <= distance + resolution + 1e-12


@given(st.integers(0, 2**32), st.data())
def test_an_adversarial_window_gains_no_more_than_a_bin(seed, data):
    # A window of neighbours of the training values, where the distance from counts misses the most.
    rng = np.random.default_rng(seed)
    training = np.round(rng.normal(size=512), data.draw(st.integers(0, 3)))
    picked = data.draw(st.lists(st.sampled_from(np.unique(training).tolist()), min_size=1, max_size=50))
    away = data.draw(st.sampled_from([-np.inf, np.inf]))
    window = np.nextafter(np.array(picked), away)
    feature = Numeric.of("x", training)
    distance = ks_distance(feature.count(np.sort(training)), feature.count(np.sort(window)))
    exact = ks_2samp(training, window, method="asymp").statistic
    assert distance - 1e-12 <= exact <= distance + 1 / 256 + 1e-12


@given(st.lists(st.integers(0, 12), min_size=1, max_size=100), st.data())
def test_on_few_distinct_values_the_distance_is_exact(reference, data):
    # A window of values that training had, or that lie beyond all of them: no bin hides anything.
    values = st.sampled_from([-1, 99, *reference])
    window = np.array(data.draw(st.lists(values, min_size=1, max_size=100)), dtype=float)
    training = np.array(reference, dtype=float)
    feature = Numeric.of("x", training)
    distance = ks_distance(feature.count(np.sort(training)), feature.count(np.sort(window)))
    by_hand = max(abs((training <= x).mean() - (window <= x).mean()) for x in [*training, *window])
    assert distance == pytest.approx(by_hand, abs=1e-12)


# --- packing


@given(st.lists(st.integers(0, 2**64 - 1), max_size=30))
def test_packed_integers_come_back(values):
    assert unpack(pack(np.array(values, dtype=np.uint64)), np.uint64).tolist() == values


@given(st.lists(st.floats(), max_size=30))
def test_packed_floats_come_back_to_the_bit(values):
    array = np.array(values, dtype=float)
    assert unpack_floats(pack_floats(array)).tobytes() == array.tobytes()


# --- samples of rows


@given(st.integers(1, 600), st.integers(1, 60), st.integers(0, 2**32), st.integers(1, 4))
def test_the_sample_of_rows_does_not_depend_on_division_also_where_keys_repeat(rows, kinds, seed, parts):
    rng = np.random.default_rng(seed)
    layout = Layout(features=(Numeric.of("x", np.arange(50.0)), Categorical.of("c", Counter("ab"))))
    keys = [str(key) for key in (rng.integers(0, kinds, rows) if seed % 2 else rng.permutation(rows))]
    x, c = rng.integers(0, 50, rows).astype(float), rng.choice(["a", "b"], rows).tolist()
    whole = profile(layout, Rows(keys=keys, columns={"x": x, "c": c})).sample
    order = np.array_split(rng.permutation(rows), parts)
    merged = merge(
        [
            profile(
                layout,
                Rows(keys=[keys[row] for row in part], columns={"x": x[part], "c": [c[row] for row in part]}),
            )
            for part in order
        ]
    ).sample
    assert np.array_equal(whole.hashes, merged.hashes)
    assert np.array_equal(whole.codes, merged.codes)
    assert whole.hashes.size == min(128, len(set(keys)))
