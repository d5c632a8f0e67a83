"""Small examples of the things that the core speaks of."""

from __future__ import annotations

import base64
import functools
import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np

from selfheal.observe.hours import Hour, hour_number
from selfheal.observe.performance.outcomes import Outcomes, Predictions, microseconds
from selfheal.observe.profiles.layout import Categorical, Layout, Numeric, Role
from selfheal.observe.profiles.outputs import CONFIDENCE, LABEL, SCORE, output_columns
from selfheal.observe.profiles.profile import Rows, profile
from selfheal.observe.reference import Champion, make_baseline
from selfheal.observe.signals import Signal, SignalKind, Status

NOW = datetime(2013, 3, 1, 12, tzinfo=timezone.utc)
CHAMPION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/flights/1"
CHALLENGER = "arn:aws:sagemaker:us-east-1:123456789012:model-package/flights/2"


def answer(*scores, package=CHAMPION):
    """What the serving code answers."""
    return json.dumps({"model_package": package, "predictions": [{"score": score} for score in scores]})


def capture_record(data="1.5,a", output=None, key="e1", at=NOW, inference_id=None, encoding="CSV"):
    """A data capture record; `output` None is a request that was not answered."""
    record = {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": data,
                "encoding": encoding,
            }
        },
        "eventMetadata": {"eventId": key, "inferenceTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")},
        "eventVersion": "0",
    }
    if inference_id is not None:
        record["eventMetadata"]["inferenceId"] = inference_id
    if output is not None:
        record["captureData"]["endpointOutput"] = {
            "observedContentType": "application/json",
            "mode": "OUTPUT",
            "data": output,
            "encoding": "JSON",
        }
    return record


def capture_line(*args, **kwargs):
    return json.dumps(capture_record(*args, **kwargs))


def outcome_line(key, label):
    return json.dumps(
        {
            "groundTruthData": {"data": label, "encoding": "CSV"},
            "eventMetadata": {"eventId": key},
            "eventVersion": "0",
        }
    )


def base64_of(text):
    return base64.b64encode(text.encode()).decode()


METRICS = {"log_loss": 0.5, "auc": 0.7, "rows": 1000}
# The training data's first hour; a Tuesday.
TRAINED_FROM = datetime(2013, 1, 1, tzinfo=timezone.utc)


def rows_of(x, c, prefix="r"):
    """Rows of the two features, as they are profiled."""
    keys = [f"{prefix}{place}" for place in range(len(x))]
    return Rows(keys=keys, columns={"x": np.asarray(x, dtype=float), "c": list(c)})


def outputs_of(scores):
    return Rows(
        keys=[f"h{place}" for place in range(len(scores))],
        columns=output_columns(np.asarray(scores, dtype=float), ("0", "1")),
    )


@functools.lru_cache
def _baseline(rows, seed):
    generator = np.random.default_rng(seed)
    x, c = generator.normal(size=rows), generator.choice(["a", "b", "c"], size=rows)
    scores = generator.beta(2, 2, size=1000)
    columns = output_columns(scores, ("0", "1"))
    layout = Layout(
        features=(
            Numeric.of("x", x),
            Categorical.of("c", Counter(c.tolist())),
            Numeric.of(SCORE, scores, Role.OUTPUT),
            Categorical.of(LABEL, Counter(columns[LABEL]), Role.OUTPUT),
            Numeric.of(CONFIDENCE, np.asarray(columns[CONFIDENCE]), Role.OUTPUT),
        )
    )
    first = hour_number(TRAINED_FROM)
    trained = [
        (first + hour, profile(layout, rows_of(x[part], c[part].tolist(), f"t{hour}-")))
        for hour, part in enumerate(np.array_split(np.arange(rows), 200))
    ]
    answered = [
        (first + 200 + hour, profile(layout, outputs_of(part)))
        for hour, part in enumerate(np.array_split(scores, 40))
    ]
    window = ("2013-01-01T00:00:00+00:00", "2013-01-09T08:00:00+00:00")
    return make_baseline(trained, answered, Champion(metrics=METRICS, window=window))


def baseline(rows=5000, seed=1, metrics=None):
    """A baseline of one numeric feature, x ~ N(0, 1), and one categorical, c in a, b, c, alike in all hours."""
    found = _baseline(rows, seed)
    return found if metrics is None else replace(found, metrics=metrics)


def profile_of(reference, x, c):
    return profile(reference.layout, rows_of(x, c))


def predictions(scores=(), at=NOW, prefix="e"):
    """Answers to the keys e0, e1, …, all at one moment."""
    keys = tuple(f"{prefix}{place}" for place in range(len(scores)))
    times = np.full(len(keys), microseconds(at), dtype=np.int64)
    return Predictions(keys=keys, at=times, values=np.asarray(scores, dtype=float))


def outcomes(labels, at=NOW, prefix="e"):
    """Labels of the keys e0, e1, …, collected at one moment."""
    keys = tuple(f"{prefix}{place}" for place in range(len(labels)))
    times = np.full(len(keys), microseconds(at), dtype=np.int64)
    return Outcomes(keys=keys, labels=np.asarray(labels, dtype=float), at=times)


def hour(reference, start, x=(), c=(), malformed=0, answers=None, **more):
    """An observed hour with given values."""
    return Hour(
        start=start,
        malformed=malformed,
        profile=profile_of(reference, x, c),
        predictions=predictions() if answers is None else answers,
        **more,
    )


def hours_before(now, count):
    """Starts of the `count` full hours before `now`, in order of time."""
    return [now - timedelta(hours=back) for back in range(count, 0, -1)]


def signal(kind=SignalKind.DATA_DRIFT, status=Status.BREACH, subject="x", statistic="ks", **more):
    more.setdefault("reason", f"{subject} is {status.value}")
    return Signal(kind=kind, subject=subject, statistic=statistic, status=status, **more)
