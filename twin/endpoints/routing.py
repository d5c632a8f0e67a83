"""Which instance answers a request: shares by error diffusion, instances by turns.

SageMaker draws at random. Error diffusion keeps the same shares exactly (a share of 50 % alternates), so that
a canary of few requests sees the share it was promised, in every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

from twin.endpoints.capture import CaptureSettings

Dimensions = dict[str, str]


class UnknownVariantError(Exception):
    """The request's target variant does not take traffic."""


@dataclass(kw_only=True)
class Target:
    """One variant of one fleet, as far as it takes traffic."""

    variant: str
    share: float  # of the endpoint's traffic, 0 to 1
    ports: Sequence[int]  # of the instances that take traffic
    dimensions: Sequence[Dimensions]  # the sets of dimensions under which its metrics are published
    capture: CaptureSettings | None
    _turns: Iterator[int] = field(init=False, repr=False)
    _credit: float = field(init=False, default=0.0, repr=False)

    def __post_init__(self) -> None:
        self._turns = cycle(self.ports)

    def next_port(self) -> int:
        return next(self._turns)


class Route:
    """The targets of one endpoint. One thread at a time: the gateway's."""

    def __init__(self, targets: Sequence[Target]) -> None:
        if not targets:
            raise ValueError("an endpoint in service has at least one target")
        self._targets = list(targets)

    @property
    def targets(self) -> Sequence[Target]:
        return self._targets

    def pick(self, variant: str | None = None) -> Target:
        """The next target; with `variant`, among that variant's fleets only (UnknownVariantError if none)."""
        if variant is None:
            candidates = self._targets
        else:
            candidates = [target for target in self._targets if target.variant == variant]
            if not candidates:
                raise UnknownVariantError(variant)
        if len(candidates) == 1:
            return candidates[0]
        total = sum(target.share for target in candidates)
        for target in candidates:
            target._credit += target.share / total
        chosen = max(candidates, key=lambda target: target._credit)
        chosen._credit -= 1.0
        return chosen
