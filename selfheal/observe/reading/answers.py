"""What the model answered: the package that gave the answer, and a prediction a row.

Read forms, the first being this template's own:

    {"model_package": "arn:…", "predictions": [{"score": 0.5}]}             binary, regression
    {"model_package": "arn:…", "predictions": [{"value": 12.5}]}            regression
    {"model_package": "arn:…", "predictions": [{"probabilities": [0.2, 0.8]}]}  multiclass; "scores" too
    {"predictions": [0.5]}, [0.5]                                           bare numbers, or rows of them
    0.5                                                                     CSV: a number, or one row, a line

Only the first three can name their package.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Sequence
from typing import Any

from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.reading.lines import MalformedError
from selfheal.observe.reading.traffic import Schema

_NAMES: dict[Task, tuple[str, ...]] = {
    Task.BINARY: ("score",),
    Task.REGRESSION: ("value", "score"),
    Task.MULTICLASS: ("probabilities", "scores"),
}
# One row in this template's own words, which is what nearly every answer is. A number as JSON has it.
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_OWN = {
    task: re.compile(
        r'\{"model_package": ?"([^"\\\x00-\x1f]*)", ?"predictions": ?\[\{'
        rf'"(?:{"|".join(_NAMES[task])})": ?({_NUMBER})'
        r"\}\]\}"
    ).fullmatch
    for task in (Task.BINARY, Task.REGRESSION)
}

Prediction = float | list[float]
Answer = tuple[str | None, Sequence[Prediction]]


def read_answer(text: str, is_json: bool, rows: int, schema: Schema) -> Answer:
    """The answering package, or None, and a finite prediction a row; raises MalformedError.

    >>> read_answer('{"model_package": "p/1", "predictions": [{"score": 0.25}]}', True, 1,
    ...             Schema(features=(("x", True),)))
    ('p/1', [0.25])
    """
    own = _OWN[schema.task](text) if rows == 1 and schema.task in _OWN else None
    if own is not None:
        package, number = own.groups()
        value = float(number)
        if math.isfinite(value):
            return package, [value]
    package, predictions = _from_json(text, schema) if is_json else (None, _from_csv(text, schema))
    if len(predictions) != rows:
        raise MalformedError(f"{len(predictions)} predictions for {rows} rows")
    for prediction in predictions:
        if not all(map(math.isfinite, prediction if isinstance(prediction, list) else [prediction])):
            raise MalformedError("a prediction is not a finite number")
    return package, predictions


def unanswered(rows: int, schema: Schema) -> Answer:
    """What stands for the answer that a request did not get."""
    nothing: Prediction = [math.nan] * len(schema.classes) if schema.classes else math.nan
    return None, [nothing] * rows


def _from_json(text: str, schema: Schema) -> tuple[str | None, list[Prediction]]:
    try:
        body = json.loads(text)
        package = body.get("model_package") if isinstance(body, dict) else None
        if not isinstance(package, str | None):
            raise TypeError(f"model_package is {type(package).__name__}, not text")
        predictions = body["predictions"] if isinstance(body, dict) else body
        if not isinstance(predictions, list):
            raise TypeError(f"predictions are {type(predictions).__name__}, not a list")
        return package, [_prediction(each, schema) for each in predictions]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _not_of_form(error) from error


def _prediction(prediction: Any, schema: Schema) -> Prediction:
    names = _NAMES[schema.task]
    if isinstance(prediction, dict):
        prediction = next((prediction[name] for name in names if name in prediction), None)
        if prediction is None:
            raise KeyError(" or ".join(names))
    if not schema.classes:
        return _number(prediction)
    if not isinstance(prediction, list):
        raise TypeError(f"the classes' probabilities are {type(prediction).__name__}, not a list")
    return _of_classes([_number(each) for each in prediction], schema)


def _from_csv(text: str, schema: Schema) -> list[Prediction]:
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
        numbers = [[_number_of(field) for field in line] for line in lines]
    except (csv.Error, ValueError) as error:
        raise _not_of_form(error) from error
    if schema.classes:
        return [_of_classes(line, schema) for line in numbers]
    # XGBoost's own container answers several rows in one line.
    return [number for line in numbers for number in line]


def _of_classes(probabilities: list[float], schema: Schema) -> list[float]:
    if len(probabilities) != len(schema.classes):
        raise MalformedError(f"{len(probabilities)} probabilities for {len(schema.classes)} classes")
    return probabilities


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a prediction is {type(value).__name__}, not a number")
    return float(value)


def _number_of(text: str) -> float:
    if "_" in text:
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def _not_of_form(error: Exception) -> MalformedError:
    return MalformedError(f"the answer is not of this workload's form: {type(error).__name__} {error}")
