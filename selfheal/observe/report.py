"""A report: what observe found at one moment. Readers of reports need no numerical library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from selfheal.observe.signals import Signal, SignalKind, Status


@dataclass(frozen=True, kw_only=True)
class Report:
    """What observe found at one moment.

    Attributes:
        performance: every metric of the last window of matured labels, realized and estimated, as JSON;
            once a day.
        measures: every statistic of every feature over the window that drift is judged on, as JSON; once
            a day.
        quality_since: the first hour of the window that quality of the input was judged on; None where it was not.
    """

    endpoint: str
    champion: str | None
    at: datetime
    signals: tuple[Signal, ...]
    performance: Mapping[str, Any] = field(default_factory=dict)
    measures: Sequence[Mapping[str, Any]] = ()
    quality_since: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "endpoint": self.endpoint,
            "champion": self.champion,
            "at": self.at.isoformat(),
            "signals": [signal.to_json() for signal in self.signals],
            "performance": dict(self.performance),
            "measures": [dict(measure) for measure in self.measures],
            "quality_since": self.quality_since.isoformat() if self.quality_since else None,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Report:
        return cls(
            endpoint=body["endpoint"],
            champion=body["champion"],
            at=datetime.fromisoformat(body["at"]),
            signals=tuple(Signal.from_json(signal) for signal in body["signals"]),
            performance=body["performance"],
            measures=tuple(body["measures"]),
            quality_since=datetime.fromisoformat(since) if (since := body.get("quality_since")) else None,
        )

    def breach_counts(self) -> dict[SignalKind, int]:
        """Signals in breach by kind; a kind with nothing but `NO_DATA` is absent, since nobody knows."""
        kinds = (
            SignalKind.DATA_DRIFT,
            SignalKind.PREDICTION_DRIFT,
            SignalKind.DATA_QUALITY,
            SignalKind.PERFORMANCE,
            SignalKind.LABELS,
            SignalKind.MODEL_AGE,
        )
        known = [
            kind
            for kind in kinds
            if any(s.kind is kind and s.status is not Status.NO_DATA for s in self.signals)
        ]
        return {
            kind: sum(1 for s in self.signals if s.kind is kind and s.status is Status.BREACH)
            for kind in known
        }


def no_data(reason: str) -> tuple[Signal, ...]:
    """The signals of a moment at which nothing could be judged."""
    return tuple(
        Signal(kind=kind, subject="all", statistic="none", status=Status.NO_DATA, reason=reason)
        for kind in (SignalKind.DATA_DRIFT, SignalKind.DATA_QUALITY, SignalKind.PERFORMANCE)
    )
