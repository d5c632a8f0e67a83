# ruff: noqa: N803 - parameters are called as AWS calls them
"""S3, the parameter store and SNS."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.response import StreamingBody

from machine.account.calls import Refused, Service


class Bucket(Service):
    """S3: what lies where. Buckets exist as soon as somebody writes into them."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.objects: dict[str, dict[str, tuple[bytes, str]]] = {}

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> dict[str, Any]:
        etag = f'"{hashlib.md5(Body, usedforsecurity=False).hexdigest()}"'
        self.objects.setdefault(Bucket, {})[Key] = (Body, etag)
        return {"ETag": etag}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        body, etag = self._find(Bucket, Key)
        return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ETag": etag}

    def copy_object(self, Bucket: str, Key: str, CopySource: dict[str, str]) -> dict[str, Any]:
        body, _ = self._find(CopySource["Bucket"], CopySource["Key"])
        if CopySource == {"Bucket": Bucket, "Key": Key}:
            raise Refused("InvalidRequest", "This copy request is illegal: it changes nothing.")
        return {"CopyObjectResult": self.put_object(Bucket, Key, body)}

    def list_objects_v2(
        self,
        Bucket: str,
        Prefix: str = "",
        StartAfter: str = "",
        ContinuationToken: str = "",
    ) -> dict[str, Any]:
        held = self.objects.get(Bucket, {})
        after = max(StartAfter, ContinuationToken)
        found = [
            {"Key": key, "ETag": held[key][1], "Size": len(held[key][0])}
            for key in sorted(held)
            if key.startswith(Prefix) and key > after
        ]
        return {"Contents": found, "IsTruncated": False} if found else {"IsTruncated": False}

    def _find(self, bucket: str, key: str) -> tuple[bytes, str]:
        try:
            return self.objects.get(bucket, {})[key]
        except KeyError:
            raise Refused("NoSuchKey", "The specified key does not exist.") from None


class Parameters(Service):
    """The parameter store."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get_parameter(self, Name: str) -> dict[str, Any]:
        if Name not in self.values:
            raise Refused("ParameterNotFound", f"Parameter {Name} not found.")
        return {"Parameter": {"Name": Name, "Value": self.values[Name]}}

    def get_parameters(self, Names: list[str]) -> dict[str, Any]:
        found = [{"Name": name, "Value": self.values[name]} for name in Names if name in self.values]
        return {
            "Parameters": found,
            "InvalidParameters": [name for name in Names if name not in self.values],
        }

    def put_parameter(
        self,
        Name: str,
        Value: str,
        Overwrite: bool = False,
        Type: str = "String",
    ) -> dict[str, Any]:
        if Name in self.values and not Overwrite:
            raise Refused("ParameterAlreadyExists", "The parameter already exists.")
        self.values[Name] = Value
        return {}


class Notices(Service):
    """SNS: what people were told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def publish(self, TopicArn: str, Message: str, Subject: str = "") -> dict[str, Any]:
        self.told.append(f"{Subject}\n{Message}")
        return {"MessageId": str(len(self.told))}
