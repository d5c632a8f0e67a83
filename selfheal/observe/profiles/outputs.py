"""The model's answers as features: their drift is seen before any outcome is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from selfheal.observe.profiles.layout import Floats, Values

PREFIX = "prediction."
SCORE, LABEL, CONFIDENCE = f"{PREFIX}score", f"{PREFIX}class", f"{PREFIX}confidence"


def output_columns(values: Floats, classes: Sequence[str]) -> dict[str, Values]:
    """Score, class and confidence of some answers, NaN and None where there is none.

    Args:
        values: probability of the positive class or a quantity, shape (rows,); or probabilities of the
            classes, shape (rows, classes).
        classes: names of the classes; two for a binary task, none for a regression.
    """
    if not classes:
        return {SCORE: values}
    if values.ndim == 1:
        confidence = np.maximum(values, 1 - values)
        # Half and half counts as the positive class, as a threshold of one half has it.
        place = np.where(values >= 0.5, 1, 0)
        columns: dict[str, Values] = {SCORE: values}
    else:
        confidence = values.max(axis=1, initial=-np.inf)
        place = values.argmax(axis=1) if values.size else np.zeros(len(values), dtype=np.intp)
        columns = {}
    answered = np.isfinite(confidence)
    labels = [
        classes[p] if known else None for p, known in zip(place.tolist(), answered.tolist(), strict=True)
    ]
    return {**columns, LABEL: labels, CONFIDENCE: np.where(answered, confidence, np.nan)}
