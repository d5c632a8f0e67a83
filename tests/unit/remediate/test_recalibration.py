"""Recalibration: what it recovers, what it refuses, and what it never changes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from selfheal.observe.performance.scoring import log_loss, roc_auc
from selfheal.remediate.gate_policy import GatePolicy
from selfheal.remediate.recalibration import LogitMap, recalibrate
from selfheal.verdict import Verdict

POLICY = GatePolicy()
AS_IT_SAYS = LogitMap()


def answered(rows, meaning=AS_IT_SAYS, seed=1):
    """Answers, in order of time, and outcomes whose probability is what the map makes of the answer."""
    generator = np.random.default_rng(seed)
    scores = generator.beta(2, 6, rows)
    return scores, (generator.random(rows) < meaning.probability(scores)).astype(float)


def shifted(by):
    return LogitMap(intercept=by)


class TestAMap:
    def test_is_bayes_rule_for_another_base_rate(self):
        prior, posterior, after = 0.2, 0.35, 0.6
        odds = posterior / (1 - posterior) * (after / (1 - after)) / (prior / (1 - prior))
        moved = shifted(math.log(after / (1 - after)) - math.log(prior / (1 - prior)))
        assert moved.probability(np.array([posterior]))[0] == pytest.approx(odds / (1 + odds))

    def test_of_none_given_changes_nothing(self):
        scores = np.array([0.0, 1e-6, 0.2, 0.9, 1.0])
        assert LogitMap().probability(scores) == pytest.approx(scores, abs=1e-6)

    def test_after_another_is_both_in_turn(self):
        scores, first, second = np.array([0.1, 0.5]), LogitMap(slope=0.5, intercept=1.0), shifted(-0.3)
        in_turn = second.probability(first.probability(scores))
        assert second.after(first).probability(scores) == pytest.approx(in_turn)

    @pytest.mark.parametrize("parameters", [(0.0, 0.0), (-1.0, 0.0), (math.nan, 0.0), (1.0, math.inf)])
    def test_that_does_not_keep_the_order_is_refused(self, parameters):
        slope, intercept = parameters
        with pytest.raises(ValueError, match="a positive slope and a finite intercept are needed"):
            LogitMap(slope=slope, intercept=intercept)

    def test_survives_json(self):
        found = LogitMap(slope=0.8, intercept=-1.25)
        assert LogitMap.from_json(found.to_json()) == found

    @pytest.mark.parametrize("body", [{}, {"slope": 1}, {"slope": None, "intercept": 0}, []])
    def test_that_is_none_is_refused(self, body):
        with pytest.raises(ValueError, match="not a calibration"):
            LogitMap.from_json(body)


class TestRecalibrating:
    @pytest.mark.parametrize("by", [-1.0, 0.8, 1.8])
    def test_recovers_a_known_shift_of_the_base_rate_with_one_parameter(self, by):
        found = recalibrate(*answered(6000, shifted(by)), POLICY)
        assert found.map.slope == 1.0
        assert found.map.intercept == pytest.approx(by, abs=0.12)
        assert found.gate.verdict is Verdict.PASS

    def test_recovers_answers_that_were_too_sure_as_well_with_two(self):
        found = recalibrate(*answered(8000, LogitMap(slope=0.5, intercept=1.0)), POLICY)
        assert found.map.slope == pytest.approx(0.5, abs=0.1)
        assert found.map.intercept == pytest.approx(1.0, abs=0.15)

    def test_judges_by_the_newest_quarter_alone(self):
        scores, labels = answered(4000, shifted(1.5))
        found = recalibrate(scores, labels, POLICY)
        assert found.fitted == 3000
        assert (found.before.tolist(), found.labels.tolist()) == (
            scores[3000:].tolist(),
            labels[3000:].tolist(),
        )
        assert found.after.tolist() == found.map.probability(scores[3000:]).tolist()
        other = recalibrate(scores, np.concatenate((labels[:3000], 1 - labels[3000:])), POLICY)
        assert isinstance(other, str), "it is not fitted on what judges it"

    def test_is_better_by_what_the_gate_says_and_ranks_alike(self):
        found = recalibrate(*answered(4000, shifted(1.5)), POLICY)
        assert log_loss(found.after, found.labels).value < log_loss(found.before, found.labels).value
        assert roc_auc(found.after, found.labels).value == roc_auc(found.before, found.labels).value

    def test_learns_only_from_what_came_after_the_change(self):
        before, after = answered(5000), answered(2600, shifted(1.5), seed=2)
        scores, labels = (np.concatenate(parts) for parts in zip(before, after, strict=True))
        found = recalibrate(scores, labels, POLICY)
        # The newest 1,900 judge; of the 700 before them none is from before the change.
        assert found.fitted == pytest.approx(700, abs=60)
        assert found.map.intercept == pytest.approx(1.5, abs=0.25)

    def test_says_the_same_of_the_same_labels(self):
        rows = answered(4000, shifted(1.0))
        assert recalibrate(*rows, POLICY).map == recalibrate(*rows, POLICY).map


class TestRefusing:
    def refusal(self, scores, labels, policy=POLICY):
        found = recalibrate(np.asarray(scores, dtype=float), np.asarray(labels, dtype=float), policy)
        assert isinstance(found, str)
        return found

    def test_what_means_what_it_says(self):
        refused = sum(isinstance(recalibrate(*answered(3000, seed=seed), POLICY), str) for seed in range(60))
        assert refused >= 57
        assert "the gate did not let it pass: log loss" in self.refusal(*answered(3000))

    @pytest.mark.parametrize("rows", [0, 1, 999])
    def test_too_few_labels(self, rows):
        assert self.refusal(*answered(rows)) == (
            f"{rows} labels are there; 500 to fit on and 500 to judge by are needed"
        )

    @pytest.mark.parametrize(("label", "name"), [(0.0, "negative"), (1.0, "positive")])
    def test_labels_of_one_class(self, label, name):
        scores, _ = answered(2000)
        assert self.refusal(scores, np.full(2000, label)).endswith(
            f"labels to fit on are {name}; both classes are needed"
        )

    def test_newest_labels_of_one_class(self):
        scores, labels = answered(2000, shifted(1.0))
        labels[1500:] = 0.0
        assert "the gate did not let it pass: the holdout has 500 rows, 0 positive" in self.refusal(
            scores, labels
        )

    @pytest.mark.parametrize("bad", [math.nan, math.inf, 1.5, -0.1])
    def test_answers_that_are_no_probabilities(self, bad):
        scores, labels = answered(2000)
        scores[7] = bad
        assert self.refusal(scores, labels).startswith("1 of 2000 rows are no pair of a probability")

    @pytest.mark.parametrize("bad", [math.nan, 2.0, 0.5])
    def test_labels_that_are_none(self, bad):
        scores, labels = answered(2000)
        labels[-1] = bad
        assert self.refusal(scores, labels).startswith("1 of 2000 rows are no pair of a probability")

    def test_a_ranking_that_turned_around(self):
        scores, labels = answered(6000)
        scores = np.where(labels == 1, scores * 0.3, scores)
        assert "only a rising map keeps the order" in self.refusal(scores, labels)

    def test_answers_that_are_all_alike_and_tell_nothing_apart(self):
        _, labels = answered(2000, shifted(1.0))
        assert "AUC is 0.500" in self.refusal(np.full(2000, 0.2), labels)

    def test_labels_that_the_answers_divide_cleanly_have_a_map(self):
        scores = np.tile([0.3, 0.4], 1000)
        found = recalibrate(scores, (scores > 0.35).astype(float), POLICY)
        assert math.isfinite(found.map.slope)
        assert found.after[scores[-len(found.after) :] == 0.4].min() > 0.9

    def test_rows_of_different_lengths_are_an_error(self):
        with pytest.raises(ValueError, match="no pairs"):
            recalibrate(np.zeros(3), np.zeros(2), POLICY)
