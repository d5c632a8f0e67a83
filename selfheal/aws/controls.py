"""What people have set: the mode and the kill switch, read right before anything is changed."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from selfheal.remediate.plan import Controls
from selfheal.remediate.rails import Mode

if TYPE_CHECKING:
    from types_boto3_ssm.client import SSMClient

OFF = "off"


class Stopped(Exception):
    """A change that people do not want made now; the message says why."""


class ControlPanel:
    """Two SSM parameters: the mode, and the kill switch as `kill_switch` reads it."""

    def __init__(self, ssm: SSMClient, mode: str, kill_switch: str) -> None:
        self._ssm = ssm
        self._names = [mode, kill_switch]

    def read(self, now: datetime) -> Controls:
        """Controls as they stand. What is missing or unknown stops: fail towards hold.

        Args:
            now: the moment at which the end of the kill switch is judged.
        """
        found = {p["Name"]: p["Value"] for p in self._ssm.get_parameters(Names=self._names)["Parameters"]}
        mode, switch = (found.get(name) for name in self._names)
        if mode not in [m.value for m in Mode]:
            return Controls(
                mode=Mode.OBSERVE, kill_switch=f"parameter {self._names[0]} holds {mode!r}, which is no mode"
            )
        if switch is None:
            return Controls(mode=Mode.OBSERVE, kill_switch=f"parameter {self._names[1]} is missing")
        return Controls(mode=Mode(mode), kill_switch=kill_switch(switch, now))

    def require_permission(self, now: datetime) -> None:
        """Raises Stopped where nothing may be changed; `now` as in `read`."""
        reason = self.read(now).stop()
        if reason is not None:
            raise Stopped(reason)


def kill_switch(text: str, now: datetime) -> str | None:
    """Why nothing may be changed, or None while the switch is off.

    "off" is off. `{"who": …, "why": …, "until": …}` is on until a moment (ISO 8601 with an offset), or for
    good where `until` is null or left out. Everything else is on for good and read as the reason, be it a
    sentence or an object with something wrong in it: a typing error must not set healing free.

    >>> from datetime import datetime, timezone
    >>> noon = datetime(2024, 5, 3, 12, tzinfo=timezone.utc)
    >>> kill_switch('{"who": "ann", "why": "audit", "until": "2024-05-03T18:00:00Z"}', noon)
    'ann: audit, until 2024-05-03T18:00:00+00:00'
    >>> kill_switch('{"who": "ann", "why": "audit", "until": "2024-05-03T12:00:00Z"}', noon) is None
    True
    """
    if text == OFF:
        return None
    if not text.lstrip().startswith("{"):
        return text
    try:
        who, why, until = _fields(json.loads(text))
    except (ValueError, RecursionError) as error:
        return f"it cannot be read, so it is on: {error}; it holds {text}"
    if until is None:
        return f"{who}: {why}"
    return None if now >= until else f"{who}: {why}, until {until.isoformat()}"


def _fields(body: dict[str, Any]) -> tuple[str, str, datetime | None]:
    """Who, why and until; raises ValueError naming what is wrong."""
    unknown = sorted(set(body) - {"who", "why", "until"})
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: expected who, why and until alone")
    who, why, until = body.get("who"), body.get("why"), body.get("until")
    if not (isinstance(who, str) and who.strip() and isinstance(why, str) and why.strip()):
        raise ValueError("who and why must be texts")
    if until is None:
        return who, why, None
    try:
        moment = datetime.fromisoformat(until.replace("Z", "+00:00"))
    except (ValueError, AttributeError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"until = {until!r}: expected a moment such as 2024-05-03T18:00:00+00:00, or null")
    return who, why, moment
