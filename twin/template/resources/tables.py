"""DynamoDB: tables, in both of CloudFormation's spellings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin.interfaces import REGION
from twin.template.resource import Created, Creator, Resource, only


def table(resource: Resource) -> Created:
    arguments = resource.arguments(
        "AttributeDefinitions",
        "BillingMode",
        "DeletionProtectionEnabled",
        "GlobalSecondaryIndexes",
        "KeySchema",
        "LocalSecondaryIndexes",
        "ProvisionedThroughput",
        "TableClass",
        "Tags",
    )
    encryption = resource.take("SSESpecification")
    recovery = resource.take("PointInTimeRecoverySpecification")
    return _create(resource, arguments, encryption, recovery)


def global_table(resource: Resource) -> Created:
    """CDK's TableV2. The twin is one region, so the only replica is the table itself."""
    arguments = resource.arguments(
        "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema", "LocalSecondaryIndexes"
    )
    replicas = resource.require("Replicas")
    if [replica["Region"] for replica in replicas] != [REGION]:
        raise resource.error(f"Replicas must be {REGION} alone")
    replica = replicas[0]
    as_is = ("DeletionProtectionEnabled", "TableClass", "Tags")
    moved = ("Region", "SSESpecification", "PointInTimeRecoverySpecification")
    only(resource, "Replicas", replica, *as_is, *moved)
    arguments |= {name: replica[name] for name in as_is if name in replica}
    encryption = resource.take("SSESpecification")
    if encryption is not None:
        # The table says whether and how, the replica with which key.
        encryption = {**encryption, **replica.get("SSESpecification", {})}
    return _create(resource, arguments, encryption, replica.get("PointInTimeRecoverySpecification"))


def _create(
    resource: Resource,
    arguments: dict[str, Any],
    encryption: Mapping[str, Any] | None,
    recovery: Mapping[str, Any] | None,
) -> Created:
    dynamodb, name = resource.client("dynamodb"), resource.name("TableName")
    if stream := resource.take("StreamSpecification"):
        only(resource, "StreamSpecification", stream, "StreamViewType")
        arguments["StreamSpecification"] = {"StreamEnabled": True, **stream}
    if encryption is not None:
        only(resource, "SSESpecification", encryption, "SSEEnabled", "SSEType", "KMSMasterKeyId")
        names = {"SSEEnabled": "Enabled"}
        arguments["SSESpecification"] = {names.get(key, key): value for key, value in encryption.items()}
    made = dynamodb.create_table(TableName=name, **arguments)["TableDescription"]
    if recovery is not None:
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    if expiry := resource.take("TimeToLiveSpecification"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
    attributes = {"Arn": made["TableArn"]}
    if "LatestStreamArn" in made:
        attributes["StreamArn"] = made["LatestStreamArn"]
    return Created(ref=name, attributes=attributes)


CREATORS: dict[str, Creator] = {"AWS::DynamoDB::GlobalTable": global_table, "AWS::DynamoDB::Table": table}
