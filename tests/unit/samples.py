"""Small examples of the things that the core speaks of."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone

import numpy as np

from selfheal.observe.baseline import Baseline, Feature, NumericBins, Sample
from selfheal.observe.hours import Hour, observe_hour
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


def baseline(rows=5000, seed=1, metrics=None):
    """A baseline of one numeric feature, x ~ N(0, 1), and one categorical, c in a, b, c."""
    generator = np.random.default_rng(seed)
    columns = {"x": generator.normal(size=rows), "c": list(generator.choice(["a", "b", "c"], size=rows))}
    features = (Feature("x", NumericBins.of(columns["x"])), Feature("c", None))
    return Baseline(
        features=features,
        profile=Sample(columns=columns).profile(features),
        metrics={"log_loss": 0.5, "auc": 0.7, "rows": 1000} if metrics is None else metrics,
        window=("2013-01-01T00:00:00+00:00", "2013-02-12T00:00:00+00:00"),
    )


def profile_of(reference, x, c):
    return Sample(columns={"x": np.asarray(x, dtype=float), "c": list(c)}).profile(reference.features)


def hour(reference, start, x=(), c=(), malformed=0, predictions=()):
    """An observed hour with given values."""
    empty = observe_hour(start, [], [], reference, CHAMPION)
    return Hour(
        start=start,
        rows=len(x),
        unanswered=0,
        malformed=malformed,
        profile=profile_of(reference, x, c) if len(x) else empty.profile,
        predictions=tuple(predictions),
    )


def hours_before(now, count):
    """Starts of the `count` full hours before `now`, in order of time."""
    return [now - timedelta(hours=back) for back in range(count, 0, -1)]


def signal(kind=SignalKind.DATA_DRIFT, status=Status.BREACH, subject="x", statistic="ks", **more):
    more.setdefault("reason", f"{subject} is {status.value}")
    return Signal(kind=kind, subject=subject, statistic=statistic, status=status, **more)
