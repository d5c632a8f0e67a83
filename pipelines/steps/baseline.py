"""The baseline that a package carries: its training data and its answers on the holdout, hour by hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.steps.workload import Workload
from selfheal.observe.baseline import Baseline
from selfheal.observe.performance.estimation import calibrate
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.profiles.layout import Categorical, Feature, Layout, Numeric, Role, Values
from selfheal.observe.profiles.outputs import output_columns
from selfheal.observe.profiles.profile import Profile, Rows, profile
from selfheal.observe.reference import Champion, make_baseline

CLASSES = ("0", "1")
HOUR = pd.Timedelta(hours=1)


def baseline_of(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    scores: NDArray[np.float64],
    workload: Workload,
    metrics: Mapping[str, float],
) -> Baseline:
    """The baseline of a challenger.

    Args:
        train, holdout: rows as text, in order of time, with the workload's columns.
        scores: the challenger's on the holdout, shape (rows,).
        metrics: of the challenger on the holdout.
    """
    labels = holdout[workload.label].to_numpy(dtype=np.float64)
    inputs = {name: _column(train[name], name in workload.categorical) for name in workload.names}
    outputs = output_columns(scores, CLASSES)
    layout = Layout(features=(*_features(inputs, Role.INPUT), *_features(outputs, Role.OUTPUT)))
    trained_at, answered_at = _times(train, workload), _times(holdout, workload)
    calibration = calibrate(Task.BINARY, scores, labels)
    return make_baseline(
        list(_hourly(layout, trained_at, inputs)),
        list(_hourly(layout, answered_at, outputs)),
        Champion(
            metrics=metrics,
            window=(trained_at.iloc[0].isoformat(), trained_at.iloc[-1].isoformat()),
            calibrator=calibration.to_json() if calibration else None,
        ),
    )


def _times(rows: pd.DataFrame, workload: Workload) -> Any:
    return pd.to_datetime(rows[workload.timestamp], utc=True, format="ISO8601")


def _column(texts: Any, categorical: bool) -> Values:
    if categorical:
        return np.array([text or None for text in texts], dtype=object)
    numbers: NDArray[np.float64] = pd.to_numeric(texts.replace("", None), errors="coerce").to_numpy(
        dtype=np.float64
    )
    return numbers


def _features(columns: Mapping[str, Values], role: Role) -> Iterator[Feature]:
    for name, values in columns.items():
        if isinstance(values, np.ndarray) and values.dtype == np.float64:
            yield Numeric.of(name, np.asarray(values, dtype=np.float64), role)
        else:
            yield Categorical.of(name, Counter(text for text in values if text is not None), role)


def _hourly(layout: Layout, at: Any, columns: Mapping[str, Values]) -> Iterator[tuple[int, Profile]]:
    """Profiles of the hours of some rows, which are in order of time."""
    hours = ((at - pd.Timestamp(0, tz="UTC")) // HOUR).to_numpy()
    starts = np.flatnonzero(np.diff(hours, prepend=hours[0] - 1)).tolist()
    for start, end in zip(starts, [*starts[1:], len(hours)], strict=True):
        part = {name: values[start:end] for name, values in columns.items()}
        # The place among the rows is key enough: it only decides which rows are sampled.
        keys = [str(place) for place in range(start, end)]
        yield int(hours[start]), profile(layout, Rows(keys=keys, columns=part))
