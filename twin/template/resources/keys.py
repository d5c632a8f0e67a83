"""KMS: keys and aliases."""

from __future__ import annotations

import json

from twin.template.resource import Created, Creator, Resource


def key(resource: Resource) -> Created:
    kms = resource.client("kms")
    arguments = resource.arguments("Description", "KeySpec", "KeyUsage", "MultiRegion", "Origin")
    if document := resource.take("KeyPolicy"):
        arguments["Policy"] = json.dumps(document)
    arguments["Tags"] = [
        {"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in resource.take("Tags", [])
    ]
    made = kms.create_key(**arguments)["KeyMetadata"]
    rotation = resource.arguments("RotationPeriodInDays")
    if resource.take("EnableKeyRotation", False):
        kms.enable_key_rotation(KeyId=made["KeyId"], **rotation)
    if not resource.take("Enabled", True):
        kms.disable_key(KeyId=made["KeyId"])
    # Used when the key is deleted, which the twin never does.
    resource.take("PendingWindowInDays")
    return Created(ref=made["KeyId"], attributes={"Arn": made["Arn"], "KeyId": made["KeyId"]})


def alias(resource: Resource) -> Created:
    arguments = resource.arguments("AliasName", "TargetKeyId")
    resource.client("kms").create_alias(**arguments)
    return Created(ref=arguments["AliasName"])


CREATORS: dict[str, Creator] = {"AWS::KMS::Alias": alias, "AWS::KMS::Key": key}
