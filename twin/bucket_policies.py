"""Bucket policies with conditions, which moto judges as if the conditions were not there.

To moto, the statement that denies whatever comes without TLS denies everything. Calls to the twin count as
made over TLS, since that is how the account would be called; a statement with any other condition is one that
the twin cannot judge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from twin.interfaces import TwinError
from twin.patching import Patches

_WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def attach(patches: Patches) -> None:
    def get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(bucket.policy)
        statements = document["Statement"]
        listed = statements if isinstance(statements, list) else [statements]
        document["Statement"] = [each for each in listed if _applies(bucket.name, each)]
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)

    patches.replace(FakeBucket, "get_permission", get_permission)


def _applies(bucket: str, statement: Mapping[str, Any]) -> bool:
    condition = statement.get("Condition")
    if condition in (None, {}):
        return True
    if _as_text(condition) == _WITHOUT_TLS:
        return False
    raise TwinError(f"bucket {bucket}: the twin cannot judge the condition {condition} of its policy")


def _as_text(condition: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Booleans may be written as such or as strings."""
    return {
        operator: {key: str(value).lower() for key, value in keys.items()}
        for operator, keys in condition.items()
    }
