"""A fleet: the instances that one endpoint config asks for, by variant."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twin.endpoints.artifact import extract
from twin.endpoints.capture import CaptureSettings
from twin.endpoints.errors import ProvisioningError
from twin.endpoints.guardrails import Step
from twin.endpoints.instance import Instance
from twin.endpoints.routing import Target


@dataclass(frozen=True, kw_only=True)
class Container:
    """What to run: a Model's one container, its environment as SageMaker completes it."""

    model_data_url: str
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many instances a variant has, or is to have, and its weight among the variants."""

    instances: int
    weight: float


@dataclass(kw_only=True)
class Variant:
    """A production variant, planned and then running; `desired` where it is being resized.

    Of `instances` the first `instance_count` take traffic; the others are on their way.
    """

    name: str
    container: Container
    instance_count: int
    weight: float
    instances: list[Instance] = field(default_factory=list)
    desired: Size | None = None

    @property
    def size(self) -> Size:
        return Size(instances=self.instance_count, weight=self.weight)

    def summary(self) -> dict[str, Any]:
        """As DescribeEndpoint's ProductionVariants list it."""
        desired = self.desired or self.size
        return {
            "VariantName": self.name,
            "CurrentWeight": self.weight,
            "DesiredWeight": desired.weight,
            "CurrentInstanceCount": self.instance_count,
            "DesiredInstanceCount": desired.instances,
        }

    def resize(self, size: Size) -> list[Instance]:
        """Have that size from now on; returns the instances that are none of it."""
        kept, leaving = self.instances[: size.instances], self.instances[size.instances :]
        self.instances, self.instance_count, self.weight = kept, size.instances, size.weight
        self.desired = None
        return leaving


@dataclass(frozen=True, kw_only=True)
class FleetPlan:
    """An endpoint config, resolved: what to start."""

    config_name: str
    variants: Sequence[Variant]
    data_capture: Mapping[str, Any] | None


@dataclass(kw_only=True)
class Fleet:
    """Launch it, see that it is healthy, point traffic at it, stop it."""

    endpoint: str
    config_name: str
    variants: Sequence[Variant]
    data_capture: Mapping[str, Any] | None
    directory: Path
    startup_seconds: float  # real seconds an instance may take to load its model

    def launch(self, read_model: Callable[[str], bytes]) -> None:
        """Start every instance and return without waiting; `read_model` fetches an archive by URL.

        ProvisioningError if an archive cannot be had or trusted.
        """
        for variant in self.variants:
            self._start(variant, variant.instance_count, read_model)

    def grow(self, read_model: Callable[[str], bytes]) -> None:
        """Start the instances that variants which are being resized lack; otherwise as `launch`."""
        for variant in self.variants:
            if variant.desired and variant.desired.instances > len(variant.instances):
                self._start(variant, variant.desired.instances, read_model)

    def check_health(self, *, of_new: bool = False) -> None:
        """Wait for every instance and ping it; ProvisioningError names the first variant that fails.

        `of_new`: only those that take no traffic yet, where the fleet grows.
        """
        for variant in self.variants:
            asked = variant.instances[variant.instance_count if of_new else 0 :]
            if not all(instance.ping(self.startup_seconds) for instance in asked):
                raise ProvisioningError(
                    f"The primary container for production variant {variant.name} did not pass the ping "
                    "health check. Please check CloudWatch logs for this endpoint."
                )

    def stop(self) -> None:
        """End every process and remove the instances' files, but not their logs."""
        for variant in self.variants:
            end(variant.instances)
            variant.instances.clear()

    def _start(self, variant: Variant, up_to: int, read_model: Callable[[str], bytes]) -> None:
        archive = read_model(variant.container.model_data_url)
        for number in range(len(variant.instances), up_to):
            root = self.directory / variant.name / str(number) / "ml"
            extract(archive, root / "model")
            variant.instances.append(
                Instance(root, variant.container.environment, root.parent / "server.log")
            )

    def targets(self, *, share_left: Mapping[str, float], step: Step | None, by_config: bool) -> list[Target]:
        """The fleet's part of the endpoint's route.

        `share_left` is, by variant, the share of that variant's traffic which this fleet takes; `step` limits
        the instances that take it (None: all); `by_config` adds the metrics' third dimension.
        """
        capture = CaptureSettings.parse(self.data_capture)
        total_weight = sum(variant.weight for variant in self.variants)
        targets = []
        for variant in self.variants:
            share = variant.weight / total_weight * share_left.get(variant.name, 0.0)
            if share <= 0:
                continue
            taking = variant.instance_count if step is None else step.instances(variant.instance_count)
            targets.append(
                Target(
                    variant=variant.name,
                    share=share,
                    ports=[instance.port for instance in variant.instances[:taking]],
                    dimensions=self._dimensions(variant.name, by_config),
                    capture=capture,
                )
            )
        return targets

    def _dimensions(self, variant: str, by_config: bool) -> list[dict[str, str]]:
        pair = {"EndpointName": self.endpoint, "VariantName": variant}
        return [pair, {**pair, "EndpointConfigName": self.config_name}] if by_config else [pair]


def end(instances: Sequence[Instance]) -> None:
    """End the processes and remove their files, but not their logs."""
    for instance in instances:
        instance.stop()
        shutil.rmtree(instance.log.parent / "ml", ignore_errors=True)
