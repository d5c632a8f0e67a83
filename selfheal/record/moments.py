"""What an incident's entries hold, with types: the one place that knows the fields of their bodies.

docs/ledger.md lists them. An entry that this version cannot read is `Unread` and says why; it is never left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from selfheal.diagnose.causes import Cause
from selfheal.record.incident import Outcome, Trigger
from selfheal.record.ledger import Entry, EntryKind
from selfheal.remediate.playbook import Remedy
from selfheal.verdict import Verdict

RELEASE = "release"
ROLLBACK = "rollback"
APPROVAL = (EntryKind.ASKED, EntryKind.APPROVED, EntryKind.REJECTED, EntryKind.EXPIRED)


@dataclass(frozen=True, kw_only=True)
class Signalled:
    """A change opened the incident, or was attached to it while it was open."""

    at: datetime
    trigger: Trigger
    opened: bool


@dataclass(frozen=True, kw_only=True)
class Diagnosed:
    """A cause was named, with what speaks for it, and why each cause before it was ruled out (cause: reason)."""

    at: datetime
    cause: Cause
    evidence: tuple[str, ...]
    ruled_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A remedy was chosen.

    Attributes:
        stopped: why each rung below it was passed over (rung: reason).
        weighed: whether a retraining pays, in words; None where that was no question.
    """

    at: datetime
    remedy: Remedy
    reason: str
    stopped: tuple[str, ...]
    weighed: str | None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """People were asked whether a remedy may be taken; `until` is when it is too late to answer."""

    at: datetime
    remedy: Remedy
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What came of it.

    Attributes:
        approved: False where it was rejected, and where nobody answered in time.
        by: who answered; None where nobody did.
    """

    at: datetime
    remedy: Remedy
    approved: bool
    by: str | None
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Something was about to be done.

    Attributes:
        action: what; the remedy's name, or `release` for the deployment that a retraining or a recalibration ends in.
        remedy: the remedy that begins with it; None for a later step of one that has begun.
        config: the endpoint config that is asked for, where one is.
        package: the model package that a release brings or a rollback takes away; that of the config that is asked
            for where the service is replaced or falls back.
        instances: that scaling asks for.
        changed: False where everything was found done already.
    """

    at: datetime
    action: str
    remedy: Remedy | None
    config: str | None
    package: str | None
    instances: int | None
    changed: bool


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How something that had begun ended.

    Attributes:
        action: the kind of deployment that ended, None where what ended was none.
        package: the model package that a release brought or a rollback took away.
    """

    at: datetime
    action: str | None
    remedy: Remedy | None
    package: str | None
    succeeded: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class Verified:
    """Somebody looked whether the service is whole again."""

    at: datetime
    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Closed:
    """The incident ended. Champions are model packages, None where they are not known; `unproven` is what a mitigated
    incident could not prove."""

    at: datetime
    outcome: Outcome
    champion_before: str | None
    champion_after: str | None
    unproven: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Abandoned:
    """The workflow ended without closing its incident; `status` is Step Functions' own."""

    at: datetime
    status: str


@dataclass(frozen=True, kw_only=True)
class Unread:
    """An entry that this version does not understand."""

    at: datetime
    kind: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class HoursReleased:
    """A quarantine ended: of the hours since `since`, those before `until` stay out of training."""

    at: datetime
    by: str
    reason: str
    since: datetime
    until: datetime


Moment = (
    Signalled
    | Diagnosed
    | Planned
    | Asked
    | Answered
    | Begun
    | Ended
    | Verified
    | HoursReleased
    | Closed
    | Abandoned
    | Unread
)


def moment(entry: Entry) -> Moment:
    """An entry with types; `Unread` where its kind or a value in it is not known to this version."""
    try:
        read = _approval if entry.kind in APPROVAL else _read
        return read(entry.kind, entry.at, entry.body)
    except (KeyError, TypeError, ValueError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else f"is not as expected: {error}"
        return Unread(at=entry.at, kind=entry.kind.value, reason=f"entry {entry.seq} {what}")


def _read(kind: EntryKind, at: datetime, body: Mapping[str, Any]) -> Moment:
    match kind:
        case EntryKind.OPENED | EntryKind.ATTACHED:
            return Signalled(at=at, trigger=Trigger.from_json(body), opened=kind is EntryKind.OPENED)
        case EntryKind.DIAGNOSED:
            return Diagnosed(
                at=at,
                cause=Cause(body["cause"]),
                evidence=tuple(body["evidence"]),
                ruled_out=tuple(body["ruled_out"]),
            )
        case EntryKind.PLANNED:
            return Planned(
                at=at,
                remedy=Remedy(body["remedy"]),
                reason=body["reason"],
                stopped=tuple(body["stopped"]),
                weighed=(body.get("economics") or {}).get("reason"),
            )
        case EntryKind.INTENT:
            return _begun(at, body)
        case EntryKind.OUTCOME:
            return _ended(at, body)
        case EntryKind.VERIFIED:
            return Verified(at=at, verdict=Verdict(body["verdict"]), reasons=tuple(body["reasons"]))
        case EntryKind.HOURS_RELEASED:
            return HoursReleased(
                at=at,
                by=body["by"],
                reason=body["reason"],
                since=datetime.fromisoformat(body["since"]),
                until=datetime.fromisoformat(body["until"]),
            )
        case EntryKind.CLOSED:
            return _closed(at, body)
        case EntryKind.ABANDONED:
            return Abandoned(at=at, status=body["status"])
    raise ValueError(f"{kind.value!r} is no kind of an incident's entry that this version knows")


def _approval(kind: EntryKind, at: datetime, body: Mapping[str, Any]) -> Asked | Answered:
    remedy = Remedy(body["remedy"])
    if kind is EntryKind.ASKED:
        return Asked(at=at, remedy=remedy, until=datetime.fromisoformat(body["until"]))
    approved = kind is EntryKind.APPROVED
    return Answered(at=at, remedy=remedy, approved=approved, by=body.get("by"), reason=body["reason"])


def _begun(at: datetime, body: Mapping[str, Any]) -> Begun:
    return Begun(
        at=at,
        action=body["action"] if "action" in body else body["remedy"],
        remedy=Remedy(body["remedy"]) if "remedy" in body else None,
        config=body["config"] if "config" in body else body.get("to"),
        package=body.get("package"),
        instances=body.get("instances"),
        changed=body.get("changed") is not False,
    )


def _ended(at: datetime, body: Mapping[str, Any]) -> Ended:
    return Ended(
        at=at,
        action=body.get("action"),
        remedy=Remedy(body["remedy"]) if "remedy" in body else None,
        package=body.get("package"),
        succeeded=body["succeeded"] is True,
        reason=body["reason"],
    )


def _closed(at: datetime, body: Mapping[str, Any]) -> Closed:
    return Closed(
        at=at,
        outcome=Outcome(body["outcome"]),
        champion_before=body.get("champion_before"),
        champion_after=body.get("champion_after"),
        unproven=body.get("unproven"),
        notes=tuple(body.get("notes", ())),
    )
