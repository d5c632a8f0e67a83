"""IAM: roles and policies, kept as the template has them; who may do what is judged elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twin.template.resource import Created, Creator, Resource, only

ROLE_NAME_LENGTH = 64
POLICY_NAME_LENGTH = 128


def role(resource: Resource) -> Created:
    iam, name = resource.client("iam"), resource.name("RoleName", maximum=ROLE_NAME_LENGTH)
    made = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(resource.require("AssumeRolePolicyDocument")),
        **resource.arguments("Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags"),
    )["Role"]
    for arn in resource.take("ManagedPolicyArns", []):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    for policy in resource.take("Policies", []):
        only(resource, "Policies", policy, "PolicyName", "PolicyDocument")
        _put(iam, name, policy["PolicyName"], policy["PolicyDocument"])
    return Created(ref=name, attributes={"Arn": made["Arn"], "RoleId": made["RoleId"]})


def policy(resource: Resource) -> Created:
    name, document = resource.require("PolicyName"), resource.require("PolicyDocument")
    iam = resource.client("iam")
    for role_name in resource.require("Roles"):
        _put(iam, role_name, name, document)
    return Created(ref=name)


def managed_policy(resource: Resource) -> Created:
    iam, name = resource.client("iam"), resource.name("ManagedPolicyName", maximum=POLICY_NAME_LENGTH)
    made = iam.create_policy(
        PolicyName=name,
        PolicyDocument=json.dumps(resource.require("PolicyDocument")),
        **resource.arguments("Description", "Path"),
    )["Policy"]
    for role_name in resource.take("Roles", []):
        iam.attach_role_policy(RoleName=role_name, PolicyArn=made["Arn"])
    return Created(ref=made["Arn"], attributes={"PolicyArn": made["Arn"], "PolicyId": made["PolicyId"]})


def _put(iam: Any, role_name: str, name: str, document: Mapping[str, Any]) -> None:
    iam.put_role_policy(RoleName=role_name, PolicyName=name, PolicyDocument=json.dumps(document))


CREATORS: dict[str, Creator] = {
    "AWS::IAM::ManagedPolicy": managed_policy,
    "AWS::IAM::Policy": policy,
    "AWS::IAM::Role": role,
}
