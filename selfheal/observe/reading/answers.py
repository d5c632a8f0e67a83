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
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.reading.lines import MalformedError
from selfheal.observe.reading.traffic import Schema
from selfheal.observe.reading.typed_json import decoder

_NAMES: dict[Task, tuple[str, ...]] = {
    Task.BINARY: ("score",),
    Task.REGRESSION: ("value", "score"),
    Task.MULTICLASS: ("probabilities", "scores"),
}


# What nearly every answer is: rows by the name that is looked for first, whatever else they carry.
class _Score(TypedDict):
    score: float


class _Value(TypedDict):
    value: float


class _Probabilities(TypedDict):
    probabilities: list[float]


class _Named(TypedDict, total=False):
    model_package: str


class _Scores(_Named):
    predictions: list[_Score]


class _Values(_Named):
    predictions: list[_Value]


class _Classes(_Named):
    predictions: list[_Probabilities]


_USUAL: dict[Task, Callable[[str], Any]] = {
    Task.BINARY: decoder(_Scores),
    Task.REGRESSION: decoder(_Values),
    Task.MULTICLASS: decoder(_Classes),
}

Prediction = float | list[float]
Answer = tuple[str | None, Sequence[Prediction]]


def read_answer(text: str, is_json: bool, rows: int, schema: Schema) -> Answer:
    """The answering package, or None, and a finite prediction a row; raises MalformedError.

    >>> read_answer('{"model_package": "p/1", "predictions": [{"score": 0.25}]}', True, 1,
    ...             Schema(features=(("x", True),)))
    ('p/1', [0.25])
    """
    package, predictions = _from_json(text, schema) if is_json else (None, _from_csv(text, schema))
    if len(predictions) != rows:
        raise MalformedError(f"{len(predictions)} predictions for {rows} rows")
    for prediction in predictions:
        if not all(map(math.isfinite, prediction if isinstance(prediction, list) else [prediction])):
            raise MalformedError("a prediction is not a finite number")
    return package, predictions


def usual_answer(schema: Schema) -> Callable[[str], tuple[str | None, Prediction] | None]:
    """Reads the package and the prediction of an answer of one row, if it is in this template's words."""
    name, decode = _NAMES[schema.task][0], _USUAL[schema.task]
    classes = len(schema.classes)

    def read(text: str) -> tuple[str | None, Prediction] | None:
        answer = decode(text)
        if answer is None or len(answer["predictions"]) != 1:
            return None
        prediction = answer["predictions"][0][name]
        if classes and len(prediction) != classes:
            return None
        return answer.get("model_package"), prediction

    return read


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
