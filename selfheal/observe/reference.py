"""Making a baseline: training data and the champion's answers on its holdout, hour by hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from selfheal.observe.baseline import Baseline
from selfheal.observe.drift.rhythm import Rhythm
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.profiles.layout import BaselineError, Role
from selfheal.observe.profiles.profile import Profile, merge
from selfheal.observe.quality.checks.unit import HourlyProfiles, paces


@dataclass(frozen=True, kw_only=True)
class Champion:
    """What a baseline says of the model besides its data.

    Attributes:
        metrics: on the holdout, by name, `<name>_error` and `rows`.
        window: ISO times between which the training data lie.
        calibrator: JSON of the calibrator fitted on the holdout, or None.
    """

    metrics: Mapping[str, float]
    window: tuple[str, str]
    task: Task = Task.BINARY
    classes: tuple[str, ...] = ()
    calibrator: Mapping[str, Any] | None = None


def make_baseline(trained: HourlyProfiles, answered: HourlyProfiles, champion: Champion) -> Baseline:
    """The baseline of a model.

    Args:
        trained: of the training rows, with inputs alone.
        answered: of the holdout's rows, with outputs alone: answers on rows that the model was trained on
            are surer than any it will give.

    Raises:
        BaselineError: there is no training row.
    """
    if not trained:
        raise BaselineError("no training row to make a baseline of")
    reference = _side_by_side([each for _, each in trained], [each for _, each in answered])
    return Baseline(
        profile=reference,
        metrics=champion.metrics,
        window=champion.window,
        task=champion.task,
        classes=champion.classes,
        rhythm=Rhythm.of(reference, trained, answered),
        calibrator=champion.calibrator,
        paces=paces(trained),
    )


def _side_by_side(trained: Sequence[Profile], answered: Sequence[Profile]) -> Profile:
    """Inputs of the one, outputs of the other: the rows of each are no gaps in the columns of the other."""
    inputs = merge(trained)
    if not answered:
        return inputs
    outputs = merge(answered)
    is_output = np.array([feature.role is Role.OUTPUT for feature in inputs.layout.features])
    return replace(
        merge([inputs, outputs]),
        rows=inputs.rows,
        missing=np.where(is_output, outputs.missing, inputs.missing),
        sample=inputs.sample,
    )
