"""Metrics against scikit-learn's, their errors against what repeated samples show."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from selfheal.observe.performance.metrics.estimate import Estimate
from selfheal.observe.performance.metrics.measure import measure, names_and_values, usable
from selfheal.observe.performance.metrics.model_quality import confusion_matrix, model_quality
from selfheal.observe.performance.metrics.names import DEFAULT_METRIC, KNOWN_METRICS, METRICS, Task
from selfheal.observe.performance.scoring import CLIP, log_loss, roc_auc, row_losses

BINARY, MULTICLASS, REGRESSION = Task.BINARY, Task.MULTICLASS, Task.REGRESSION


def binary(seed=0, rows=500, ties=False):
    generator = np.random.default_rng(seed)
    labels = (generator.random(rows) < 0.3).astype(float)
    scores = np.clip(0.3 * labels + generator.random(rows) * 0.7, 0.001, 0.999)
    return (np.round(scores, 1) * 0.98 + 0.01 if ties else scores), labels


def multiclass(seed=0, rows=600, shares=(0.5, 0.3, 0.15, 0.05)):
    generator = np.random.default_rng(seed)
    labels = generator.choice(len(shares), rows, p=shares)
    logits = generator.normal(size=(rows, len(shares))) + 1.2 * np.eye(len(shares))[labels]
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), labels.astype(float)


def regression(seed=0, rows=500):
    generator = np.random.default_rng(seed)
    labels = generator.normal(10, 3, rows)
    return labels + generator.normal(0.2, 1.5, rows), labels


def values_of(task, values, labels):
    return {name: estimate.value for name, estimate in measure(task, values, labels).estimates.items()}


def delong(scores, labels):
    """DeLong's standard error by its definition, every positive beside every negative."""
    above = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    won = (above > 0) + 0.5 * (above == 0)
    parts = [side.var(ddof=1) / side.size for side in (won.mean(axis=1), won.mean(axis=0))]
    return math.sqrt(sum(parts))


# --- values


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_binary_metrics_are_those_of_scikit_learn(seed, ties):
    scores, labels = binary(seed, ties=ties)
    decided = scores >= 0.5
    assert values_of(BINARY, scores, labels) == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(labels, decided),
            "precision": metrics.precision_score(labels, decided),
            "recall": metrics.recall_score(labels, decided),
            "f1": metrics.f1_score(labels, decided),
            "auc": metrics.roc_auc_score(labels, scores),
            "log_loss": metrics.log_loss(labels, scores),
            "brier": metrics.brier_score_loss(labels, scores),
        },
        abs=1e-12,
    )


@pytest.mark.parametrize("seed", range(3))
def test_multiclass_metrics_are_those_of_scikit_learn(seed):
    values, labels = multiclass(seed)
    decided = values.argmax(axis=1)
    one_hot = np.eye(values.shape[1])[labels.astype(int)]
    assert values_of(MULTICLASS, values, labels) == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(labels, decided),
            "macro_precision": metrics.precision_score(labels, decided, average="macro"),
            "macro_recall": metrics.recall_score(labels, decided, average="macro"),
            "macro_f1": metrics.f1_score(labels, decided, average="macro"),
            "macro_auc": metrics.roc_auc_score(labels, values, multi_class="ovr", average="macro"),
            "log_loss": metrics.log_loss(labels, values),
            "brier": ((values - one_hot) ** 2).sum(axis=1).mean(),
        },
        abs=1e-12,
    )


def test_regression_metrics_are_those_of_scikit_learn():
    values, labels = regression()
    assert values_of(REGRESSION, values, labels) == pytest.approx(
        {
            "rmse": metrics.root_mean_squared_error(labels, values),
            "mae": metrics.mean_absolute_error(labels, values),
            "r2": metrics.r2_score(labels, values),
        },
        abs=1e-12,
    )


def test_a_class_without_rows_is_no_part_of_a_macro_mean_and_one_never_decided_has_no_precision():
    values = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.7, 0.2, 0.1], [0.2, 0.1, 0.7]])
    labels = np.array([0.0, 0.0, 1.0, 0.0])
    found = values_of(MULTICLASS, values, labels)
    kept = {"labels": [0, 1], "average": "macro", "zero_division": 0}
    decided = values.argmax(axis=1)
    assert found["macro_precision"] == pytest.approx(metrics.precision_score(labels, decided, **kept))
    assert found["macro_recall"] == pytest.approx(metrics.recall_score(labels, decided, **kept))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(labels, decided, **kept))


