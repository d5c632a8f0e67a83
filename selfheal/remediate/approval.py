"""Approval: remedies that healing takes only once a person has said so.

A question has one answer, the first. No answer is none: what expires goes to people, and is never an approval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from selfheal.bounds import Bound, between, require
from selfheal.remediate.playbook import Remedy

# Nothing is changed by them, so there is nothing to approve.
HARMLESS = (Remedy.WATCH, Remedy.ESCALATE)


@dataclass(frozen=True, kw_only=True)
class ApprovalPolicy:
    """What a person is asked for.

    Attributes:
        remedies: those that need an approval each time they are planned.
        expires_hours: what nobody answered by then is escalated.
    """

    remedies: tuple[Remedy, ...] = ()
    expires_hours: int = 24

    def __post_init__(self) -> None:
        names = ", ".join(remedy.value for remedy in HARMLESS)
        require(
            self,
            remedies=Bound(
                lambda remedies: not set(remedies) & set(HARMLESS),
                f"remedies that change something: {names} do not",
            ),
            expires_hours=between(1, 720),
        )

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ApprovalPolicy:
        """Raises ValueError for a remedy of no known name."""
        return cls(**{**body, "remedies": tuple(Remedy(name) for name in body["remedies"])})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a person said: who, when, and why where they told."""

    approved: bool
    by: str
    at: datetime
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"approved": self.approved, "by": self.by, "at": self.at.isoformat(), "reason": self.reason}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Answer:
        """Raises KeyError, TypeError or ValueError for what is no answer; only `true` itself approves."""
        return cls(
            approved=body["approved"] is True,
            by=body["by"],
            at=datetime.fromisoformat(body["at"]),
            reason=body["reason"],
        )


@dataclass(frozen=True, kw_only=True)
class Question:
    """A remedy that waits for its approval.

    Attributes:
        key: tells this question from any other of the incident: the number of its lease, and the rung.
        token: Step Functions' task token of the workflow that waits.
        expires_at: when it is too late to answer.
    """

    incident: str
    remedy: Remedy
    key: str
    token: str
    asked_at: datetime
    expires_at: datetime
    answer: Answer | None = None
