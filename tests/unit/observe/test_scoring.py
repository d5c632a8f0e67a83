"""Metrics against scikit-learn's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from selfheal.observe.scoring import CLIP, log_loss, roc_auc, row_losses


def example(seed=0, rows=500, ties=False):
    generator = np.random.default_rng(seed)
    labels = (generator.random(rows) < 0.3).astype(float)
    scores = np.clip(0.3 * labels + generator.random(rows) * 0.7, 0.001, 0.999)
    return (np.round(scores, 1) * 0.98 + 0.01 if ties else scores), labels


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_auc_is_that_of_scikit_learn(seed, ties):
    scores, labels = example(seed, ties=ties)
    assert roc_auc(scores, labels).value == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_log_loss_is_that_of_scikit_learn(seed):
    scores, labels = example(seed)
    assert log_loss(scores, labels).value == pytest.approx(metrics.log_loss(labels, scores), abs=1e-12)


def test_a_perfect_order_has_area_one_and_its_reverse_none():
    scores, labels = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0, 1, 1])
    assert roc_auc(scores, labels).value == 1.0
    assert roc_auc(scores, 1 - labels).value == 0.0
    assert roc_auc(scores, labels).error == 0.0


def test_constant_scores_are_worth_a_coin():
    assert roc_auc(np.full(6, 0.5), np.array([0.0, 1, 0, 1, 1, 0])).value == 0.5


def test_the_error_of_the_area_is_that_of_repeated_samples():
    # Areas of fresh samples scatter as Hanley and McNeil say, within the assumption's roughness.
    estimates = [roc_auc(*example(seed, rows=800)) for seed in range(300)]
    scatter = np.std([estimate.value for estimate in estimates])
    claimed = np.mean([estimate.error for estimate in estimates])
    assert claimed == pytest.approx(scatter, rel=0.25)


def test_the_error_of_the_loss_is_that_of_the_mean():
    scores, labels = example()
    losses = row_losses(scores, labels)
    assert log_loss(scores, labels).error == pytest.approx(np.std(losses, ddof=1) / math.sqrt(losses.size))
    assert log_loss(scores, labels).rows == losses.size


def test_a_certain_error_is_costly_but_finite():
    losses = row_losses(np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 1.0]))
    assert np.isfinite(losses).all()
    assert losses[:2] == pytest.approx([-math.log(CLIP)] * 2, rel=1e-6)
    assert losses[2:] == pytest.approx([0.0, 0.0], abs=2 * CLIP)


def test_one_row_is_infinitely_uncertain():
    assert log_loss(np.array([0.5]), np.array([1.0])).error == math.inf


def test_no_row_has_no_loss():
    with pytest.raises(ValueError, match="at least one row"):
        log_loss(np.array([]), np.array([]))


@pytest.mark.parametrize("labels", [[0.0, 0.0], [1.0, 1.0], []])
def test_one_class_has_no_area(labels):
    with pytest.raises(ValueError, match="both classes"):
        roc_auc(np.full(len(labels), 0.5), np.array(labels))
