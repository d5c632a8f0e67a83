"""UpdateEndpointWeightsAndCapacities on the virtual clock: the same fleet, with other instance counts or weights.

InService ─▶ Updating ─ready─▶ InService (as desired)
                 └─unhealthy─▶ InService (as before, FailureReason)

New instances take traffic once they are healthy; those that go serve until then. SageMaker's guide does not say what
becomes of an endpoint whose new instances do not start: here it goes on with those that it had, as after an
UpdateEndpoint whose fleet does not start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from twin.endpoints.deployment import Surroundings
from twin.endpoints.errors import ProvisioningError, RefusedError
from twin.endpoints.fleet import Size, end
from twin.endpoints.state import IN_SERVICE, UPDATING, Endpoint
from twin.interfaces import TwinError

_FIELDS = frozenset({"VariantName", "DesiredWeight", "DesiredInstanceCount"})


def wanted_sizes(asked: Sequence[Mapping[str, Any]], sizes: Mapping[str, Size]) -> dict[str, Size]:
    """The size that each named variant is to have; what is not given of it stays as in `sizes`.

    RefusedError as the API would, TwinError for what the twin lacks.
    """
    wanted: dict[str, Size] = {}
    for each in asked:
        name = each["VariantName"]
        unknown = sorted(set(each) - _FIELDS)
        if unknown:
            raise TwinError(
                f"variant {name}: the twin does not act on {', '.join(unknown)} yet; leave it out"
            )
        if name not in sizes or name in wanted:
            reason = "given more than once" if name in wanted else "not one of the endpoint's"
            raise RefusedError(f'The variant name "{name}" is {reason}.')
        wanted[name] = Size(
            instances=each.get("DesiredInstanceCount", sizes[name].instances),
            weight=each.get("DesiredWeight", sizes[name].weight),
        )
        if wanted[name].instances < 1:
            raise RefusedError(f'DesiredInstanceCount of variant "{name}" must be at least 1.')
    if sum(size.instances != sizes[name].instances for name, size in wanted.items()) > 1:
        raise RefusedError("The capacity of no more than one variant can be changed at a time.")
    return wanted


class Resizing:
    """The call's work afterwards."""

    def __init__(self, endpoint: Endpoint, wanted: Mapping[str, Size], around: Surroundings) -> None:
        self._endpoint, self._around = endpoint, around
        self._started = around.clock.now
        for variant in endpoint.fleet.variants:
            variant.desired = wanted.get(variant.name)
        endpoint.failure_reason = None
        endpoint.enter(UPDATING, self._started)
        around.announce(endpoint)
        around.clock.at(self._started, self._launch, f"resize {endpoint.name}")

    @property
    def done(self) -> bool:
        return self._endpoint.status == IN_SERVICE

    def tick(self, now: datetime) -> None:
        """Nothing to watch: a change of size has no alarms and no timeout."""

    def stop(self) -> None:
        """Nothing beside the endpoint's own fleet."""

    def _launch(self) -> None:
        if self._provisioned(lambda: self._endpoint.fleet.grow(self._around.read_model)):
            ready = self._started + self._around.timing.provisioning
            self._around.clock.at(ready, self._admit, f"admit to {self._endpoint.name}")

    def _admit(self) -> None:
        if self._provisioned(lambda: self._endpoint.fleet.check_health(of_new=True)):
            self._settle()

    def _provisioned(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except ProvisioningError as error:
            self._endpoint.failure_reason = str(error)
            for variant in self._endpoint.fleet.variants:
                variant.desired = None
            self._settle()
            return False
        return True

    def _settle(self) -> None:
        """Have the desired size, or the one before where nothing is desired any more."""
        variants = self._endpoint.fleet.variants
        leaving = [i for variant in variants for i in variant.resize(variant.desired or variant.size)]
        self._around.route_to_fleet(self._endpoint)
        end(leaving)
        self._endpoint.enter(IN_SERVICE, self._around.clock.now)
        self._around.announce(self._endpoint)
