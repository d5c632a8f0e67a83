"""Performance without labels: what it sees, and what it cannot."""

from __future__ import annotations

import json
import math
from itertools import product

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from selfheal.observe.performance.estimation import (
    Calibration,
    CalibrationError,
    Calibrator,
    calibrate,
    estimate_performance,
)
from selfheal.observe.performance.metrics.losses import log_loss
from selfheal.observe.performance.metrics.measure import measure
from selfheal.observe.performance.metrics.names import METRICS, Task

BINARY, MULTICLASS = Task.BINARY, Task.MULTICLASS


def logistic(x):
    return 1 / (1 + np.exp(-x))


def traffic(generator, rows, shift=0.0, drift=0.0):
    """Scores of an overconfident model, and labels. `shift` moves the inputs, `drift` the rules."""
    x = generator.normal(shift, 1, rows)
    labels = (generator.random(rows) < logistic(1.5 * x - 0.8 + drift)).astype(float)
    return logistic(2.5 * x - 0.8), labels


def several(generator, rows, shift=0.0):
    """Three classes: overconfident answers, and labels drawn from the true probabilities."""
    logits = generator.normal((shift, 0, -shift), 1.5, (rows, 3))
    true, answered = (np.exp(scale * logits) for scale in (1.0, 1.6))
    true /= true.sum(axis=1, keepdims=True)
    labels = (generator.random((rows, 1)) > true.cumsum(axis=1)[:, :2]).sum(axis=1)
    return answered / answered.sum(axis=1, keepdims=True), labels.astype(float)


def agreement(task, draw, repeats=60, holdout=4000, rows=2000, **moved):
    """By metric: how often the realized value lies in the estimate's 95 % interval."""
    inside = dict.fromkeys(METRICS[task], 0)
    for seed in range(repeats):
        generator = np.random.default_rng(seed)
        calibration = calibrate(task, *draw(generator, holdout))
        values, labels = draw(generator, rows, **moved)
        realized = measure(task, values, labels).estimates
        for name, estimate in estimate_performance(calibration, values).estimates.items():
            low, high = estimate.interval(0.975)
            inside[name] += low <= realized[name].value <= high
    return {name: count / repeats for name, count in inside.items()}


@pytest.mark.parametrize("shift", [0.0, 0.7, -0.7])
def test_under_covariate_shift_the_estimate_follows_the_realized_value(shift):
    assert min(agreement(BINARY, traffic, shift=shift).values()) >= 0.85


def test_several_classes_follow_too():
    assert min(agreement(MULTICLASS, several, repeats=40, shift=0.5).values()) >= 0.8


def test_covariate_shift_is_seen_for_what_it_costs():
    generator = np.random.default_rng(1)
    calibration = calibrate(BINARY, *traffic(generator, 20_000))
    easy, hard = (
        estimate_performance(calibration, traffic(generator, 5000, shift)[0]) for shift in (-1.5, 0.5)
    )
    assert easy.estimates["log_loss"].high(0.99) < hard.estimates["log_loss"].low(0.99)


def test_concept_drift_is_not_seen():
    inside = agreement(BINARY, traffic, drift=1.5)
    assert inside["log_loss"] == inside["accuracy"] == 0.0


def test_an_overconfident_models_own_word_is_not_taken():
    generator = np.random.default_rng(2)
    calibration = calibrate(BINARY, *traffic(generator, 20_000))
    values, labels = traffic(generator, 20_000)
    own = np.mean(np.maximum(values, 1 - values))
    realized = measure(BINARY, values, labels).estimates["accuracy"].value
    estimated = estimate_performance(calibration, values).estimates["accuracy"].value
    assert own - realized > 0.04
    assert abs(estimated - realized) < 0.01


def test_labels_that_are_certain_give_the_realized_metrics():
    # A calibrator of 0 and 1 leaves nothing open: the soft labels are the labels.
    generator = np.random.default_rng(3)
    labels = (generator.random(400) < 0.4).astype(float)
    scores = np.where(labels == 1, 0.7, 0.2)
    calibration = calibrate(BINARY, scores, labels)
    estimated, realized = estimate_performance(calibration, scores), measure(BINARY, scores, labels)
    for name, estimate in realized.estimates.items():
        assert estimated.estimates[name].value == pytest.approx(estimate.value, abs=1e-12)
        assert estimated.estimates[name].error >= estimate.error


