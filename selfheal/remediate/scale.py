"""Scale: more instances of what serves, where it is too slow for what is asked of it.

Errors are no reason: what answers wrongly on two instances does so on three. Application Auto Scaling stays in
charge of the fleet. A count that somebody else sets between its minimum and its maximum it takes as it finds it, and
takes instances away again only where each is asked for less than its target for long enough: where traffic made the
service slow the new instances stay, and where it did not they go by themselves. Beyond its maximum it would bring the
count back at once, so that is where scaling ends.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from selfheal.bounds import at_least, between, require
from selfheal.observe.signals import SignalKind

# Kinds of signals that more instances may help against.
SATURATION = (SignalKind.LATENCY,)


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """The size of the fleet.

    Attributes:
        instances: asked for now.
        maximum: that autoscaling may go to.
        step_percent: by how much of what there is one step raises it, rounded up to whole instances.
    """

    instances: int
    maximum: int
    step_percent: float

    def __post_init__(self) -> None:
        require(self, instances=at_least(0), maximum=at_least(1), step_percent=between(1, 1000))

    @property
    def raised(self) -> int:
        """Instances after one step, never beyond the maximum and never fewer than there are.

        >>> Capacity(instances=2, maximum=4, step_percent=50).raised
        3
        >>> Capacity(instances=4, maximum=4, step_percent=50).raised
        4
        """
        step = max(1, math.ceil(self.instances * self.step_percent / 100))
        return max(self.instances, min(self.maximum, self.instances + step))

    def obstacle(self, firing: Collection[SignalKind]) -> str | None:
        """Why scaling does not apply, or None where it does.

        Args:
            firing: kinds whose alarm is firing.
        """
        if not any(kind in SATURATION for kind in firing):
            kinds = " or ".join(kind.value for kind in SATURATION)
            return f"no alarm on {kinds} is firing, and more instances help against nothing else"
        if self.raised == self.instances:
            return f"{self.instances} instances are asked for, and {self.maximum} is the maximum"
        return None


def capacity_request(endpoint: str, variant: str, instances: int) -> dict[str, Any]:
    """Arguments of UpdateEndpointWeightsAndCapacities. The weight stays as it is."""
    desired = {"VariantName": variant, "DesiredInstanceCount": instances}
    return {"EndpointName": endpoint, "DesiredWeightsAndCapacities": [desired]}
