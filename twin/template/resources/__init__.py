"""How each resource type is created: property → API parameter, one module per service family."""

from __future__ import annotations

from twin.template.resource import Created, Creator, Resource
from twin.template.resources import (
    autoscaling,
    buckets,
    cloudwatch,
    custom,
    functions,
    iam,
    keys,
    messaging,
    parameters,
    sagemaker,
    tables,
    workflows,
)


def _ignored(resource: Resource) -> Created:
    """AWS::CDK::Metadata counts constructs for AWS and makes nothing."""
    resource.take("Analytics")
    return Created(ref=resource.logical_id)


_CREATORS: dict[str, Creator] = {
    "AWS::CDK::Metadata": _ignored,
    "AWS::CloudFormation::CustomResource": custom.resource,
    **autoscaling.CREATORS,
    **buckets.CREATORS,
    **cloudwatch.CREATORS,
    **functions.CREATORS,
    **iam.CREATORS,
    **keys.CREATORS,
    **messaging.CREATORS,
    **parameters.CREATORS,
    **sagemaker.CREATORS,
    **tables.CREATORS,
    **workflows.CREATORS,
}


def creator_of(kind: str) -> Creator | None:
    """The creator of a resource type; None for a type that the twin does not know."""
    return custom.resource if kind.startswith("Custom::") else _CREATORS.get(kind)