def test_two_classes_as_columns_are_the_binary_task():
    scores, labels = binary()
    two = measure(MULTICLASS, np.column_stack((1 - scores, scores)), labels).estimates
    one = measure(BINARY, scores, labels).estimates
    for name in ("accuracy", "log_loss", "brier"):
        assert two[name].value == pytest.approx(one[name].value)
        assert two[name].error == pytest.approx(one[name].error)
    # The area of class 0 against the rest is that of class 1.
    assert two["macro_auc"].value == pytest.approx(one["auc"].value)
    assert two["macro_auc"].error == pytest.approx(one["auc"].error)


# --- errors and intervals


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_error_of_the_area_is_delongs(seed, ties):
    scores, labels = binary(seed, rows=120, ties=ties)
    assert roc_auc(scores, labels).error == pytest.approx(delong(scores, labels), rel=1e-9)


def test_the_error_of_the_loss_is_that_of_the_mean():
    scores, labels = binary()
    losses = row_losses(scores, labels)
    assert log_loss(scores, labels).error == pytest.approx(np.std(losses, ddof=1) / math.sqrt(losses.size))
    assert log_loss(scores, labels).rows == losses.size


def test_a_loss_has_students_interval():
    scores, labels = binary(rows=20)
    losses = row_losses(scores, labels)
    expected = stats.ttest_1samp(losses, 0).confidence_interval(0.95)
    assert log_loss(scores, labels).interval(0.975) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("hits", "rows"), [(0, 40), (1, 40), (33, 40), (40, 40)])
def test_a_share_has_wilsons_interval(hits, rows):
    # Every row is of class 1; `hits` of them are decided so.
    scores = np.where(np.arange(rows) < hits, 0.9, 0.1)
    expected = stats.binomtest(hits, rows).proportion_ci(0.95, method="wilson")
    for name in ("accuracy", "recall"):
        estimate = measure(BINARY, scores, np.ones(rows)).estimates[name]
        assert estimate.interval(0.975) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("hits", "misses"), [(0, 7), (3, 9), (20, 5), (12, 0)])
def test_the_interval_of_f1_is_that_of_its_share_of_hits(hits, misses):
    # F1 = 2q / (1 + q) with q the hits among the rows that are of the class or decided as it.
    scores = np.concatenate((np.full(hits + misses, 0.9), np.full(30, 0.1)))
    labels = np.concatenate((np.ones(hits), np.zeros(misses + 30)))
    share = stats.binomtest(hits, hits + misses).proportion_ci(0.98, method="wilson")
    expected = [2 * q / (1 + q) for q in (share.low, share.high)]
    assert measure(BINARY, scores, labels).estimates["f1"].interval(0.99) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("task", "draw", "rows"),
    [(BINARY, binary, 300), (MULTICLASS, multiclass, 400), (REGRESSION, regression, 200)],
)
def test_intervals_hold_the_truth_as_often_as_they_say(task, draw, rows):
    truth = values_of(task, *draw(seed=12345, rows=400_000))
    repeats, outside = 400, dict.fromkeys(truth, 0)
    for seed in range(repeats):
        for name, estimate in measure(task, *draw(seed=seed, rows=rows)).estimates.items():
            low, high = estimate.interval(0.95)
            outside[name] += not low <= truth[name] <= high
    # 10 % are promised; 400 repeats leave an error of 1.5 %.
    assert {
        name: share for name, count in outside.items() if not 0.05 < (share := count / repeats) < 0.15
    } == {}


def test_certain_metrics_still_have_a_width():
    # Twenty right answers do not prove that the next is right.
    scores, labels = np.repeat([0.1, 0.9], 10), np.repeat([0.0, 1.0], 10)
    for name in ("accuracy", "precision", "recall", "f1", "auc"):
        estimate = measure(BINARY, scores, labels).estimates[name]
        assert estimate.value == 1.0
        assert estimate.high(0.99) == 1.0
        assert 0.6 < estimate.low(0.99) < 0.9


