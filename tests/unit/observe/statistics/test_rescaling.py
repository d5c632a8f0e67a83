"""Units that changed are found; drift, however strong, is not taken for one."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from selfheal.observe.statistics.rescaling import rescaling
from selfheal.observe.statistics.unit_conversions import KNOWN_MAPS
from unit.observe.statistics.samples import count, quantile_cuts, with_far_cuts

FEATURES = {
    "temperature": lambda g, k: g.normal(15, 8, k),
    "price": lambda g, k: g.lognormal(3, 1, k).round(2),
    "latency": lambda g, k: g.gamma(4, 3, k),
    "weight": lambda g, k: g.normal(75, 14, k),
    "age": lambda g, k: np.clip(g.normal(40, 15, k), 0, 99).round(),
    "waiting": lambda g, k: g.exponential(20, k),
    "two peaks": lambda g, k: np.where(g.random(k) < 0.4, g.normal(10, 2, k), g.normal(25, 4, k)),
    "wind": lambda g, k: g.gamma(3, 3.5, k).round(),
}
CHANGES = {
    "celsius to fahrenheit": ("temperature", 1.8, 32.0),
    "fahrenheit to celsius": ("weight", 1 / 1.8, -32 / 1.8),
    "celsius to kelvin": ("temperature", 1.0, 273.15),
    "dollars to cents": ("price", 100.0, 0.0),
    "cents to dollars": ("price", 0.01, 0.0),
    "seconds to milliseconds": ("latency", 1000.0, 0.0),
    "miles to kilometres": ("two peaks", 1.609344, 0.0),
    "kilometres to miles": ("waiting", 1 / 1.609344, 0.0),
    "kilograms to pounds": ("weight", 1 / 0.45359237, 0.0),
    "inches to centimetres": ("weight", 2.54, 0.0),
    "years to months": ("age", 12.0, 0.0),
    "knots to miles per hour": ("wind", 1852 / 1609.344, 0.0),
}


@functools.cache
def baseline(feature):
    reference = FEATURES[feature](np.random.default_rng(0), 20_000)
    cuts = with_far_cuts(quantile_cuts(reference))
    return reference, cuts, count(cuts, reference)


def judge(feature, change, rows, seed):
    generator = np.random.default_rng(seed)
    reference, cuts, before = baseline(feature)
    window = change(FEATURES[feature](generator, rows), generator, reference)
    return rescaling(before, count(cuts, window), cuts)


@pytest.mark.parametrize("rows", [2000, 20_000])
@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_unit_is_found_with_its_name(name, rows):
    feature, scale, offset = CHANGES[name]
    found = judge(feature, lambda values, *_: scale * values + offset, rows, seed=1)
    assert found is not None
    assert name in found.known
    assert (found.scale, found.offset) == pytest.approx((scale, offset))
    assert found.distance_after < 0.2 * found.distance_before


def test_conversions_that_the_data_cannot_tell_apart_are_all_named():
    found = judge("temperature", lambda values, *_: 2.2046 * values, 2000, seed=2)
    assert found.known == "kilograms to pounds or metres per second to miles per hour"


@pytest.mark.parametrize("feature", ["temperature", "price", "latency", "waiting", "two peaks"])
def test_an_unknown_map_is_found_with_its_numbers(feature):
    found = judge(feature, lambda values, *_: 7.7 * values + 40, 20_000, seed=3)
    assert found.known is None
    assert found.scale == pytest.approx(7.7, rel=0.03)
    assert found.offset == pytest.approx(40, abs=6)


DRIFTS = {
    "none": lambda values, g, b: values,
    "shift of 0.5": lambda values, g, b: values + 0.5 * b.std(),
    "shift of 1": lambda values, g, b: values + b.std(),
    "shift of -0.7": lambda values, g, b: values - 0.7 * b.std(),
    "shift of 3": lambda values, g, b: values + 3 * b.std(),
    "wider by a fifth": lambda values, g, b: b.mean() + 1.2 * (values - b.mean()),
    "narrower by a third": lambda values, g, b: b.mean() + 0.67 * (values - b.mean()),
    "larger by 30 %": lambda values, g, b: 1.3 * values,
    "a third moved": lambda values, g, b: np.where(g.random(values.size) < 0.3, values + 2 * b.std(), values),
    "half grew": lambda values, g, b: np.where(g.random(values.size) < 0.5, 1.8 * values, values),
    "clipped": lambda values, g, b: np.minimum(values, np.median(b)),
    "stuck": lambda values, g, b: np.full(values.size, b.mean()),
    "half in another unit": lambda values, g, b: np.where(g.random(values.size) < 0.5, 100 * values, values),
}


@pytest.mark.parametrize("rows", [2000, 50_000])
@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("feature", FEATURES)
def test_ordinary_drift_is_no_rescaling(feature, drift, rows):
    for seed in (1, 2):
        assert judge(feature, DRIFTS[drift], rows, seed) is None


@pytest.mark.parametrize("values", [[3.0], [0.0, 1.0], [0, 1, 2, 3, 4]])
def test_a_handful_of_values_has_no_answer(values):
    reference = np.random.default_rng(5).choice(np.array(values, dtype=float), 5000)
    cuts = with_far_cuts(quantile_cuts(reference)) if len(values) > 1 else quantile_cuts(reference)
    assert rescaling(count(cuts, reference), count(cuts, 100 * reference), cuts) is None


def test_what_the_cuts_do_not_reach_has_no_answer():
    reference = np.random.default_rng(6).normal(15, 8, 5000)
    cuts = quantile_cuts(reference)
    assert rescaling(count(cuts, reference), count(cuts, reference + 1000), cuts) is None


def test_extreme_cuts_are_no_trouble():
    cuts = np.concatenate([-np.logspace(307, -300, 40), [0.0], np.logspace(-300, 307, 40)])
    generator = np.random.default_rng(7)
    before, after = generator.multinomial(5000, np.full(82, 1 / 82)), np.zeros(82, dtype=np.int64)
    after[-3:] = 100
    assert rescaling(before, after, cuts) is None


def test_every_conversion_has_its_way_back():
    for there, back in zip(KNOWN_MAPS[::2], KNOWN_MAPS[1::2], strict=True):
        assert back.scale * (there.scale * 7.5 + there.offset) + back.offset == pytest.approx(7.5, abs=1e-9)
    assert len({each.name for each in KNOWN_MAPS}) == len(KNOWN_MAPS)
    # Two of one scale and offset could never be told apart.
    assert len({(each.scale, each.offset) for each in KNOWN_MAPS}) == len(KNOWN_MAPS)


def test_sides_must_be_comparable():
    with pytest.raises(ValueError, match="window is empty"):
        rescaling(np.array([1, 1]), np.array([0, 0]), np.array([0.0]))
    with pytest.raises(ValueError, match="there are counts of 2"):
        rescaling(np.array([1, 1]), np.array([1, 1]), np.array([0.0, 1.0]))
