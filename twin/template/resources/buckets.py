"""S3: buckets and their policies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twin.interfaces import REGION
from twin.template.resource import Created, Creator, Resource, only

NAME_LENGTH = 63


def bucket(resource: Resource) -> Created:
    s3, name = resource.client("s3"), resource.name("BucketName", maximum=NAME_LENGTH, lower=True)
    # One owner and no ACLs is what S3 has done for new buckets since April 2023; moto still does the older.
    ownership = resource.take("OwnershipControls", {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    s3.create_bucket(Bucket=name)
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=ownership)
    if versioning := resource.take("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    if access := resource.take("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=access)
    if encryption := resource.take("BucketEncryption"):
        s3.put_bucket_encryption(
            Bucket=name, ServerSideEncryptionConfiguration=_encryption(resource, encryption)
        )
    if lifecycle := resource.take("LifecycleConfiguration"):
        only(resource, "LifecycleConfiguration", lifecycle, "Rules")
        rules = [_lifecycle_rule(resource, rule) for rule in lifecycle["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    if tags := resource.take("Tags"):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    domain = f"{name}.s3.amazonaws.com"
    attributes = {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": domain,
        "RegionalDomainName": f"{name}.s3.{REGION}.amazonaws.com",
    }
    return Created(ref=name, attributes=attributes)


def bucket_policy(resource: Resource) -> Created:
    name = resource.require("Bucket")
    policy = json.dumps(resource.require("PolicyDocument"))
    resource.client("s3").put_bucket_policy(Bucket=name, Policy=policy)
    return Created(ref=name)


def _encryption(resource: Resource, encryption: Mapping[str, Any]) -> dict[str, Any]:
    prop, member = "BucketEncryption", "ServerSideEncryptionConfiguration"
    only(resource, prop, encryption, member)
    rules = []
    for rule in encryption[member]:
        only(resource, f"{prop}.{member}", rule, "ServerSideEncryptionByDefault", "BucketKeyEnabled")
        translated = {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
        if "BucketKeyEnabled" in rule:
            translated["BucketKeyEnabled"] = rule["BucketKeyEnabled"]
        rules.append(translated)
    return {"Rules": rules}


_TRANSITION = {"StorageClass": "StorageClass", "TransitionDate": "Date", "TransitionInDays": "Days"}
_NONCURRENT_TRANSITION = {
    "StorageClass": "StorageClass",
    "TransitionInDays": "NoncurrentDays",
    "NewerNoncurrentVersions": "NewerNoncurrentVersions",
}
_EXPIRATION = {
    "ExpirationDate": "Date",
    "ExpirationInDays": "Days",
    "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
}


def _lifecycle_rule(resource: Resource, rule: Mapping[str, Any]) -> dict[str, Any]:
    """CloudFormation's rule is flat where the API's nests."""
    prop = "LifecycleConfiguration.Rules"
    as_is = ("Status", "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration")
    moved = ("Id", "Prefix", "TagFilters", "Transitions", "NoncurrentVersionTransitions", *_EXPIRATION)
    only(resource, prop, rule, *as_is, *moved)
    translated: dict[str, Any] = {name: rule[name] for name in as_is if name in rule}
    translated["Filter"] = _filter(rule.get("Prefix", ""), rule.get("TagFilters", []))
    if "Id" in rule:
        translated["ID"] = rule["Id"]
    expiration = _renamed(resource, prop, {key: rule[key] for key in _EXPIRATION if key in rule}, _EXPIRATION)
    if expiration:
        translated["Expiration"] = expiration
    for name, names in (
        ("Transitions", _TRANSITION),
        ("NoncurrentVersionTransitions", _NONCURRENT_TRANSITION),
    ):
        if name in rule:
            translated[name] = [_renamed(resource, f"{prop}.{name}", item, names) for item in rule[name]]
    return translated


def _filter(prefix: str, tags: list[dict[str, str]]) -> dict[str, Any]:
    if not tags:
        return {"Prefix": prefix}
    if len(tags) == 1 and not prefix:
        return {"Tag": tags[0]}
    return {"And": {"Prefix": prefix, "Tags": tags}}


def _renamed(
    resource: Resource, prop: str, document: Mapping[str, Any], names: Mapping[str, str]
) -> dict[str, Any]:
    only(resource, prop, document, *names)
    return {names[key]: value for key, value in document.items()}


CREATORS: dict[str, Creator] = {"AWS::S3::Bucket": bucket, "AWS::S3::BucketPolicy": bucket_policy}
