"""Rails: the limits on what healing may do on its own.

Rails are judged on the ledger: what healing did is what it wrote there before doing it, so no second
account of the budget can disagree with the first.

Falling back and reactivating return to an earlier model, as a rollback does: the three share one cooldown and one
budget. Scaling and
replacing change what the model runs on and not the model. So neither has a budget: what is asked for in vain again and
again is flapping, and scaling ends at the fleet's maximum. A replacement is a deployment all the same, and waits a
rollback's cooldown for what the one before it brought. Nor do the two open the breaker: that one of them did not help
is how the ladder is climbed, and no sign that healing does harm; it must not stop the rungs above, nor the rollback of
a bad release a week later. Once the breaker is open it stops them as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from selfheal.bounds import Bound, at_least, between, require
from selfheal.observe.signals import SignalKind
from selfheal.remediate.approval import ApprovalPolicy
from selfheal.remediate.playbook import Remedy

DAY = timedelta(days=1)


class Mode(str, Enum):
    """How far autonomy goes: look, say what it would do, or do it."""

    OBSERVE = "observe"
    RECOMMEND = "recommend"
    ACT = "act"


@dataclass(frozen=True, kw_only=True)
class Rails:
    """Limits of autonomy.

    Attributes:
        rollback_cooldown_minutes, recalibrate_cooldown_minutes, retrain_cooldown_minutes: least time between two of
            a kind; that of rollbacks is that of replacements, too.
        rollbacks_per_day, recalibrations_per_day, retrains_per_day, retrains_per_30_days: budgets in counts.
        money_usd_per_30_days: what the retrainings of 30 days may cost, by the prices of the settings; None
            is no cap.
        failures_to_open_breaker: failed remedies in a row after which a person must look.
        flapping_incidents: incidents of one fingerprint within a day of which the last goes to a person.
        fleet_actions_at_once: how many of the account's endpoints may be changed at a time, this one included. By
            default as many as diagnosis takes for chance plus one (`DiagnosisPolicy.shared_endpoints`): one more
            would make a fault that all have in common, or of healing's own, the outage of a fleet.
        approval: which remedies wait for a person, and for how long.
    """

    rollback_cooldown_minutes: int = 30
    recalibrate_cooldown_minutes: int = 360
    retrain_cooldown_minutes: int = 360
    rollbacks_per_day: int = 2
    recalibrations_per_day: int = 2
    retrains_per_day: int = 1
    retrains_per_30_days: int = 4
    money_usd_per_30_days: float | None = None
    failures_to_open_breaker: int = 2
    flapping_incidents: int = 3
    fleet_actions_at_once: int = 3
    approval: ApprovalPolicy = field(default_factory=ApprovalPolicy)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Rails:
        """Rails as functions are given them, and as the ledger holds them; the parts check themselves again."""
        return cls(**{**body, "approval": ApprovalPolicy.from_json(body["approval"])})

    def __post_init__(self) -> None:
        require(
            self,
            rollback_cooldown_minutes=between(0, 10080),
            recalibrate_cooldown_minutes=between(0, 43200),
            retrain_cooldown_minutes=between(0, 43200),
            rollbacks_per_day=at_least(0),
            recalibrations_per_day=at_least(0),
            retrains_per_day=at_least(0),
            retrains_per_30_days=at_least(0),
            money_usd_per_30_days=Bound(
                lambda usd: usd is None or 0 <= usd <= 1e9, "a number from 0 to 1e+09, or none"
            ),
            failures_to_open_breaker=at_least(1),
            flapping_incidents=at_least(2),
            fleet_actions_at_once=at_least(1),
        )


@dataclass(frozen=True, kw_only=True)
class Action:
    """A remedy that was begun: when, for which incident, and how it ended (None while it runs)."""

    remedy: Remedy
    incident: str
    at: datetime
    succeeded: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Opening:
    """An incident's beginning. Kind and subject of what opened it are its fingerprint."""

    incident: str
    at: datetime
    kind: SignalKind
    subject: str

    @property
    def fingerprint(self) -> tuple[SignalKind, str]:
        return self.kind, self.subject


def recurrences(opening: Opening, openings: Iterable[Opening], now: datetime) -> int:
    """How many incidents of this one's fingerprint there were within the last day, itself included.

    An incident that was written down twice is one.
    """
    alike = {
        other.incident
        for other in openings
        if other.fingerprint == opening.fingerprint and now - other.at < DAY
    }
    return len(alike | {opening.incident})


