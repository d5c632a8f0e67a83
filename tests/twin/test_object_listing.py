from __future__ import annotations

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from twin import object_listing
from twin.patching import Patches

NAMES = st.lists(st.text("ab/", min_size=1, max_size=5), unique=True, max_size=12)


@pytest.fixture(scope="module")
def s3():
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


def pages(s3, bucket, arguments):
    found, more = [], {}
    while True:
        page = s3.list_objects_v2(Bucket=bucket, MaxKeys=3, **arguments, **more)
        found += [(item["Key"], item["ETag"]) for item in page.get("Contents", [])]
        if not page["IsTruncated"]:
            return found
        more = {"ContinuationToken": page["NextContinuationToken"]}


@given(
    names=NAMES,
    deleted=st.sets(st.integers(0, 11)),
    prefix=st.text("ab/", max_size=2),
    after=st.text("ab/", max_size=3),
)
def test_it_lists_what_moto_lists(s3, names, deleted, prefix, after):
    """A versioned bucket with rewritten and deleted objects, page by page, with and without the patch."""
    bucket = "bucket"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for place, name in enumerate(names):
        s3.put_object(Bucket=bucket, Key=name, Body=b"one")
        s3.put_object(Bucket=bucket, Key=name, Body=name.encode())
        if place in deleted:
            s3.delete_object(Bucket=bucket, Key=name)
    arguments = {"Prefix": prefix, **({"StartAfter": after} if after else {})}
    expected = pages(s3, bucket, arguments)
    patches = Patches()
    object_listing.attach(patches)
    try:
        assert pages(s3, bucket, arguments) == expected
    finally:
        patches.undo()
        for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        for marker in s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])
        s3.delete_bucket(Bucket=bucket)
