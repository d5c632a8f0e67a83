"""The golden set: a few dozen training rows with the answers that the model gave when it was registered.

Asked again of the endpoint, it tells whether what serves is that model, with its code and its encoders: a config may
have the right name and the container behind it answer something else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selfheal.observe.reading.answers import Prediction, read_answer
from selfheal.observe.reading.lines import MalformedError
from selfheal.observe.reading.traffic import Schema
from selfheal.verify.finding import Finding


class GoldenSetError(ValueError):
    """Not a golden set; the message says why."""


@dataclass(frozen=True, kw_only=True)
class GoldenSet:
    """Rows and answers, one of each.

    Attributes:
        rows: lines of CSV, as requests carry them.
        answers: the model's prediction of each: a number, or one a class.

    Raises:
        GoldenSetError: there is no row, not an answer a row, or an answer that is no finite number.
    """

    rows: tuple[str, ...]
    answers: tuple[Prediction, ...]

    def __post_init__(self) -> None:
        if not self.rows or len(self.rows) != len(self.answers):
            raise GoldenSetError(f"{len(self.answers)} answers to {len(self.rows)} rows")
        if not all(math.isfinite(number) for answer in self.answers for number in _numbers(answer)):
            raise GoldenSetError("an answer is not a finite number")

    @property
    def payload(self) -> str:
        """All rows as one request."""
        return "\n".join(self.rows)

    def to_json(self) -> dict[str, Any]:
        return {"rows": list(self.rows), "answers": list(self.answers)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> GoldenSet:
        """Raises GoldenSetError for anything that `to_json` does not write."""
        try:
            return cls(rows=tuple(body["rows"]), answers=tuple(body["answers"]))
        except (KeyError, TypeError) as error:
            raise GoldenSetError(f"{type(error).__name__} {error}") from error


def judge_golden(
    golden: GoldenSet, package: str, text: str, is_json: bool, schema: Schema, tolerance: float
) -> Finding:
    """FAIL where an endpoint does not answer the golden set of the package that it serves as that package did.

    Args:
        package: the package that serves by what its endpoint config says.
        text: the endpoint's answer; `is_json` says what it is.
        tolerance: how far a number may lie from what was recorded: absolutely, or relative to it where that is more.
            Hardware differs in the last digits of a float.
    """
    try:
        by, answers = read_answer(text, is_json, len(golden.rows), schema)
    except MalformedError as error:
        return Finding.failed(f"the golden set is not answered in this workload's form: {error}")
    if by is not None and by != package:
        return Finding.failed(f"the golden set is answered by {by}, where {package} should serve")
    rows = zip(golden.rows, golden.answers, answers, strict=True)
    wrong = [(row, then, now) for row, then, now in rows if not _alike(then, now, tolerance)]
    if not wrong:
        return Finding.passed(f"the golden set ({len(golden.rows)} rows) is answered as recorded")
    row, then, now = wrong[0]
    return Finding.failed(
        f"{len(wrong)} of {len(golden.rows)} rows of the golden set are not answered as recorded: "
        f"to {row!r} {now} where {then} was recorded (tolerance {tolerance:g})"
    )


def _alike(then: Prediction, now: Prediction, tolerance: float) -> bool:
    recorded, found = _numbers(then), _numbers(now)
    return len(recorded) == len(found) and all(
        math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
        for one, other in zip(recorded, found, strict=True)
    )


def _numbers(answer: Prediction) -> Sequence[float]:
    return answer if isinstance(answer, list) else [answer]
