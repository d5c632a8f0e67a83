"""SageMaker's deployment guardrails as data: which DeploymentConfigs are legal, and what each one plans.

Pure: nothing here talks to moto or reads the clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from twin.endpoints.errors import RefusedError
from twin.interfaces import TwinError

_LIMITS = {  # seconds, as the API's model states them; botocore checks only the lower bounds
    "WaitIntervalInSeconds": (0, 3600),
    "TerminationWaitInSeconds": (0, 3600),
    "MaximumExecutionTimeoutInSeconds": (600, 28800),
}
_MAX_CANARY = 0.5
_LINEAR_STEP = (0.1, 0.5)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One shift of traffic: how much of the new fleet takes traffic, and how long that bakes."""

    capacity: float  # share of each variant's new instances that take traffic, and of the traffic they take
    bake: timedelta
    wait_name: str  # the parameter that the bake's length comes from

    def instances(self, total: int) -> int:
        """SageMaker shifts whole instances: a canary of 10 % of two instances is one instance.

        How it rounds otherwise is not documented; rounding down never exceeds what was asked.
        """
        return max(1, math.floor(self.capacity * total + 1e-9))


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """What a deployment is going to do."""

    steps: tuple[Step, ...]
    alarms: tuple[str, ...] = ()
    timeout: timedelta | None = None


ALL_AT_ONCE = Rollout(steps=(Step(capacity=1.0, bake=timedelta(), wait_name="TerminationWaitInSeconds"),))


def check(config: Mapping[str, Any] | None, *, variant_sizes: Mapping[str, int]) -> Rollout:
    """The rollout that a DeploymentConfig asks for; None is SageMaker's default, all at once without a bake.

    `variant_sizes` are the instance counts by variant of the fleet that will be deployed. Raises
    RefusedError as the API would, TwinError for what the twin lacks.
    """
    if not config:
        return ALL_AT_ONCE
    alarms = _alarms(config)
    policy = config.get("BlueGreenUpdatePolicy")
    if "RollingUpdatePolicy" in config:
        if policy is not None:
            raise RefusedError("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
        raise TwinError("the twin has no RollingUpdatePolicy yet: deploy with BlueGreenUpdatePolicy")
    if policy is None:
        return Rollout(steps=ALL_AT_ONCE.steps, alarms=alarms)
    _check_limits(policy)
    steps = _steps(policy, min(variant_sizes.values()))
    timeout = policy.get("MaximumExecutionTimeoutInSeconds")
    waits = sum((step.bake for step in steps), timedelta())
    if timeout is not None and timedelta(seconds=timeout) <= waits:
        raise RefusedError(
            f"MaximumExecutionTimeoutInSeconds ({timeout}) must be larger than the total waiting time "
            f"of the deployment ({waits.total_seconds():.0f} seconds)."
        )
    return Rollout(
        steps=steps, alarms=alarms, timeout=None if timeout is None else timedelta(seconds=timeout)
    )


def check_same_variants(old: Sequence[str], new: Sequence[str]) -> None:
    """Guardrails pair the two fleets' variants by name."""
    if sorted(old) != sorted(new):
        raise RefusedError(
            "A deployment with guardrails requires the same variant names in both endpoint configurations: "
            f"the endpoint serves {sorted(old)}, the new configuration has {sorted(new)}."
        )


def _alarms(config: Mapping[str, Any]) -> tuple[str, ...]:
    if "AutoRollbackConfiguration" not in config:
        return ()
    alarms = config["AutoRollbackConfiguration"].get("Alarms", [])
    if not 1 <= len(alarms) <= 10:
        raise RefusedError("AutoRollbackConfiguration takes 1 to 10 alarms.")
    return tuple(alarm["AlarmName"] for alarm in alarms)


def _check_limits(policy: Mapping[str, Any]) -> None:
    given = {**policy, **policy["TrafficRoutingConfiguration"]}
    for name, (low, high) in _LIMITS.items():
        if name in given and not low <= given[name] <= high:
            raise RefusedError(f"{name} must be between {low} and {high} seconds, not {given[name]}.")


def _steps(policy: Mapping[str, Any], smallest_variant: int) -> tuple[Step, ...]:
    routing = policy["TrafficRoutingConfiguration"]
    wait = timedelta(seconds=routing["WaitIntervalInSeconds"])
    last = Step(
        capacity=1.0,
        bake=timedelta(seconds=policy.get("TerminationWaitInSeconds", 0)),
        wait_name="TerminationWaitInSeconds",
    )
    kind = routing["Type"]
    _refuse_foreign_size(routing, kind)
    if kind == "ALL_AT_ONCE":
        return (last,)
    if kind == "CANARY":
        share = _share(routing, "CanarySize", smallest_variant)
        if share > _MAX_CANARY:
            raise RefusedError("CanarySize must be at most 50 % of the variant's capacity.")
        return (Step(capacity=share, bake=wait, wait_name="WaitIntervalInSeconds"), last)
    if kind == "LINEAR":
        share = _share(routing, "LinearStepSize", smallest_variant)
        if not _LINEAR_STEP[0] <= share <= _LINEAR_STEP[1]:
            raise RefusedError("LinearStepSize must be 10 to 50 % of the variant's capacity.")
        return (*_linear(share, wait), last)
    raise RefusedError(f"TrafficRoutingConfiguration has no Type {kind!r}.")


def _linear(share: float, wait: timedelta) -> list[Step]:
    before_last = math.ceil(1 / share - 1e-9) - 1
    return [
        Step(capacity=share * n, bake=wait, wait_name="WaitIntervalInSeconds")
        for n in range(1, before_last + 1)
    ]


def _refuse_foreign_size(routing: Mapping[str, Any], kind: str) -> None:
    for name, owner in (("CanarySize", "CANARY"), ("LinearStepSize", "LINEAR")):
        if name in routing and kind != owner:
            raise RefusedError(f"{name} is not allowed with traffic routing type {kind}.")


def _share(routing: Mapping[str, Any], parameter: str, smallest_variant: int) -> float:
    """The size as a share of the capacity of the smallest variant."""
    if parameter not in routing:
        raise RefusedError(f"{parameter} is required with traffic routing type {routing['Type']}.")
    if smallest_variant < 2:
        raise RefusedError(
            f"Traffic routing type {routing['Type']} requires at least 2 instances per variant, "
            f"the new fleet has {smallest_variant}."
        )
    kind, value = routing[parameter]["Type"], routing[parameter]["Value"]
    if kind == "INSTANCE_COUNT":
        return float(value) / smallest_variant
    if kind == "CAPACITY_PERCENT":
        return float(value) / 100
    raise RefusedError(f"{parameter} has no Type {kind!r}.")