@pytest.mark.parametrize("task", [BINARY, MULTICLASS])
def test_values_are_the_mean_over_labels_drawn_from_the_soft_ones(task):
    generator = np.random.default_rng(4)
    draw = traffic if task is BINARY else several
    calibration = calibrate(task, *draw(generator, 3000))
    values, _ = draw(generator, 400)
    soft = calibration.soft_labels(values)
    estimated = estimate_performance(calibration, values).estimates
    drawn = {name: [] for name in estimated}
    for _ in range(400):
        labels = (generator.random((400, 1)) > soft.cumsum(axis=1)[:, :-1]).sum(axis=1).astype(float)
        for name, estimate in measure(task, values, labels).estimates.items():
            drawn[name].append(estimate.value)
    for name, found in drawn.items():
        error = np.std(found) / math.sqrt(len(found))
        # The ratio of means is not quite the mean of ratios.
        assert estimated[name].value == pytest.approx(np.mean(found), abs=4 * error + 1e-3), name


def test_the_expected_area_compares_no_row_with_itself():
    # Few rows, so that each counts: the mean over all labellings, weighted by their pairs of both classes.
    scores = np.array([0.1, 0.3, 0.6, 0.9])
    step = Calibrator(scores=(0.1, 0.3, 0.6, 0.9), rows=(10,) * 4, positives=(2, 4, 5, 8))
    won = pairs = 0.0
    soft = step.probability(scores)
    for labels in product((0, 1), repeat=4):
        chance = np.prod(np.where(labels, soft, 1 - soft))
        for positive, negative in product(range(4), repeat=2):
            if labels[positive] > labels[negative]:
                pairs += chance
                won += chance * (scores[positive] > scores[negative])
    found = estimate_performance(Calibration(task=BINARY, calibrators=(step,)), scores).estimates["auc"]
    assert found.value == pytest.approx(won / pairs, abs=1e-12)


def test_the_error_of_several_calibrators_passes_through_their_normalization():
    values = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
    rows, positives = 10_000, np.array([[2000, 5000], [1000, 3000], [500, 4000]])

    def calibration(counts):
        parts = [
            Calibrator(scores=(0.15, 0.6), rows=(rows, rows), positives=tuple(pair))
            for pair in counts.tolist()
        ]
        return Calibration(task=MULTICLASS, calibrators=tuple(parts))

    def loss(counts):
        return log_loss(values, calibration(counts).soft_labels(values)).value

    expected = 0.0
    for place in np.ndindex(positives.shape):
        step = np.zeros_like(positives)
        step[place] = 1
        slope = (loss(positives + step) - loss(positives - step)) / 2 * rows
        share = (positives[place] + 0.5) / (rows + 1)
        expected += slope**2 * share * (1 - share) / rows
    found = calibration(positives)
    functional = log_loss(values, found.soft_labels(values))
    assert found.variance(values, functional) == pytest.approx(expected, rel=1e-4)


def test_a_smaller_holdout_is_a_wider_interval():
    generator = np.random.default_rng(5)
    values, _ = traffic(generator, 5000)
    errors = [
        estimate_performance(calibrate(BINARY, *traffic(generator, rows)), values).estimates["auc"].error
        for rows in (500, 5000, 50_000)
    ]
    assert errors[0] > 1.5 * errors[1] > 1.5 * errors[2]


def test_regression_has_no_such_estimate():
    assert calibrate(Task.REGRESSION, np.array([1.0]), np.array([2.0])) is None


def test_no_answers_have_no_estimate_and_say_so():
    calibration = calibrate(BINARY, *traffic(np.random.default_rng(6), 500))
    found = estimate_performance(calibration, np.empty(0))
    assert found.estimates == {}
    assert set(found.undefined) == set(METRICS[BINARY])


# --- the calibrator


