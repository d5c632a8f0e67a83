"""Drift signals: quiet when nothing moves, loud when something does, honest when nobody can know."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from selfheal.observe.drift.comparison import Habits
from selfheal.observe.drift.feature_drift import _percent, drift_signals
from selfheal.observe.drift.watch import design_effects
from selfheal.observe.hours import DAY, Window, window
from selfheal.observe.policy import Correction, DriftPolicy, DriftRule
from selfheal.observe.profiles.layout import Categorical, Layout
from selfheal.observe.profiles.profile import Rows, empty, merge, profile
from selfheal.observe.reference import Champion, make_baseline
from selfheal.observe.signals import SignalKind, Status
from unit.observe.world import World
from unit.samples import NOW, baseline, hour, outputs_of

POLICY = DriftPolicy()
EVEN = (1 / 3, 1 / 3, 1 / 3)


def draw(generator, rows, shift=0.0, shares=EVEN):
    return generator.normal(shift, size=rows), generator.choice(["a", "b", "c"], size=rows, p=shares)


def judged(reference, x, c, policy=POLICY, watch=None, scores=None):
    """Signals by subject of a window of one hour, without a watch."""
    found = hour(reference, NOW - timedelta(hours=1), x, c)
    if scores is not None:
        answers = profile(reference.layout, outputs_of(scores))
        both = merge([found.profile, answers])
        found = replace(found, profile=replace(both, rows=len(x), sample=found.profile.sample))
    signals = drift_signals(reference, [window([found], 1, NOW)], watch, policy)
    return {signal.subject: signal for signal in signals}


def inputs_of(signals):
    return [signals[name] for name in ("x", "c")]


def test_quiet_windows_never_breach_and_hardly_ever_warn():
    reference, generator = baseline(rows=20_000), np.random.default_rng(11)
    statuses = Counter(
        signal.status
        for _ in range(200)
        for signal in inputs_of(judged(reference, *draw(generator, 1500), policy=POLICY))
    )
    # At the default, 720 windows of both features have one warning in fifty months.
    assert statuses == {Status.OK: 400}


def test_a_shift_of_one_standard_deviation_is_a_breach_of_that_feature_alone():
    found = judged(baseline(), *draw(np.random.default_rng(12), 3000, shift=1.0))
    x = found["x"]
    assert (x.status, x.statistic, x.kind) == (Status.BREACH, "ks", SignalKind.DATA_DRIFT)
    assert x.low > x.threshold == POLICY.ks_tolerance
    # Twice the normal distribution's mass between 0 and 1/2.
    assert x.value == pytest.approx(0.383, abs=0.05)
    assert found["c"].status is Status.OK


def test_the_reason_says_which_feature_how_much_and_how_certain():
    x = judged(baseline(), *draw(np.random.default_rng(12), 3000, shift=1.0))["x"]
    for part in (f"x moved: KS distance {x.value:.2f} over 1 h", f"at least {x.low:.2f} with 99.99", "sd"):
        assert part in x.reason
    assert "(tolerance 0.1)" in x.reason
    c = judged(baseline(), *draw(np.random.default_rng(12), 3000, shares=(0.8, 0.1, 0.1)))["c"]
    assert f"c moved: PSI {c.value:.2f}" in c.reason


def test_another_mix_of_categories_is_a_breach():
    found = judged(baseline(), *draw(np.random.default_rng(13), 3000, shares=(0.8, 0.1, 0.1)))
    assert (found["c"].status, found["c"].statistic) == (Status.BREACH, "psi")
    assert found["x"].status is Status.OK


def test_a_category_that_training_never_saw_is_a_breach():
    x, c = draw(np.random.default_rng(13), 3000)
    found = judged(baseline(), x, np.where(np.arange(3000) % 2, c, "new"))
    assert found["c"].status is Status.BREACH


def test_a_tiny_shift_in_a_huge_window_is_a_warning_and_never_a_breach():
    reference, generator = baseline(rows=100_000), np.random.default_rng(14)
    x = judged(reference, *draw(generator, 100_000, shift=0.06))["x"]
    assert x.status is Status.WARN
    assert 0 < x.low < POLICY.ks_tolerance
    assert "not certainly beyond its tolerance" in x.reason


@pytest.mark.parametrize("rows", [0, 1, 999])
def test_too_few_rows_are_no_data(rows):
    found = judged(baseline(), np.full(rows, 99.0), ["new"] * rows)
    for signal in found.values():
        assert (signal.status, signal.value, signal.low) == (Status.NO_DATA, None, None)
    for name in ("x", "c"):
        assert f"{name}: {rows} rows in 1 h, {rows} with {name}; 1000 are needed" in found[name].reason


@pytest.mark.parametrize("rule", list(DriftRule))
def test_a_feature_without_a_value_is_no_data_under_every_rule(rule):
    policy = DriftPolicy(rule=rule)
    for c in ([None] * 5000, ["a"] * 5000):
        found = judged(baseline(), np.full(5000, np.nan), c, policy)
        assert found["x"].status is Status.NO_DATA
        assert found["prediction.score"].status is Status.NO_DATA
    assert found["c"].status is Status.BREACH


@pytest.mark.parametrize("rule", list(DriftRule))
def test_no_hours_at_all_are_no_data(rule):
    nothing = Window(parts=(), start=NOW - timedelta(hours=1), end=NOW)
    signals = drift_signals(baseline(), [nothing], None, DriftPolicy(rule=rule))
    assert {signal.status for signal in signals} == {Status.NO_DATA}
    assert len(signals) == 5


@pytest.mark.parametrize(("present", "judged_at_all"), [(0, False), (499, False), (500, True), (1000, True)])
def test_half_of_the_rows_that_are_needed_must_hold_a_value(present, judged_at_all):
    missing = 2000 - present
    found = judged(baseline(), [99.0] * present + [np.nan] * missing, ["new"] * present + [None] * missing)
    for signal in inputs_of(found):
        assert signal.status is (Status.BREACH if judged_at_all else Status.NO_DATA)
        assert signal.sample == present


def test_a_constant_window_far_from_training_is_as_far_as_can_be():
    found = judged(baseline(), np.full(1000, 50.0), ["a"] * 1000)
    assert found["x"].value == 1.0
    assert {signal.status for signal in inputs_of(found)} == {Status.BREACH}


def test_drift_of_the_answers_is_of_the_prediction():
    generator = np.random.default_rng(15)
    found = judged(baseline(), *draw(generator, 3000), scores=generator.beta(8, 2, size=3000))
    for name in ("prediction.score", "prediction.class", "prediction.confidence"):
        assert (found[name].kind, found[name].status) == (SignalKind.PREDICTION_DRIFT, Status.BREACH)
    assert {signal.status for signal in inputs_of(found)} == {Status.OK}
    still = judged(baseline(), *draw(generator, 3000), scores=generator.beta(2, 2, size=3000))
    assert {signal.status for signal in still.values()} == {Status.OK}


def test_more_features_need_more_certainty():
    x, c = draw(np.random.default_rng(16), 3000, shift=0.3)
    five = judged(baseline(), x, c)["x"].low
    layout = Layout(features=baseline().layout.features[:2])
    whole = profile(layout, Rows(keys=[], columns={}))
    two = replace(
        baseline(),
        profile=replace(
            whole,
            counts=baseline().profile.counts[: layout.size],
            sums=baseline().profile.sums[:2],
            squares=baseline().profile.squares[:2],
        ),
        rhythm=None,
    )
    assert judged(two, x, c)["x"].low > five > 0


def test_the_longer_windows_see_what_the_shortest_cannot():
    reference, generator = baseline(rows=100_000), np.random.default_rng(17)
    hours = [
        hour(reference, NOW - timedelta(hours=back), *draw(generator, 2000, shift=0.35))
        for back in range(24, 0, -1)
    ]
    short, long = window(hours, 1, NOW), window(hours, 24, NOW)
    alone = drift_signals(reference, [short], None, POLICY)[0]
    both = drift_signals(reference, [short, long], None, POLICY)[0]
    assert (alone.status, both.status) == (Status.WARN, Status.BREACH)
    assert (both.sample, alone.sample) == (48_000, 2000)
    assert "over 24 h" in both.reason


def test_many_categories_and_few_values_are_no_certain_drift():
    generator = np.random.default_rng(18)
    names = [f"c{number:03d}" for number in range(100)]
    layout = Layout(features=(Categorical.of("c", Counter(names)),))

    def of(rows, prefix):
        keys = [f"{prefix}{row}" for row in range(rows)]
        return profile(layout, Rows(keys=keys, columns={"c": generator.choice(names, size=rows).tolist()}))

    reference = make_baseline([(0, of(35_000, "t"))], [], Champion(metrics={}, window=("", "")))
    for seed in range(20):
        found = replace(hour(baseline(), NOW - timedelta(hours=1)), profile=of(1000, f"w{seed}-"))
        (signal,) = drift_signals(reference, [window([found], 1, NOW)], None, POLICY)
        assert signal.status is Status.OK


# --- what the watch adds


def test_a_shift_too_small_to_measure_is_a_warning_with_its_evidence_and_its_time():
    world = World()
    world.run(72)
    assert {signal.status for signal in world.signals()} == {Status.OK}
    since = world.now
    world.run(10, shift=0.2)
    (x,) = world.signals("x")
    assert (x.status, x.low) == (Status.WARN, 0.0)
    assert "x moved, not certainly beyond its tolerance since about" in x.reason
    assert "evidence of a shift" in x.reason
    stated = x.reason.split("since about ")[1][:16]
    assert abs(np.datetime64(stated) - np.datetime64(f"{since:%Y-%m-%dT%H:%M}")) <= np.timedelta64(2, "h")
    assert world.signals("y")[0].status is Status.OK


def test_a_shift_that_grows_is_a_warning_and_then_a_breach():
    world = World()
    world.run(48)
    statuses = []
    for step in range(60):
        world.run(1, shift=step / 60)
        statuses.append(world.signals("x")[0].status)
    first = {status: statuses.index(status) for status in (Status.WARN, Status.BREACH)}
    assert first[Status.WARN] < first[Status.BREACH]
    assert set(statuses[first[Status.BREACH] :]) == {Status.BREACH}


def test_what_moved_and_is_then_too_little_to_measure_still_warns():
    world = World()
    world.run(48)
    world.run(3, shift=1.0)
    few = window(world.hours, 1, world.now)
    policy = DriftPolicy(min_rows=1000)
    signals = {s.subject: s for s in drift_signals(world.baseline, [few], world.standing.watch, policy)}
    assert signals["x"].status is Status.WARN
    assert "how far is not known yet" in signals["x"].reason
    assert signals["y"].status is Status.NO_DATA


def test_a_baseline_without_hours_is_judged_all_the_same():
    bare = replace(baseline(), rhythm=None)
    found = judged(bare, *draw(np.random.default_rng(19), 3000, shift=1.0))
    assert (found["x"].status, found["c"].status) == (Status.BREACH, Status.OK)


def test_a_feature_that_training_never_had_is_no_data():
    blank = replace(baseline(), profile=empty(baseline().layout), rhythm=None)
    assert {s.status for s in judged(blank, *draw(np.random.default_rng(20), 3000)).values()} == {
        Status.NO_DATA
    }


@given(st.floats(1e-14, 0.4))
def test_certainty_has_as_many_nines_as_it_has(risk):
    text = _percent(1 - risk)
    assert text.endswith(" %")
    share = float(text[:-2])
    assert share < 100
    assert 100 - share == pytest.approx(100 * risk, rel=0.6)


# --- hours whose level wanders, in training as in service


@pytest.fixture(scope="module")
def wandering():
    world = World(wander=0.3, days=30, rows=100)
    moved, statuses = [], {True: Counter(), False: Counter()}
    for _ in range(300):
        world.run(1)
        moved.append(bool(world.standing.watch.moved[0]))
        for discount, counter in statuses.items():
            world.policy = DriftPolicy(discount_wandering=discount)
            counter[world.signals("x")[0].status] += 1
    world.policy = DriftPolicy()
    return world, moved, statuses


def test_a_level_that_wanders_as_it_did_in_training_raises_no_alarm_and_no_breach(wandering):
    _, moved, statuses = wandering
    assert not any(moved)
    assert set(statuses[True]) <= {Status.OK, Status.NO_DATA}
    assert statuses[True][Status.OK] > 280


def test_judged_for_what_they_were_some_of_these_hours_were_beyond(wandering):
    _, _, statuses = wandering
    assert statuses[False][Status.WARN] + statuses[False][Status.BREACH] > 0


def test_a_wandering_hour_counts_for_what_is_new_in_it_or_for_what_it_says_of_the_traffic(wandering):
    world, _, _ = wandering
    watch, scores = world.standing.watch, world.baseline.scores
    # The level has nine times the variance of sampling. What a Kalman filter leaves of an hour has 1 + p times
    # that variance, p = 0.8² p / (1 + p) + 9 (1 - 0.8²).
    for discount, truth in ((False, 4.53), (True, 1 + 9 * 1.8 / 0.2)):
        effect = design_effects(watch, scores, wandering=discount)[0]
        assert effect == pytest.approx(truth, rel=0.6)
        habits = Habits.of(world.baseline, watch, wandering=discount)
        assert habits.effects[0] == effect


def test_a_lasting_shift_on_top_of_it_is_found(wandering):
    world = copy.deepcopy(wandering[0])
    seen = []
    for _ in range(8 * DAY):
        world.run(1, shift=1.5)
        seen.append(world.signals("x")[0].status)
    # A day of such hours is worth some thirty rows: it takes days, and then it is certain.
    assert seen.index(Status.WARN) < 4 * DAY
    assert set(seen[-DAY:]) == {Status.BREACH}


# --- the rules of other monitors


def test_the_plain_rule_of_p_values_is_selectable_and_cries_wolf():
    generator = np.random.default_rng(21)
    plain = DriftPolicy(rule=DriftRule.KS_P_VALUE)
    found = [judged(baseline(), *draw(generator, 1000), policy=plain) for _ in range(100)]
    breaches = sum(signal.status is Status.BREACH for each in found for signal in inputs_of(each))
    assert 2 <= breaches <= 25


def test_p_values_are_scipys():
    generator = np.random.default_rng(22)
    x, c = draw(generator, 3000, shares=(0.36, 0.32, 0.32))
    found = judged(baseline(), x, c, DriftPolicy(rule=DriftRule.KS_P_VALUE))
    places = baseline().layout.features[1].places
    before = baseline().profile.of(1)[:3]
    after = np.bincount([places[each] for each in c], minlength=3)
    assert found["c"].value == pytest.approx(chi2_contingency([before, after], correction=False).pvalue)


@pytest.mark.parametrize(
    ("correction", "expected"),
    [(Correction.NONE, 1), (Correction.BONFERRONI, 2), (Correction.BENJAMINI_HOCHBERG, None)],
)
def test_p_values_are_corrected_for_the_features_that_were_tested(correction, expected):
    x, c = draw(np.random.default_rng(23), 3000, shift=0.07)
    plain = judged(baseline(), x, c, DriftPolicy(rule=DriftRule.KS_P_VALUE))
    found = judged(baseline(), x, c, DriftPolicy(rule=DriftRule.KS_P_VALUE, correction=correction))
    raw = sorted(signal.value for signal in inputs_of(plain))
    adjusted = sorted(signal.value for signal in inputs_of(found))
    if expected is None:
        assert adjusted == pytest.approx([min(2 * raw[0], raw[1]), raw[1]])
    else:
        assert adjusted == pytest.approx([min(1, expected * each) for each in raw])
    # The outputs have no value here, and do not count as tests.
    assert found["prediction.score"].status is Status.NO_DATA


def test_the_plain_index_is_selectable_for_every_feature():
    policy = DriftPolicy(rule=DriftRule.PSI)
    found = judged(baseline(), *draw(np.random.default_rng(24), 3000, shift=1.0), policy)
    assert (found["x"].statistic, found["x"].status) == ("psi", Status.BREACH)
    # The mass of a normal distribution in tenths of another, one deviation off.
    assert found["x"].value == pytest.approx(1.0, abs=0.15)
    assert found["c"].status is Status.OK


def test_the_threshold_of_the_index_grows_as_samples_shrink():
    x, c = draw(np.random.default_rng(25), 1000)
    small = judged(baseline(), x, c, DriftPolicy(rule=DriftRule.PSI))["c"].threshold
    assert small == pytest.approx(0.25 + 2 * (1 / 5000 + 1 / 1000), abs=0.0015)
