"""What of the service decides whether a remedy that goes by what serves, or served, applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from selfheal.observe.signals import SignalKind
from selfheal.remediate import fall_back
from selfheal.remediate.fall_back import Earlier
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.scale import Capacity

# Remedies that apply or not by what the service is like; all others apply wherever the playbook names them.
BY_SERVICE = (Remedy.SCALE, Remedy.REPLACE, Remedy.FALL_BACK, Remedy.REACTIVATE)


@dataclass(frozen=True, kw_only=True)
class Service:
    """The service at the moment of a decision.

    Attributes:
        config: the endpoint config that serves.
        firing: kinds whose alarm is firing.
        capacity: the size of the fleet; None where it is not known.
        barred: why the model that serves may not be deployed, as on fresh instances; None where it may.
        earlier: configs that served before, latest first, up to the first that may serve again.
    """

    config: str
    firing: tuple[SignalKind, ...]
    capacity: Capacity | None
    barred: str | None
    earlier: tuple[Earlier, ...]

    def obstacle(self, remedy: Remedy) -> str | None:
        """Why a remedy does not apply to this service, or None where it does."""
        if remedy is Remedy.SCALE:
            return self.capacity.obstacle(self.firing) if self.capacity else "its size is not known"
        if remedy is Remedy.REPLACE:
            return self.barred
        if remedy in (Remedy.FALL_BACK, Remedy.REACTIVATE):
            return fall_back.obstacle(self.earlier)
        return None

    def request(self, remedy: Remedy) -> str | None:
        """What a remedy that applies would ask AWS for, in words; None where that is not the service's to say."""
        if remedy is Remedy.SCALE and self.capacity:
            there, wanted = self.capacity.instances, self.capacity.raised
            return f"UpdateEndpointWeightsAndCapacities from {there} to {wanted} instances"
        if remedy is Remedy.REPLACE:
            return f"UpdateEndpoint from {self.config} to a copy of it on fresh instances"
        good = fall_back.last_good(self.earlier)
        if remedy is Remedy.FALL_BACK and good:
            return f"UpdateEndpoint from {self.config} to {good.config}"
        return None

    def to_json(self) -> dict[str, Any]:
        return {
            "config": self.config,
            "firing": [kind.value for kind in self.firing],
            "capacity": asdict(self.capacity) if self.capacity else None,
            "barred": self.barred,
            "earlier": [each.to_json() for each in self.earlier],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Service:
        return cls(
            config=body["config"],
            firing=tuple(SignalKind(kind) for kind in body["firing"]),
            capacity=Capacity(**body["capacity"]) if body["capacity"] else None,
            barred=body["barred"],
            earlier=tuple(Earlier.from_json(each) for each in body["earlier"]),
        )
