"""The gate: only a challenger that is proven better passes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from selfheal.remediate.gate import judge_challenger
from selfheal.remediate.gate_policy import GatePolicy
from selfheal.verdict import Verdict

POLICY = GatePolicy()


def holdout(rows=2000, seed=1):
    """Labels, and the probabilities that they were drawn with: no model can be better."""
    generator = np.random.default_rng(seed)
    truth = generator.uniform(0.05, 0.95, size=rows)
    return (generator.random(rows) < truth).astype(float), truth


def blurred(truth, weight=0.5):
    return weight * truth + (1 - weight) * 0.5


def verdict(labels, challenger, champion, policy=POLICY):
    return judge_challenger(labels, challenger, champion, policy).verdict


def test_a_better_challenger_passes():
    labels, truth = holdout()
    report = judge_challenger(labels, truth, blurred(truth), POLICY)
    assert report.verdict is Verdict.PASS
    assert [check.name for check in report.checks] == ["holdout", "floor", "champion"]
    assert report.to_json()["reason"] == "all checks passed"


def test_a_worse_challenger_fails():
    labels, truth = holdout()
    report = judge_challenger(labels, blurred(truth), truth, POLICY)
    assert report.verdict is Verdict.FAIL
    assert "where the champion has" in report.to_json()["reason"]


def test_an_equal_challenger_is_inconclusive():
    labels, truth = holdout()
    assert verdict(labels, truth, truth.copy()) is Verdict.INCONCLUSIVE


def test_a_difference_that_chance_explains_is_inconclusive():
    labels, truth = holdout()
    nudge = np.random.default_rng(2).normal(0, 0.005, size=truth.size)
    assert verdict(labels, np.clip(truth + nudge, 0.01, 0.99), truth) is Verdict.INCONCLUSIVE


def test_the_first_champion_has_nobody_to_beat_but_a_floor_to_clear():
    labels, truth = holdout()
    report = judge_challenger(labels, truth, None, POLICY)
    assert report.verdict is Verdict.PASS
    assert [check.name for check in report.checks] == ["holdout", "floor"]
    assert verdict(labels, np.full(labels.size, 0.5), None) is Verdict.FAIL


def test_below_the_floor_no_champion_is_bad_enough_to_lose_to():
    labels, truth = holdout()
    assert verdict(labels, np.full(labels.size, 0.5), 1 - truth) is Verdict.FAIL


@pytest.mark.parametrize("rows", [2, 499])
def test_too_few_rows_are_inconclusive_however_clear(rows):
    labels, truth = holdout()
    report = judge_challenger(labels[:rows], truth[:rows], 1 - truth[:rows], POLICY)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert f"{rows} rows" in report.to_json()["reason"]
    assert [check.name for check in report.checks] == ["holdout"]


def test_an_empty_holdout_is_inconclusive():
    nothing = np.array([])
    assert verdict(nothing, nothing, nothing) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_holdout_of_one_class_is_inconclusive(label):
    _, truth = holdout()
    assert verdict(np.full(truth.size, label), truth, blurred(truth)) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_challenger_that_answers_no_number_fails(broken):
    labels, truth = holdout()
    scores = truth.copy()
    scores[7] = broken
    report = judge_challenger(labels, scores, blurred(truth), POLICY)
    assert report.verdict is Verdict.FAIL
    assert "not a number" in report.to_json()["reason"]


def test_a_champion_that_answers_no_number_lets_nobody_pass():
    labels, truth = holdout()
    champion = truth.copy()
    champion[7] = np.nan
    assert verdict(labels, truth, champion) is Verdict.FAIL


def test_the_same_scores_give_the_same_report():
    labels, truth = holdout()
    first, second = (judge_challenger(labels, truth, blurred(truth, 0.9), POLICY) for _ in range(2))
    assert json.dumps(first.to_json()) == json.dumps(second.to_json())


@pytest.mark.parametrize("short", ["challenger", "champion"])
def test_scores_of_other_rows_are_refused(short):
    labels, truth = holdout()
    scores = {"challenger": truth, "champion": truth, short: truth[:-1]}
    with pytest.raises(ValueError, match="same rows"):
        judge_challenger(labels, scores["challenger"], scores["champion"], POLICY)


def test_an_equal_challenger_passes_no_more_often_than_it_may():
    generator = np.random.default_rng(9)
    policy = GatePolicy(resamples=100)
    passed = 0
    for seed in range(60):
        labels, truth = holdout(rows=600, seed=seed)
        one, other = (np.clip(truth + generator.normal(0, 0.1, truth.size), 0.02, 0.98) for _ in range(2))
        passed += verdict(labels, one, other, policy) is Verdict.PASS
    # One side of a 95 % interval: 1.5 expected of 60; six would happen once in four hundred.
    assert passed <= 5
