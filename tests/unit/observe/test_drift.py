"""Drift signals: quiet when nothing moves, loud when something does, honest when nobody can know."""

from __future__ import annotations

import numpy as np
import pytest

from selfheal.observe.baseline import Baseline, Feature
from selfheal.observe.drift import drift_signals
from selfheal.observe.policy import DriftPolicy
from selfheal.observe.signals import SignalKind, Status
from unit.samples import baseline, profile_of

POLICY = DriftPolicy()


def by_subject(signals):
    return {signal.subject: signal for signal in signals}


def draw(generator, rows, shift=0.0, shares=(1 / 3, 1 / 3, 1 / 3)):
    return generator.normal(shift, size=rows), generator.choice(["a", "b", "c"], size=rows, p=shares)


def test_quiet_windows_rarely_warn_and_never_breach():
    reference, generator = baseline(rows=20_000), np.random.default_rng(11)
    statuses = [
        signal.status
        for _ in range(500)
        for signal in drift_signals(reference, profile_of(reference, *draw(generator, 1500)), POLICY)
    ]
    assert Status.BREACH not in statuses
    # The bound is one-sided at 99.9 % over both features: 500 windows may warn about once.
    assert statuses.count(Status.WARN) <= 5
    assert Status.NO_DATA not in statuses


def test_a_shift_of_one_standard_deviation_is_a_breach_of_that_feature_alone():
    reference, generator = baseline(), np.random.default_rng(12)
    found = by_subject(
        drift_signals(reference, profile_of(reference, *draw(generator, 1500, shift=1.0)), POLICY)
    )
    assert found["x"].status is Status.BREACH
    assert found["x"].statistic == "ks"
    assert found["x"].low > found["x"].threshold == POLICY.ks_tolerance
    assert found["x"].value == pytest.approx(
        0.38, abs=0.05
    )  # twice the normal distribution's mass between 0 and 1/2
    assert "PSI" in found["x"].reason
    assert found["c"].status is Status.OK


def test_another_mix_of_categories_is_a_breach():
    reference, generator = baseline(), np.random.default_rng(13)
    found = by_subject(
        drift_signals(
            reference, profile_of(reference, *draw(generator, 3000, shares=(0.8, 0.1, 0.1))), POLICY
        )
    )
    assert found["c"].status is Status.BREACH
    assert found["c"].statistic == "psi"
    assert found["x"].status is Status.OK


def test_a_small_shift_is_certain_but_harmless_in_a_large_window():
    reference, generator = baseline(rows=200_000), np.random.default_rng(14)
    found = by_subject(
        drift_signals(reference, profile_of(reference, *draw(generator, 200_000, shift=0.1)), POLICY)
    )
    assert found["x"].status is Status.WARN
    assert 0 < found["x"].low < POLICY.ks_tolerance


@pytest.mark.parametrize("rows", [0, 1, 999])
def test_too_few_rows_are_no_data(rows):
    reference = baseline()
    signals = drift_signals(reference, profile_of(reference, np.full(rows, 99.0), ["new"] * rows), POLICY)
    assert {signal.status for signal in signals} == {Status.NO_DATA}
    assert all(signal.value is None and signal.kind is SignalKind.DATA_DRIFT for signal in signals)
    assert [signal.reason for signal in signals] == [
        f"{rows} rows, {rows} with {name}; 1000 are needed, half of them with it" for name in ("x", "c")
    ]


def test_a_column_of_nulls_is_no_data_however_many_rows():
    reference = baseline()
    signals = drift_signals(reference, profile_of(reference, np.full(5000, np.nan), [None] * 5000), POLICY)
    assert {signal.status for signal in signals} == {Status.NO_DATA}


@pytest.mark.parametrize(("present", "judged"), [(0, False), (499, False), (500, True), (1000, True)])
def test_half_of_the_rows_that_are_needed_must_hold_a_value(present, judged):
    reference, missing = baseline(), 2000 - present
    window = profile_of(
        reference, [99.0] * present + [np.nan] * missing, ["new"] * present + [None] * missing
    )
    signals = drift_signals(reference, window, POLICY)
    assert {signal.status for signal in signals} == {Status.BREACH if judged else Status.NO_DATA}
    assert {signal.sample for signal in signals} == {present}


def test_few_values_on_many_categories_are_no_certain_drift():
    generator = np.random.default_rng(16)
    names = np.array([f"c{number:03d}" for number in range(100)])
    feature = Feature("c", None)
    reference = Baseline(
        features=(feature,),
        profile={"c": feature.count(list(generator.choice(names, size=35_000)))},
        metrics={},
        window=("a", "b"),
    )
    for present, expected in ((5, {Status.NO_DATA}), (500, {Status.OK, Status.WARN})):
        window = {"c": feature.count([*generator.choice(names, size=present), *[None] * (2000 - present)])}
        (signal,) = drift_signals(reference, window, POLICY)
        assert signal.status in expected


def test_a_feature_that_the_window_lacks_is_no_data():
    reference = baseline()
    assert {signal.status for signal in drift_signals(reference, {}, POLICY)} == {Status.NO_DATA}


def test_a_constant_window_far_from_training_is_a_breach():
    reference = baseline()
    found = by_subject(
        drift_signals(reference, profile_of(reference, np.full(1000, 50.0), ["a"] * 1000), POLICY)
    )
    assert found["x"].value == 1.0
    assert found["x"].status is found["c"].status is Status.BREACH


def test_more_features_need_more_certainty():
    one, generator = baseline(), np.random.default_rng(15)
    window = profile_of(one, *draw(generator, 1500, shift=0.3))
    two = by_subject(drift_signals(one, window, POLICY))["x"].low
    alone = type(one)(features=one.features[:1], profile=one.profile, metrics=one.metrics, window=one.window)
    assert by_subject(drift_signals(alone, window, POLICY))["x"].low > two
