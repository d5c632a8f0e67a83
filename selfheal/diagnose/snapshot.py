"""A snapshot: everything that a diagnosis may look at, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from selfheal.diagnose.ranking import Ranking
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
        started_at: when the workflow came to the deployment; it may have had to wait for another one first.
        ended_at: of the deployment; None while it runs.
        endpoint_modified_at: when the endpoint had changed last before; where that is unchanged, the deployment never
            began. None where a version before wrote none down.
        seq: number of the ledger's entry that intended the deployment; 0 where a version before wrote none down.
    """

    config: str
    model: str
    package: str
    previous_config: str
    started_at: datetime
    status: ReleaseStatus
    ended_at: datetime | None = None
    endpoint_modified_at: datetime | None = None
    seq: int = 0

    @property
    def order(self) -> tuple[int, datetime]:
        """Releases sorted by this are in the order in which their deployments began."""
        return self.seq, self.started_at


@dataclass(frozen=True, kw_only=True)
class AlarmElsewhere:
    """An alarm of another endpoint of the account that is in ALARM now: of which kind, and since when."""

    endpoint: str
    kind: SignalKind
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Capture:
    """The endpoint's traffic beside what was captured of it.

    Attributes:
        sampling_percent: of requests that the config that serves has captured, 0 to 100; 0 where it captures
            nothing.
        uncaptured: requests that the endpoint counted in the closed hours since its last captured file, over
            a day at most.
        since: when the first of these hours began.
    """

    sampling_percent: float
    uncaptured: int
    since: datetime

    @property
    def missing(self) -> float:
        """Records that these requests should have left, and did not."""
        return self.uncaptured * self.sampling_percent / 100


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """A retraining that was begun.

    Attributes:
        incident: that it was begun for.
        failure: why it brought no challenger that may be released: the pipeline failed, or the gate refused.
            None where it brought one, or runs still.
    """

    incident: str
    at: datetime
    failure: str | None


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The state of one endpoint at one moment.

    None means that a thing is not known, which is never as good as fine: a rule that needs it says so and does
    not apply, and no rule that leads to a retraining does without what could clear the model.

    Attributes:
        at: the moment, in UTC, as are all times.
        incident: the one that is diagnosed.
        opened_by: the kind of signal that opened the incident.
        firing: kinds whose CloudWatch alarm is in ALARM now, and since when.
        elsewhere: alarms of the account's other endpoints that are in ALARM now; None: they could not be read.
        live_config: the endpoint config that serves.
        capture: traffic beside what was captured of it; None: one of the two could not be read.
        observed_at: when observe reported last; None: it left no report within a day.
        observe_failure: why that report could judge nothing at all; None: it could.
        signals: of that report; empty where there is none.
        ranking: how well the champion ranks on the matured labels of that report; None: it does not say so.
        importance: what each feature contributes to the champion, as shares of one; None: its package does
            not carry it.
        release: the one that opened the incident, where one did, or else the last, whatever came of it; None: there
            was none.
        retrainings: those begun since a person closed the breaker, in order of time.
    """

    at: datetime
    incident: str
    opened_by: SignalKind
    firing: Mapping[SignalKind, datetime]
    elsewhere: tuple[AlarmElsewhere, ...] | None
    live_config: str
    capture: Capture | None
    observed_at: datetime | None
    observe_failure: str | None
    signals: tuple[Signal, ...]
    ranking: Ranking | None
    importance: Mapping[str, float] | None
    release: Release | None
    retrainings: tuple[Retraining, ...]

    def breaches(self, kind: SignalKind) -> list[Signal]:
        return [s for s in self.signals if s.kind is kind and s.status is Status.BREACH]

    def knows(self, kind: SignalKind) -> bool:
        """Whether anything was judged of this kind: the absence of data is not the absence of trouble."""
        return any(s.kind is kind and s.status is not Status.NO_DATA for s in self.signals)
