"""Deployment guardrails: the release policy in SageMaker's terms."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk.aws_sagemaker import CfnEndpoint

from selfheal.remediate.release_policy import ReleasePolicy, Strategy

_TYPES = {Strategy.ALL_AT_ONCE: "ALL_AT_ONCE", Strategy.CANARY: "CANARY", Strategy.LINEAR: "LINEAR"}


def deployment_config(policy: ReleasePolicy, alarms: Sequence[str]) -> CfnEndpoint.DeploymentConfigProperty:
    """How every update of the endpoint is rolled out and what sends it back.

    Args:
        policy: validated release policy, its waits in minutes.
        alarms: names of the alarms that roll an update back; without any there is no rollback at all.

    Raises:
        ValueError: no alarms, or more than the ten that SageMaker takes.
    """
    if not 1 <= len(alarms) <= 10:
        raise ValueError(f"auto-rollback takes 1 to 10 alarms, not {len(alarms)}")
    return CfnEndpoint.DeploymentConfigProperty(
        blue_green_update_policy=CfnEndpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=_routing(policy),
            termination_wait_in_seconds=policy.termination_wait_minutes * 60,
            maximum_execution_timeout_in_seconds=policy.timeout_minutes * 60,
        ),
        auto_rollback_configuration=CfnEndpoint.AutoRollbackConfigProperty(
            alarms=[CfnEndpoint.AlarmProperty(alarm_name=name) for name in alarms]
        ),
    )


def _routing(policy: ReleasePolicy) -> CfnEndpoint.TrafficRoutingConfigProperty:
    step = CfnEndpoint.CapacitySizeProperty(type="CAPACITY_PERCENT", value=policy.canary_percent)
    return CfnEndpoint.TrafficRoutingConfigProperty(
        type=_TYPES[policy.strategy],
        wait_interval_in_seconds=policy.bake_minutes * 60,
        canary_size=step if policy.strategy is Strategy.CANARY else None,
        linear_step_size=step if policy.strategy is Strategy.LINEAR else None,
    )
