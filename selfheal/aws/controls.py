"""What people have set: the mode and the kill switch, read right before anything is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfheal.remediate.plan import Controls
from selfheal.remediate.rails import Mode

if TYPE_CHECKING:
    from types_boto3_ssm.client import SSMClient

OFF = "off"


class Stopped(Exception):
    """A change that people do not want made now; the message says why."""


class ControlPanel:
    """Two SSM parameters. The kill switch is "off", or says who pulled it and why."""

    def __init__(self, ssm: SSMClient, mode: str, kill_switch: str) -> None:
        self._ssm = ssm
        self._names = [mode, kill_switch]

    def read(self) -> Controls:
        """Controls as they stand. What is missing or unknown stops: fail towards hold."""
        found = {p["Name"]: p["Value"] for p in self._ssm.get_parameters(Names=self._names)["Parameters"]}
        mode, switch = (found.get(name) for name in self._names)
        if mode not in [m.value for m in Mode]:
            return Controls(
                mode=Mode.OBSERVE, kill_switch=f"parameter {self._names[0]} holds {mode!r}, which is no mode"
            )
        if switch is None:
            return Controls(mode=Mode.OBSERVE, kill_switch=f"parameter {self._names[1]} is missing")
        return Controls(mode=Mode(mode), kill_switch=None if switch == OFF else switch)

    def require_permission(self) -> None:
        """Raises Stopped where nothing may be changed."""
        reason = self.read().stop()
        if reason is not None:
            raise Stopped(reason)