def test_pooling_is_scikit_learns_isotonic_regression_of_the_bins():
    generator = np.random.default_rng(7)
    scores = generator.random(3000)
    calibrator = Calibrator.fit(scores, (generator.random(3000) < 0.3 + 0.3 * scores).astype(float))
    shares = np.array(calibrator.positives) / np.array(calibrator.rows)
    expected = IsotonicRegression().fit_transform(calibrator.scores, shares, sample_weight=calibrator.rows)
    assert calibrator.probability(np.array(calibrator.scores)) == pytest.approx(expected, abs=1e-12)
    assert sum(calibrator.rows) == 3000
    assert len(calibrator.rows) == 30


def test_its_variance_is_that_of_repeated_holdouts():
    grid = np.array([0.2, 0.5, 0.8])

    def fitted(seed):
        generator = np.random.default_rng(seed)
        scores = generator.choice(grid, 600)
        return Calibrator.fit(scores, (generator.random(600) < scores).astype(float))

    slopes = np.array([1.0, -0.5, 2.0])
    numbers = [float(slopes @ fitted(seed).probability(grid)) for seed in range(500)]
    assert fitted(0).variance(grid, slopes) == pytest.approx(np.var(numbers), rel=0.25)


@pytest.mark.parametrize("labels", [np.zeros(150), np.ones(150)])
def test_a_holdout_of_one_class_is_not_certain(labels):
    calibrator = Calibrator.fit(np.linspace(0, 1, 150), labels)
    assert calibrator.probability(np.array([0.5])).tolist() == [labels[0]]
    assert calibrator.variance(np.array([0.5]), np.array([1.0])) > 0


def test_constant_scores_are_the_base_rate():
    calibrator = Calibrator.fit(np.full(1000, 0.9), np.repeat([0.0, 1.0], [700, 300]))
    assert calibrator.probability(np.array([0.0, 0.9, 1.0])).tolist() == [0.3, 0.3, 0.3]


def test_a_row_that_no_class_claims_is_shared_equally():
    none = Calibrator(scores=(0.5,), rows=(100,), positives=(0,))
    calibration = Calibration(task=MULTICLASS, calibrators=(none, none, none))
    assert calibration.soft_labels(np.array([[0.2, 0.3, 0.5]])) == pytest.approx(np.full((1, 3), 1 / 3))
    found = estimate_performance(calibration, np.array([[0.2, 0.3, 0.5], [0.6, 0.2, 0.2]]))
    assert all(math.isfinite(estimate.value) for estimate in found.estimates.values())


@pytest.mark.parametrize("task", [BINARY, MULTICLASS])
def test_a_calibration_survives_json(task):
    draw = traffic if task is BINARY else several
    calibration = calibrate(task, *draw(np.random.default_rng(8), 20_000))
    text = json.dumps(calibration.to_json())
    assert Calibration.from_json(json.loads(text)) == calibration
    assert len(text) < 4096 * len(calibration.calibrators)


@pytest.mark.parametrize(
    "calibrators",
    [
        [{"scores": [0.5, 0.4], "rows": [1, 1], "positives": [0, 0]}],
        [{"scores": [0.5], "rows": [1], "positives": [2]}],
        [{"scores": [0.5], "rows": [0], "positives": [0]}],
        [{"scores": [math.nan], "rows": [1], "positives": [0]}],
        [{"scores": [], "rows": [], "positives": []}],
        [{"scores": [0.5]}],
        None,
    ],
)
def test_what_is_no_calibration_is_refused(calibrators):
    with pytest.raises(CalibrationError):
        Calibration.from_json({"task": "binary", "calibrators": calibrators})


def test_bad_holdouts_and_answers_are_refused():
    calibration = calibrate(MULTICLASS, *several(np.random.default_rng(9), 500))
    with pytest.raises(CalibrationError, match="has none"):
        calibrate(BINARY, np.empty(0), np.empty(0))
    with pytest.raises(CalibrationError, match="1 of 2 holdout rows"):
        calibrate(BINARY, np.array([0.5, math.nan]), np.zeros(2))
    with pytest.raises(CalibrationError, match="answers of 2 classes"):
        estimate_performance(calibration, np.array([[0.5, 0.5]]))
    with pytest.raises(ValueError, match="no probabilities"):
        estimate_performance(calibration, np.array([[0.5, 0.5, math.nan]]))
