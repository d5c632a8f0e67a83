"""All metrics of a task on one sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.performance.metrics import confusion, losses, regression, roc
from selfheal.observe.performance.metrics.confusion import Ratio
from selfheal.observe.performance.metrics.estimate import Estimate, Floats, Functional, UndefinedMetricError
from selfheal.observe.performance.metrics.names import Task

Mask = NDArray[np.bool_]

# Errors are squared twice on their way to a variance, which a float must still hold.
LARGEST = 1e70

# How far from 1 a row's class probabilities may add up: answers are often rounded on their way.
SUM_TOLERANCE = 0.01


@dataclass(frozen=True, kw_only=True)
class Measures:
    """A task's metrics on one sample.

    Attributes:
        task: what the model answers.
        rows: rows of the sample.
        estimates: by metric; those that the sample defines.
        undefined: by metric, why the sample does not define it.
    """

    task: Task
    rows: int
    estimates: Mapping[str, Estimate]
    undefined: Mapping[str, str]


def usable(task: Task, values: Floats, labels: Floats | None = None) -> Mask:
    """Which rows can be judged, shape (rows,).

    Values must be probabilities where probabilities are due (those of several classes add up to 1 within
    1 %), else numbers below 1e70 in size, so that their fourth powers are numbers too. Labels must be such numbers,
    or the index of a class.
    """
    shape_of(task, values)
    good: Mask
    if task is Task.MULTICLASS:
        inside: Mask = (values >= 0) & (values <= 1)
        total = np.where(inside, values, 0).sum(axis=1)
        good = np.all(inside, axis=1) & (np.abs(total - 1) <= SUM_TOLERANCE)
    elif task is Task.BINARY:
        good = (values >= 0) & (values <= 1)
    else:
        good = np.abs(values) < LARGEST
    if labels is None:
        return good
    if labels.shape != values.shape[:1]:
        raise ValueError(f"{len(values)} predictions have labels of shape {labels.shape}; one each is needed")
    if task is Task.REGRESSION:
        return good & (np.abs(labels) < LARGEST)
    classes = 2 if task is Task.BINARY else values.shape[1]
    known: Mask = (labels >= 0) & (labels < classes) & (np.floor(labels) == labels)
    return good & known


def shape_of(task: Task, values: Floats) -> None:
    """Raise ValueError unless the values have the task's shape."""
    expected = 2 if task is Task.MULTICLASS else 1
    if values.ndim != expected or (expected == 2 and values.shape[1] < 2):
        wanted = "(rows, classes) with two classes or more" if expected == 2 else "(rows,)"
        raise ValueError(f"predictions of a {task.value} task have the shape {wanted}, not {values.shape}")


def measure(task: Task, values: Floats, labels: Floats) -> Measures:
    """Every metric of the task, each with its error.

    Args:
        values: binary: probability of class 1; regression: the value; both of shape (rows,). Multiclass:
            probabilities of shape (rows, classes).
        labels: shape (rows,): the value, or the index of the class.

    Raises:
        ValueError: a row that `usable` refuses, or arrays of other shapes.

    >>> found = measure(Task.BINARY, np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0, 1, 1]))
    >>> {name: round(estimate.value, 3) for name, estimate in found.estimates.items()}
    {'accuracy': 0.75, 'precision': 1.0, 'recall': 0.5, 'f1': 0.667, 'auc': 0.75, 'log_loss': 0.472, 'brier': 0.158}
    """
    good = usable(task, values, labels)
    if not good.all():
        raise ValueError(
            f"{np.count_nonzero(~good)} of {len(good)} rows cannot be judged: a value or a label is missing "
            "or out of its range; leave out the rows that `usable` refuses"
        )
    if task is Task.REGRESSION:
        table = {"rmse": regression.rmse, "mae": regression.mae, "r2": regression.r2}
        calls = {name: partial(metric, values, labels) for name, metric in table.items()}
        return collect(task, calls, np.ones((len(values), 1)))
    probabilities = class_probabilities(task, values)
    weights = np.zeros_like(probabilities)
    weights[np.arange(len(labels)), labels.astype(np.intp)] = 1.0
    return collect(task, functionals(task, probabilities, weights), weights)


def class_probabilities(task: Task, values: Floats) -> Floats:
    """Shape (rows, classes), each row adding up to 1."""
    if task is Task.BINARY:
        return np.column_stack((1 - values, values))
    normalized: Floats = values / values.sum(axis=1, keepdims=True)
    return normalized


def functionals(task: Task, probabilities: Floats, weights: Floats) -> dict[str, Callable[[], Functional]]:
    """A classification's metrics, each computed when it is called: their influences are as large as the data."""
    decided = confusion.decide(probabilities)
    common: dict[str, Callable[[], Functional]] = {
        "log_loss": partial(losses.log_loss, probabilities, weights),
        "brier": partial(losses.brier, probabilities, weights),
    }
    calls: dict[str, Callable[[], Functional]] = {"accuracy": partial(confusion.accuracy, decided, weights)}
    for kind in Ratio:
        if task is Task.BINARY:
            calls[kind.value] = partial(confusion.ratio_of, kind, 1, decided, weights)
        else:
            calls[f"macro_{kind.value}"] = partial(confusion.macro, kind, decided, weights)
    if task is Task.BINARY:
        calls["auc"] = partial(roc.area, probabilities[:, 1], weights)
    else:
        calls["macro_auc"] = partial(roc.macro_area, probabilities, weights)
    return {**calls, **common}


def collect(
    task: Task,
    calls: Mapping[str, Callable[[], Functional]],
    weights: Floats,
    more_variance: Callable[[Functional], float] = lambda _: 0.0,
) -> Measures:
    """Every metric that these rows define, and why they do not define the others."""
    estimates: dict[str, Estimate] = {}
    undefined: dict[str, str] = {}
    for name, call in calls.items():
        found = _defined(call) if len(weights) else "there are no rows"
        if isinstance(found, str):
            undefined[name] = found
        else:
            estimates[name] = found.estimate(weights, more_variance(found))
    return Measures(task=task, rows=len(weights), estimates=estimates, undefined=undefined)


def _defined(call: Callable[[], Functional]) -> Functional | str:
    """The metric, or the reason why these rows do not define it."""
    try:
        return call()
    except UndefinedMetricError as error:
        return str(error)


def names_and_values(measures: Measures) -> Iterator[tuple[str, float]]:
    """What a baseline keeps: `name` and `name_error` of each metric, and `rows`."""
    for name, estimate in measures.estimates.items():
        yield name, estimate.value
        yield f"{name}_error", estimate.error
    yield "rows", measures.rows
