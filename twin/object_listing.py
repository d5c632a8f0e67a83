"""Listing objects without looking at all of them.

moto goes through every key of a bucket, and every version of it, for each page that is asked for. A replay of
weeks lists a bucket of thousands of objects thousands of times; names alone tell which few are wanted.
"""

from __future__ import annotations

from typing import Any

from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend

from twin.patching import Patches


def attach(patches: Patches) -> None:
    def list_objects_v2(
        backend: S3Backend,
        bucket: FakeBucket,
        prefix: str | None,
        delimiter: str | None,
        continuation_token: str | None,
        start_after: str | None,
        max_keys: int,
    ) -> tuple[Any, bool, str | None]:
        if delimiter or continuation_token:
            answer: tuple[Any, bool, str | None] = original(
                backend, bucket, prefix, delimiter, continuation_token, start_after, max_keys
            )
            return answer
        wanted, after = prefix or "", start_after or ""
        names = sorted(name for name in bucket.keys if name.startswith(wanted) and name > after)
        found = [key for key in map(bucket.keys.__getitem__, names) if not isinstance(key, FakeDeleteMarker)]
        page: tuple[Any, bool, str | None] = backend._truncate_result(found, max_keys)
        return page

    original = patches.replace(S3Backend, "list_objects_v2", list_objects_v2)
