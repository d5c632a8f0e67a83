"""The next remedy: the lowest rung of the ladder that was not tried and that the rails let pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from selfheal.diagnose.causes import Cause
from selfheal.remediate.economics import Economics
from selfheal.remediate.playbook import Playbook, Remedy, ladder
from selfheal.remediate.rails import Action, Mode, Rails, flapping, stopped_by
from selfheal.remediate.service import BY_SERVICE, Service


@dataclass(frozen=True)
class Plan:
    """The remedy to take now, and why the rungs below it were passed over."""

    remedy: Remedy
    reason: str
    stopped: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Controls:
    """What people have set: the mode, and the kill switch with its reason (None while it is off)."""

    mode: Mode
    kill_switch: str | None = None

    def stop(self) -> str | None:
        """Why nothing may be changed, or None where it may."""
        if self.kill_switch is not None:
            return f"the kill switch is on: {self.kill_switch}"
        if self.mode is not Mode.ACT:
            return f"the mode is {self.mode.value}"
        return None


def next_remedy(
    cause: Cause,
    tried: Sequence[Remedy],
    *,
    playbook: Playbook,
    rails: Rails,
    controls: Controls,
    history: Iterable[Action],
    now: datetime,
    recurring: int = 1,
    economics: Economics | None = None,
    changing: Sequence[str] = (),
    service: Service | None = None,
) -> Plan:
    """The rung to take. A rung that was tried, or that a rail stops, is never taken; the last is a person.

    Args:
        recurring: incidents of this one's fingerprint within a day, itself included.
        economics: whether a retraining pays; None where the ladder has none, or none is weighed.
        changing: the account's other endpoints that are being changed now.
        service: what decides whether a remedy of `BY_SERVICE` applies; where it is not known, none does.
    """
    stop = partial(
        _stop,
        rails=rails,
        controls=controls,
        actions=list(history),
        now=now,
        recurring=recurring,
        economics=economics,
        changing=changing,
        service=service,
    )
    stopped: list[str] = []
    for remedy in ladder(playbook, cause):
        reason = "was tried in this incident" if remedy in tried else stop(remedy)
        if reason is None:
            return Plan(
                remedy, f"{remedy.value} is the playbook's next rung for {cause.value}", tuple(stopped)
            )
        stopped.append(f"{remedy.value}: {reason}")
    return Plan(Remedy.ESCALATE, f"no rung for {cause.value} is left", tuple(stopped))


def _stop(
    remedy: Remedy,
    *,
    rails: Rails,
    controls: Controls,
    actions: Sequence[Action],
    now: datetime,
    recurring: int,
    economics: Economics | None,
    changing: Sequence[str],
    service: Service | None,
) -> str | None:
    """Why a rung may not be taken. Looking is allowed in every mode; only what flaps is past looking at.

    A quarantine keeps broken hours from being learned, however often they come: no count stops it.
    """
    if remedy is Remedy.ESCALATE:
        return None
    if remedy is Remedy.WATCH:
        return flapping(rails, recurring)
    if remedy is Remedy.QUARANTINE:
        return controls.stop()
    return (
        _does_not_apply(remedy, service)
        or _held(remedy, controls, service)
        or flapping(rails, recurring)
        or stopped_by(remedy, rails, actions, now, economics.cost_usd if economics else 0.0, changing)
        or (economics.stop() if economics and remedy is Remedy.RETRAIN else None)
    )


def _does_not_apply(remedy: Remedy, service: Service | None) -> str | None:
    if remedy not in BY_SERVICE:
        return None
    return service.obstacle(remedy) if service else "what serves is not known"


def _held(remedy: Remedy, controls: Controls, service: Service | None) -> str | None:
    """Why people hold a rung, or None; where they want recommendations, with what it would ask for."""
    reason = controls.stop()
    request = service.request(remedy) if service and controls.mode is Mode.RECOMMEND else None
    return f"{reason}; it would ask for {request}" if reason and request else reason
