"""The models of a wandering level: what each expects, how they are weighed, and what an hour is worth by them."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest

from selfheal.observe.drift import wander as module
from selfheal.observe.drift.wander import (
    FEWEST,
    Wander,
    ahead,
    fitted,
    innovations,
    lasting,
    surprise,
    unknown,
    updated,
    weights,
)

PHI, Q = module._PHI[:, 0], module._Q[:, 0]


def level_of(generator, hours, streams, memory, variance):
    level = generator.normal(0, np.sqrt(variance), streams)
    for _ in range(hours):
        yield level
        level = memory * level + generator.normal(0, np.sqrt(variance * (1 - memory**2)), streams)


def errors_of(hours, streams, memory=0.0, variance=0.0, scale=1.0, seed=1):
    generator = np.random.default_rng(seed)
    levels = level_of(generator, hours, streams, memory, variance)
    return [scale * (level + generator.normal(size=streams)) for level in levels]


def step(wander, errors, looks, exposure=None, hours=1):
    exposure = np.ones_like(errors) if exposure is None else exposure
    expected = ahead(wander, hours)
    t = surprise(expected, errors, exposure, looks)
    taken = np.isfinite(errors)
    return updated(fitted(expected, t, exposure), errors, exposure, taken), looks + taken, t


def after(stream):
    wander, looks, ts = unknown(stream[0].size), np.zeros(stream[0].size), []
    for errors in stream:
        wander, looks, t = step(wander, errors, looks)
        ts.append(t)
    return wander, looks, np.array(ts)


def test_each_model_expects_what_its_covariances_imply():
    generator = np.random.default_rng(3)
    at = np.array([0, 1, 2, 5, 6, 9])
    exposure = generator.uniform(0.5, 2, at.size)
    errors = generator.normal(size=at.size)
    wander, looks, last = unknown(1), np.zeros(1), 0
    for now, e, h in zip(at, errors, exposure, strict=True):
        expected = ahead(wander, now - last)
        level, spread = (
            h * expected.level[:, 0],
            1 + h**2 * expected.variance[:, 0],
        )
        wander, looks, _ = step(wander, np.array([e]), looks, np.array([h]), hours=now - last)
        last = now
    # The last one given all others, in units of the noise, by the formula of conditional normal distributions.
    for model, (phi, q) in enumerate(zip(PHI, Q, strict=True)):
        shared = q * np.outer(exposure, exposure) * phi ** np.abs(at[:, None] - at)
        covariance = shared * (q > 0) + np.eye(at.size)
        gain = np.linalg.solve(covariance[:-1, :-1], covariance[:-1, -1])
        assert level[model] == pytest.approx(gain @ errors[:-1], abs=1e-9)
        assert spread[model] == pytest.approx(covariance[-1, -1] - gain @ covariance[:-1, -1])


def test_hours_ahead_are_as_many_single_hours():
    wander, _, _ = after(errors_of(20, 3, 0.9, 4.0))
    once, thrice = ahead(wander, 3), wander
    for _ in range(3):
        thrice = ahead(thrice, 1)
    assert np.allclose(once.level, thrice.level)
    assert np.allclose(once.variance, thrice.variance)


def test_independent_hours_are_believed_to_be_independent():
    wander, _, ts = after(errors_of(400, 30, scale=5.0))
    assert np.median(weights(wander)[0]) > 0.9
    # In units of their own spread, whatever that is.
    assert ts[100:, 0].std() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(("memory", "variance"), [(0.8, 3.0), (0.9, 20.0), (0.97, 3.0)])
def test_a_wandering_level_is_told_ahead_and_what_is_left_does_not_add_up(memory, variance):
    wander, _, ts = after(errors_of(600, 30, memory, variance))
    assert weights(wander)[0].max() < 1e-3
    assert weights(wander).sum(axis=0) == pytest.approx(1)
    left = (weights(wander) * ts[300:]).sum(axis=1)
    assert left.std() == pytest.approx(1, abs=0.1)
    # Means of whole days vary as those of independent hours do: 1/24; of the errors themselves, many times that.
    days = left[: 12 * 24].reshape(12, 24, -1).mean(axis=1)
    assert days.var() < 1.3 / 24


@pytest.mark.parametrize(("memory", "variance"), [(0.0, 0.0), (0.8, 0.3), (0.8, 4.0), (0.97, 1.0)])
def test_what_a_mean_of_many_hours_is_worth_is_the_long_run_variance(memory, variance):
    wander, looks, _ = after(errors_of(700, 30, memory, variance, scale=3.0))
    fresh_part = innovations(wander, looks)
    # What a Kalman filter leaves: 1 + p, p = memory² p / (1 + p) + variance (1 - memory²).
    p = variance
    for _ in range(500):
        p = memory**2 * p / (1 + p) + variance * (1 - memory**2)
    assert np.median(fresh_part) == pytest.approx(9 * (1 + p), rel=0.1)
    truth = 9 * (1 + variance * (1 + memory) / (1 - memory))
    assert np.median(fresh_part * np.exp(lasting(wander))) == pytest.approx(truth, rel=0.45)
    assert (lasting(wander) >= 0).all()


def test_an_hour_without_an_error_says_nothing():
    wander, looks, _ = after(errors_of(30, 2))
    later, same, t = step(wander, np.array([np.nan, np.nan]), looks)
    assert np.isnan(t).all()
    assert np.array_equal(same, looks)
    assert np.array_equal(later.squares, wander.squares)
    assert np.array_equal(later.fit, wander.fit)


def test_a_scale_needs_a_few_errors_and_some_that_differ():
    stream = errors_of(FEWEST, 1)
    assert np.isnan(after(stream)[2]).all()
    assert np.isfinite(after([*stream, stream[0]])[2][-1]).all()
    constant = after([np.zeros(1)] * 10)
    assert np.isnan(constant[2]).all()
    assert np.array_equal(weights(constant[0]), module._PRIOR)


def test_one_wild_hour_says_nothing_of_wandering():
    calm, looks, _ = after(errors_of(200, 20))
    wild, _, _ = step(calm, np.full(20, 1e3), looks)
    assert np.median(weights(wild)[0]) > 0.8


def test_hours_of_many_rows_show_more_of_the_level():
    hours, streams, generator = 600, 20, np.random.default_rng(5)
    exposure = np.where(np.arange(hours) % 24 < 12, 0.3, 1.4)
    levels = level_of(generator, hours, streams, 0.95, 4.0)
    wander, looks, told, blind = unknown(streams), np.zeros(streams), [], unknown(streams)
    for h, level in zip(exposure, levels, strict=True):
        errors = h * level + generator.normal(size=streams)
        blind, _, without = step(blind, errors, looks)
        wander, looks, t = step(wander, errors, looks, np.full(streams, h))
        told.append([(weights(each) * s).sum(axis=0) for each, s in ((wander, t), (blind, without))])
    knowing, not_knowing = np.array(told[300:]).transpose(1, 0, 2)
    night = exposure[300:] < 1
    # Who does not know it takes the nights for calmer, and the days for wilder, than they are.
    assert knowing[night].std() == pytest.approx(knowing[~night].std(), rel=0.1)
    assert not_knowing[night].std() < 0.8 * not_knowing[~night].std()


def test_it_survives_json_to_the_bit():
    wander, _, _ = after(errors_of(30, 4, 0.9, 1.0))
    back = Wander.from_json(json.loads(json.dumps(wander.to_json())))
    assert all(np.array_equal(getattr(back, f.name), getattr(wander, f.name)) for f in fields(Wander))
