"""Application Auto Scaling: targets and policies."""

from __future__ import annotations

from twin.template.resource import Created, Creator, Resource, tag_map


def scalable_target(resource: Resource) -> Created:
    arguments = resource.arguments(
        "MaxCapacity",
        "MinCapacity",
        "ResourceId",
        "RoleARN",
        "ScalableDimension",
        "ServiceNamespace",
        "SuspendedState",
    )
    if tags := resource.take("Tags"):
        arguments["Tags"] = tag_map(tags)
    resource.client("application-autoscaling").register_scalable_target(**arguments)
    parts = ("ResourceId", "ScalableDimension", "ServiceNamespace")
    target = "|".join(arguments[part] for part in parts)
    return Created(ref=target, attributes={"Id": target})


def scaling_policy(resource: Resource) -> Created:
    arguments = resource.arguments(
        "PolicyName",
        "PolicyType",
        "ResourceId",
        "ScalableDimension",
        "ServiceNamespace",
        "StepScalingPolicyConfiguration",
        "TargetTrackingScalingPolicyConfiguration",
    )
    target = resource.take("ScalingTargetId")
    if target is not None:
        parts = ("ResourceId", "ScalableDimension", "ServiceNamespace")
        arguments |= dict(zip(parts, target.split("|"), strict=True))
    policy = resource.client("application-autoscaling").put_scaling_policy(**arguments)
    return Created(ref=policy["PolicyARN"], attributes={"Arn": policy["PolicyARN"]})


CREATORS: dict[str, Creator] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": scalable_target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": scaling_policy,
}