def flapping(rails: Rails, recurring: int) -> str | None:
    """The reason why nothing but a person helps any more, or None: what comes back again and again is not
    repaired by doing again what did not repair it."""
    if recurring < rails.flapping_incidents:
        return None
    return (
        f"flapping: {recurring} incidents of this alarm within 24 h, "
        f"and from {rails.flapping_incidents} on a person must look"
    )


def stopped_by(
    remedy: Remedy,
    rails: Rails,
    history: Iterable[Action],
    now: datetime,
    retraining_usd: float = 0.0,
    changing: Sequence[str] = (),
) -> str | None:
    """The reason why the rails stop a remedy now, or None where they let it pass.

    Watching and escalating change nothing and are never stopped.

    Args:
        retraining_usd: what a retraining costs, those of the past included.
        changing: the account's other endpoints that are being changed now.
    """
    if not remedy.changes_service:
        return None
    actions = sorted(history, key=lambda action: action.at)
    return (
        _breaker(rails, actions)
        or _cooldown(remedy, rails, actions, now)
        or _budget(remedy, rails, actions, now)
        or (_money(rails, actions, now, retraining_usd) if remedy is Remedy.RETRAIN else None)
        or _fleet(rails, changing)
    )


def _breaker(rails: Rails, actions: list[Action]) -> str | None:
    judged = (action for action in actions if action.remedy.changes_model)
    ended = [action.succeeded for action in judged if action.succeeded is not None]
    last = ended[-rails.failures_to_open_breaker :]
    if len(last) == rails.failures_to_open_breaker and not any(last):
        return f"the breaker is open: the last {len(last)} remedies failed; a person must close it"
    return None


def _cooldown(remedy: Remedy, rails: Rails, actions: list[Action], now: datetime) -> str | None:
    minutes = {
        Remedy.ROLLBACK: rails.rollback_cooldown_minutes,
        Remedy.FALL_BACK: rails.rollback_cooldown_minutes,
        Remedy.REACTIVATE: rails.rollback_cooldown_minutes,
        Remedy.REPLACE: rails.rollback_cooldown_minutes,
        Remedy.RECALIBRATE: rails.recalibrate_cooldown_minutes,
        Remedy.RETRAIN: rails.retrain_cooldown_minutes,
    }.get(remedy, 0)
    last = next((action for action in reversed(actions) if action.remedy in _alike(remedy)), None)
    if last and now - last.at < timedelta(minutes=minutes):
        return f"cooldown: the last {last.remedy.value} began {last.at:%Y-%m-%d %H:%M}, less than {minutes} min ago"
    return None


def _budget(remedy: Remedy, rails: Rails, actions: list[Action], now: datetime) -> str | None:
    budgets: tuple[tuple[int, int], ...] = {
        Remedy.ROLLBACK: ((rails.rollbacks_per_day, 1),),
        Remedy.FALL_BACK: ((rails.rollbacks_per_day, 1),),
        Remedy.REACTIVATE: ((rails.rollbacks_per_day, 1),),
        Remedy.RECALIBRATE: ((rails.recalibrations_per_day, 1),),
        Remedy.RETRAIN: ((rails.retrains_per_day, 1), (rails.retrains_per_30_days, 30)),
    }.get(remedy, ())
    for count, days in budgets:
        spent = _begun(remedy, actions, now, days)
        if spent >= count:
            kinds = " or ".join(each.value for each in _alike(remedy))
            return f"budget: {spent} of {count} {kinds} in {days} d are spent"
    return None


def _money(rails: Rails, actions: list[Action], now: datetime, retraining_usd: float) -> str | None:
    cap, spent = rails.money_usd_per_30_days, _begun(Remedy.RETRAIN, actions, now, 30) * retraining_usd
    if cap is None or spent + retraining_usd <= cap:
        return None
    return (
        f"money: retrainings cost {spent:,.2f} USD in 30 d, and {retraining_usd:,.2f} USD more would exceed "
        f"the cap of {cap:,.2f} USD"
    )


def _fleet(rails: Rails, changing: Sequence[str]) -> str | None:
    if len(changing) < rails.fleet_actions_at_once:
        return None
    return (
        f"fleet: {', '.join(changing)} are being changed, and of the account's endpoints no more than "
        f"{rails.fleet_actions_at_once} may be at once, this one included"
    )


def _begun(remedy: Remedy, actions: list[Action], now: datetime, days: int) -> int:
    return sum(1 for a in actions if a.remedy in _alike(remedy) and now - a.at < timedelta(days=days))


def _alike(remedy: Remedy) -> tuple[Remedy, ...]:
    """The remedies that a remedy shares its cooldown and budget with, itself included."""
    returning = (Remedy.ROLLBACK, Remedy.FALL_BACK, Remedy.REACTIVATE)
    return returning if remedy in returning else (remedy,)
