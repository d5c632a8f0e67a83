"""Snapshots: what is known of an endpoint that is well, and what differs."""

from __future__ import annotations

from datetime import timedelta

from selfheal.diagnose.ranking import Ranking
from selfheal.diagnose.snapshot import (
    AlarmElsewhere,
    Capture,
    Release,
    ReleaseStatus,
    Retraining,
    Snapshot,
)
from selfheal.observe.signals import SignalKind, Status
from unit.samples import CHALLENGER, NOW, signal

DRIFT, QUALITY, PERFORMANCE = SignalKind.DATA_DRIFT, SignalKind.DATA_QUALITY, SignalKind.PERFORMANCE
ANSWERS, AGE, LABELS = SignalKind.PREDICTION_DRIFT, SignalKind.MODEL_AGE, SignalKind.LABELS
LATENCY, ERRORS, RELEASE = SignalKind.LATENCY, SignalKind.ERRORS, SignalKind.RELEASE

RANKING = Ranking(metric="auc", value=0.70, low=0.68, promised=0.70, rows=2000)
CAPTURED = Capture(sampling_percent=100, uncaptured=0, since=NOW)


def snapshot(*signals, firing=(), **more):
    """`firing` maps kinds to when they began; bare kinds began now."""
    known = {
        "at": NOW + timedelta(minutes=5),
        "incident": "this",
        "opened_by": DRIFT,
        "firing": dict(firing) if isinstance(firing, dict) else dict.fromkeys(firing, NOW),
        "elsewhere": (),
        "live_config": "flights-new",
        "capture": CAPTURED,
        "observed_at": NOW,
        "observe_failure": None,
        "signals": tuple(signals),
        "ranking": None,
        "importance": None,
        "release": None,
        "retrainings": (),
    }
    return Snapshot(**{**known, **more})


def release(status=ReleaseStatus.PROMOTED, ended_hours_ago=2.0, started_hours_ago=3.0):
    ended = None if ended_hours_ago is None else NOW - timedelta(hours=ended_hours_ago)
    return Release(
        config="flights-new",
        model="flights-model",
        package=CHALLENGER,
        previous_config="flights-old",
        started_at=NOW - timedelta(hours=started_hours_ago),
        ended_at=ended,
        status=status,
    )


def elsewhere(*endpoints, kind=ERRORS, began=NOW):
    return tuple(AlarmElsewhere(endpoint=endpoint, kind=kind, since=began) for endpoint in endpoints)


def retraining(incident, failure=None):
    return Retraining(incident=incident, at=NOW - timedelta(days=1), failure=failure)


def breach(kind):
    return signal(kind, Status.BREACH)


def fine(kind):
    return signal(kind, Status.OK)
