"""Small JSON documents and text files in S3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlparse

from botocore.exceptions import ClientError

from selfheal.aws.errors import Missing, is_missing

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/key` → (bucket, key); raises ValueError for anything else."""
    parsed = urlparse(uri)
    if parsed.scheme != "s3" or not parsed.netloc:
        raise ValueError(f"{uri!r} is not an s3:// address")
    return parsed.netloc, parsed.path.lstrip("/")


T = TypeVar("T")


class Listed(NamedTuple):
    """An object as a listing has it; its size is in bytes."""

    key: str
    etag: str
    size: int


class Objects:
    """One bucket, read through a cache of what did not change since it was last listed.

    A function's execution environment lives for many invocations, and the hours of a window hardly
    change: what was read and parsed once is read again only where its ETag is another.
    """

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket
        self._cache: dict[tuple[str, str], tuple[str, Any]] = {}

    def list(self, prefix: str, after: str = "", before: str = "") -> Iterator[Listed]:
        """Objects under a prefix, in order of their keys, from `after` (left out) up to `before` (left out)."""
        token: dict[str, Any] = {"StartAfter": after} if after else {}
        while True:
            page = self._s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **token)
            for item in page.get("Contents", []):
                if before and item["Key"] >= before:
                    return
                yield Listed(item["Key"], item["ETag"], item["Size"])
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def read(self, key: str, errors: str = "strict") -> str:
        """An object's text; raises Missing where there is none."""
        try:
            return self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode("utf-8", errors)
        except ClientError as error:
            if is_missing(error):
                raise Missing(f"s3://{self.bucket}/{key} does not exist") from error
            raise

    def parsed(self, key: str, etag: str, parse: Callable[[str, str], T], kind: str = "") -> T:
        """What `parse(text, key)` makes of an object, fetched and parsed anew only where its ETag changed.

        Args:
            kind: names the `parse`: an object may be read in several ways. The result is shared, so it must
                not be changed.
        """
        if self._cache.get((key, kind), ("",))[0] != etag:
            # One bad byte must cost one line, which `parse` then refuses or reads, and not the whole object.
            self._cache[key, kind] = (etag, parse(self.read(key, errors="surrogateescape"), key))
        parsed: T = self._cache[key, kind][1]
        return parsed

    def forget_before(self, prefix: str, key: str) -> None:
        """Drop cached objects of a prefix that lie before a key: the window has moved past them."""
        for stale in [cached for cached in self._cache if cached[0].startswith(prefix) and cached[0] < key]:
            del self._cache[stale]

    def read_json(self, key: str) -> Any:
        return json.loads(self.read(key))

    def write(self, key: str, text: str) -> str:
        """Write an object; returns its ETag."""
        return self._s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode("utf-8"))["ETag"]

    def write_parsed(self, key: str, body: Any, parsed: object) -> None:
        """Write JSON of which we hold the parsed form already, so that `parsed` need not fetch it."""
        self._cache[key, ""] = (self.write(key, _compact(body)), parsed)

    def write_json(self, key: str, body: Any) -> None:
        self.write(key, _compact(body))


def _compact(body: Any) -> str:
    return json.dumps(body, separators=(",", ":"), sort_keys=True)