def test_a_certain_macro_mean_is_as_wide_as_its_rarest_class_makes_it():
    # The mean of shares of 40 and 10 rows is as uncertain as 4 / (1/40 + 1/10) = 32 tosses.
    labels = np.repeat([0.0, 1.0], [40, 10])
    values = np.column_stack((1 - labels, labels)) * 0.8 + 0.1
    expected = stats.binomtest(32, 32).proportion_ci(0.98, method="wilson")
    for name in ("macro_recall", "macro_precision"):
        low, high = measure(MULTICLASS, values, labels).estimates[name].interval(0.99)
        assert (low, high) == (pytest.approx(expected.low), 1.0)


def test_rounding_never_puts_a_bound_on_the_wrong_side_of_the_value():
    for trials in np.linspace(1, 50, 1000):
        for confidence in (0.5, 0.975):
            assert Estimate(1.0, 0.0, 9, trials).high(confidence) == 1.0
            assert Estimate(0.0, 0.0, 9, trials).low(confidence) == 0.0


@pytest.mark.parametrize("confidence", [0.0, 0.49, 1.0, math.nan])
def test_a_confidence_that_cannot_be_is_refused(confidence):
    with pytest.raises(ValueError, match="one-sided confidence"):
        Estimate(0.5, 0.1, 10).interval(confidence)


# --- extremes


def test_a_perfect_order_has_area_one_and_its_reverse_none():
    scores, labels = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0, 1, 1])
    assert roc_auc(scores, labels).value == 1.0
    assert roc_auc(scores, 1 - labels).value == 0.0
    assert roc_auc(scores, 1 - labels).low(0.99) == 0.0


def test_constant_scores_are_worth_a_coin_and_certainly_so():
    area = roc_auc(np.full(6, 0.5), np.array([0.0, 1, 0, 1, 1, 0]))
    assert (area.value, area.error) == (0.5, 0.0)
    assert area.interval(0.99) == (0.5, 0.5)


def test_a_single_positive_leaves_the_area_nearly_unknown():
    scores, labels = np.linspace(0, 1, 1001), np.zeros(1001)
    labels[700] = 1
    area = roc_auc(scores, labels)
    assert area.value == pytest.approx(0.7)
    assert area.high(0.975) - area.low(0.975) > 0.7


def test_a_certain_error_is_costly_but_finite():
    losses = row_losses(np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 1.0]))
    assert np.isfinite(losses).all()
    assert losses[:2] == pytest.approx([-math.log(CLIP)] * 2, rel=1e-6)
    assert losses[2:] == pytest.approx([0.0, 0.0], abs=2 * CLIP)


@pytest.mark.parametrize(("task", "value"), [(BINARY, 0.7), (MULTICLASS, [0.2, 0.8]), (REGRESSION, 3.0)])
def test_one_row_is_infinitely_uncertain(task, value):
    found = measure(task, np.array([value]), np.array([1.0]))
    mean = found.estimates["mae" if task is REGRESSION else "log_loss"]
    assert mean.error == math.inf
    assert mean.interval(0.9) == (-math.inf, math.inf)
    unknown = {BINARY: {"auc"}, MULTICLASS: {"macro_auc"}, REGRESSION: {"r2"}}[task]
    assert set(found.undefined) == unknown


@pytest.mark.parametrize("task", Task)
def test_no_row_defines_nothing_and_says_so(task):
    values = np.empty((0, 3)) if task is MULTICLASS else np.empty(0)
    found = measure(task, values, np.empty(0))
    assert found.estimates == {}
    assert found.undefined == dict.fromkeys(METRICS[task], "there are no rows")


def test_what_one_class_does_not_define_is_told():
    found = measure(BINARY, np.array([0.2, 0.3]), np.zeros(2))
    assert set(found.undefined) == {"precision", "recall", "f1", "auc"}
    assert found.undefined["recall"] == "recall needs rows of class 1"
    assert found.estimates["accuracy"].value == 1.0


def test_no_row_has_no_loss():
    with pytest.raises(ValueError, match="at least one row"):
        log_loss(np.array([]), np.array([]))


