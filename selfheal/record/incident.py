"""An incident: one healing episode, from the signal that opened it to its outcome.

It travels through the workflow as JSON; each stage adds what it found and takes nothing away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import Enum
from typing import Any

from selfheal.diagnose.causes import Cause
from selfheal.observe.signals import SignalKind
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.release import content_hash


class Outcome(str, Enum):
    """How an incident ended. Resolved is what is proven. Mitigated is where the harm has ended as far as is known, and
    all is proven but what labels would have told, which did not come in time. All else is escalated."""

    RESOLVED = "resolved"
    MITIGATED = "mitigated"
    ESCALATED = "escalated"


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """The change that opened an incident, or was attached to one.

    Attributes:
        at: when it was noticed.
        onset: when the harm had begun by then, as far as the change tells; None where it does not.
    """

    kind: SignalKind
    subject: str
    at: datetime
    reason: str
    onset: datetime | None = None

    @property
    def key(self) -> str:
        """The same change reported twice has the same key (times to the second: sources round differently)."""
        return f"{self.subject}@{self.at:%Y-%m-%dT%H:%M:%S}"

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "subject": self.subject,
            "at": self.at.isoformat(),
            "reason": self.reason,
            "onset": self.onset.isoformat() if self.onset else None,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Trigger:
        return cls(
            kind=SignalKind(body["kind"]),
            subject=body["subject"],
            at=datetime.fromisoformat(body["at"]),
            reason=body["reason"],
            onset=datetime.fromisoformat(body["onset"]) if body.get("onset") else None,
        )


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One healing episode.

    Attributes:
        fencing_token: that of the lease under which it is healed (`selfheal.record.lease`); None before it has one.
        cause, evidence, ruled_out: the diagnosis.
        blamed_release: endpoint config of the release that the diagnosis blames; None where it blames none.
        tried: rungs that were begun, in order.
        champion_before, champion_after: model packages in service when it opened and when it closed.
        training: ARN of the pipeline execution of a retraining or a replay.
        candidate: the package that a retraining or a recalibration brought, once it is approved.
        deployment: what the last remedy asked the endpoint for: the endpoint config, what it replaces and what it
            carries; of scaling, the config that stays and the instances.
        acted_at: when the last remedy had taken effect.
        mitigated_at: when the harm ended; verified_at: when that was proven.
        unproven: what could not be proven in time of a recovery that is whole otherwise; None where that is not so.
    """

    id: str
    endpoint: str
    opened_at: datetime
    trigger: Trigger
    fencing_token: int | None = None
    cause: Cause | None = None
    evidence: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    blamed_release: str | None = None
    tried: tuple[Remedy, ...] = ()
    champion_before: str | None = None
    champion_after: str | None = None
    training: str | None = None
    candidate: str | None = None
    deployment: Mapping[str, str] | None = None
    acted_at: datetime | None = None
    mitigated_at: datetime | None = None
    verified_at: datetime | None = None
    unproven: str | None = None
    outcome: Outcome | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, endpoint: str, trigger: Trigger, now: datetime) -> Incident:
        """The incident of a trigger: the same trigger gives the same id, whenever it is opened."""
        identity = f"{endpoint}-{trigger.at:%Y%m%d-%H%M}-{content_hash([endpoint, trigger.key])[:6]}"
        return cls(id=identity, endpoint=endpoint, opened_at=now, trigger=trigger)

    def with_(self, **changes: Any) -> Incident:
        return replace(self, **changes)

    def noting(self, note: str) -> Incident:
        return replace(self, notes=(*self.notes, note))

    def idempotency_key(self, step: str) -> str:
        """One key for one rung of one incident: 32 characters, as SageMaker's request tokens demand at least."""
        rung = len(self.tried)
        return f"{step[:8]:-<8}{content_hash([self.endpoint, self.id, rung, step])}{rung:012d}"

    def to_json(self) -> dict[str, Any]:
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Incident:
        read = dict(body)
        for name in ("opened_at", "acted_at", "mitigated_at", "verified_at"):
            read[name] = datetime.fromisoformat(read[name]) if read.get(name) else None
        read["trigger"] = Trigger.from_json(body["trigger"])
        read["cause"] = Cause(body["cause"]) if body.get("cause") else None
        read["outcome"] = Outcome(body["outcome"]) if body.get("outcome") else None
        read["tried"] = tuple(Remedy(remedy) for remedy in body.get("tried", ()))
        for name in ("evidence", "ruled_out", "notes"):
            read[name] = tuple(body.get(name, ()))
        return cls(**read)


def _plain(value: Any) -> Any:
    if isinstance(value, Trigger):
        return value.to_json()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
