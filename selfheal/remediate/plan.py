"""The next remedy: the lowest rung of the ladder that was not tried and that the rails let pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from selfheal.diagnose.causes import Cause
from selfheal.remediate.playbook import Playbook, Remedy, ladder
from selfheal.remediate.rails import Action, Mode, Rails, stopped_by


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
) -> Plan:
    """The rung to take. A rung that was tried, or that a rail stops, is never taken; the last is a person."""
    actions = list(history)
    stopped: list[str] = []
    for remedy in ladder(playbook, cause):
        if remedy in tried:
            stopped.append(f"{remedy.value}: was tried in this incident")
            continue
        reason = _stop(remedy, rails, controls, actions, now)
        if reason is None:
            return Plan(
                remedy, f"{remedy.value} is the playbook's next rung for {cause.value}", tuple(stopped)
            )
        stopped.append(f"{remedy.value}: {reason}")
    return Plan(Remedy.ESCALATE, f"no rung for {cause.value} is left", tuple(stopped))


def _stop(
    remedy: Remedy, rails: Rails, controls: Controls, actions: list[Action], now: datetime
) -> str | None:
    if remedy in (Remedy.WATCH, Remedy.ESCALATE):
        return None
    return controls.stop() or stopped_by(remedy, rails, actions, now)
