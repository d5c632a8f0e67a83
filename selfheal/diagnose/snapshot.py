"""A snapshot: everything that a diagnosis may look at, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from selfheal.observe.signals import Signal, SignalKind, Status


class ReleaseStatus(str, Enum):
    """Where a release stands."""

    RELEASING = "releasing"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, kw_only=True)
class Release:
    """One model on its way into traffic.

    Attributes:
        config: the endpoint config that carries it; its name identifies the release.
        previous_config: what served before, and what a rollback returns to.
        started_at, ended_at: of the deployment; not ended while it runs.
    """

    config: str
    model: str
    package: str
    previous_config: str
    started_at: datetime
    status: ReleaseStatus
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The state of one endpoint at one moment.

    Attributes:
        opened_by: the kind of signal that opened the incident.
        firing: kinds whose CloudWatch alarm is in ALARM now, and since when.
        live_config: the endpoint config that serves.
        signals: what observe found last; empty where it found nothing yet.
        last_release: the most recent release, whatever came of it.
    """

    at: datetime
    opened_by: SignalKind
    firing: Mapping[SignalKind, datetime]
    live_config: str
    signals: tuple[Signal, ...]
    last_release: Release | None

    def breaches(self, kind: SignalKind) -> list[Signal]:
        return [s for s in self.signals if s.kind is kind and s.status is Status.BREACH]

    def knows(self, kind: SignalKind) -> bool:
        """Whether anything was judged of this kind: the absence of data is not the absence of trouble."""
        return any(s.kind is kind and s.status is not Status.NO_DATA for s in self.signals)