@pytest.mark.parametrize("labels", [[0.0, 0.0], [1.0, 1.0], []])
def test_one_class_has_no_area(labels):
    with pytest.raises(ValueError, match="both classes"):
        roc_auc(np.full(len(labels), 0.5), np.array(labels))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, 1.1])
def test_a_row_that_cannot_be_is_refused_never_counted(bad):
    scores, labels = binary(rows=10)
    scores[3] = bad
    assert usable(BINARY, scores, labels).tolist() == [place != 3 for place in range(10)]
    for judged in (lambda: measure(BINARY, scores, labels), lambda: log_loss(scores, labels)):
        with pytest.raises(ValueError, match="1 of 10 rows"):
            judged()


@pytest.mark.parametrize("label", [math.nan, 2.0, 0.5, -1.0])
def test_a_label_that_is_no_class_is_refused(label):
    assert usable(BINARY, np.full(2, 0.5), np.array([1.0, label])).tolist() == [True, False]


def test_class_probabilities_must_add_up_but_may_be_rounded():
    values = np.array([[0.333, 0.333, 0.333], [0.5, 0.5, 0.5], [0.2, math.nan, 0.8], [1e308] * 3])
    assert usable(MULTICLASS, values, np.zeros(4)).tolist() == [True, False, False, False]
    assert values_of(MULTICLASS, values[:1], np.zeros(1))["log_loss"] == pytest.approx(math.log(3))


def test_infinite_values_and_labels_are_no_regression():
    values, labels = np.array([1.0, math.inf, 2.0]), np.array([1.0, 1.0, -math.inf])
    assert usable(REGRESSION, values, labels).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("task", "values"), [(BINARY, np.ones((2, 2))), (MULTICLASS, np.ones(2)), (MULTICLASS, np.ones((2, 1)))]
)
def test_values_of_another_shape_are_refused(task, values):
    with pytest.raises(ValueError, match=f"predictions of a {task.value} task have the shape"):
        measure(task, values, np.zeros(2))


def test_labels_of_other_rows_are_refused():
    with pytest.raises(ValueError, match="one each is needed"):
        measure(BINARY, np.full(3, 0.5), np.zeros(2))


# --- what is kept of them


def test_a_baseline_keeps_values_errors_and_rows():
    found = measure(BINARY, *binary())
    kept = dict(names_and_values(found))
    assert set(kept) == {"rows"} | {f"{name}{end}" for name in METRICS[BINARY] for end in ("", "_error")}
    assert kept["auc_error"] == found.estimates["auc"].error
    assert kept["rows"] == 500


def test_model_monitors_form():
    scores, labels = binary()
    body = model_quality(measure(BINARY, scores, labels), confusion_matrix(BINARY, scores, labels))
    section = body["binary_classification_metrics"]
    assert set(section) == {*METRICS[BINARY], "confusion_matrix"}
    assert set(section["auc"]) == {"value", "standard_deviation"}
    table = metrics.confusion_matrix(labels, scores >= 0.5)
    assert section["confusion_matrix"] == {
        str(actual): {str(decided): table[actual, decided] for decided in (0, 1)} for actual in (0, 1)
    }


def test_model_monitors_form_of_regression_has_the_mean_square():
    values, labels = regression()
    section = model_quality(measure(REGRESSION, values, labels), None)["regression_metrics"]
    squares = (values - labels) ** 2
    assert section["mse"]["value"] == pytest.approx(squares.mean())
    assert section["mse"]["standard_deviation"] == pytest.approx(
        squares.std(ddof=1) / math.sqrt(len(squares))
    )
    assert confusion_matrix(REGRESSION, values, labels) is None


def test_model_monitor_writes_a_word_where_there_is_no_deviation():
    section = model_quality(measure(REGRESSION, np.array([1.0]), np.array([2.0])), None)["regression_metrics"]
    assert section["mae"] == {"value": 1.0, "standard_deviation": "NaN"}


def test_every_task_has_a_metric_of_its_own_that_is_known():
    assert all(DEFAULT_METRIC[task] in METRICS[task] for task in Task)
    assert set(KNOWN_METRICS) == {name for names in METRICS.values() for name in names}
