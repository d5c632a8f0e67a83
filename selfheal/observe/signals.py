"""Signals: a statistic judged against its threshold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any


class Status(str, Enum):
    """The judgement, from harmless to harmful. `NO_DATA` is a judgement too: nothing acts on it."""

    OK = "OK"
    WARN = "WARN"
    BREACH = "BREACH"
    NO_DATA = "NO_DATA"


class SignalKind(str, Enum):
    """What a signal speaks of; each kind has one CloudWatch metric, and those that open incidents one alarm."""

    DATA_DRIFT = "data-drift"
    PREDICTION_DRIFT = "prediction-drift"
    DATA_QUALITY = "data-quality"
    PERFORMANCE = "performance"
    LABELS = "labels"
    MODEL_AGE = "model-age"
    LATENCY = "latency"
    ERRORS = "errors"
    RELEASE = "release"

    @property
    def is_infrastructure(self) -> bool:
        return self in (SignalKind.LATENCY, SignalKind.ERRORS)


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One judged number.

    Attributes:
        kind: what it speaks of.
        subject: the feature, metric or alarm that was judged.
        statistic: the statistic's name ("ks", "psi", "log_loss", …).
        value: the number; None where there is none (`NO_DATA`).
        low: lower confidence bound of `value`, the number that is compared with `threshold`.
        threshold: the limit beyond which the signal is a breach.
        status: the judgement.
        sample: rows that the number rests on.
        reason: one sentence for people.
        since: the first hour that is off, where what is judged knows it; else None.
    """

    kind: SignalKind
    subject: str
    statistic: str
    status: Status
    reason: str
    value: float | None = None
    low: float | None = None
    threshold: float | None = None
    sample: int = 0
    since: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        since = self.since.isoformat() if self.since else None
        return {**vars(self), "kind": self.kind.value, "status": self.status.value, "since": since}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Signal:
        since = datetime.fromisoformat(body["since"]) if body.get("since") else None
        known = {"kind": SignalKind(body["kind"]), "status": Status(body["status"]), "since": since}
        return cls(**{**body, **known})
