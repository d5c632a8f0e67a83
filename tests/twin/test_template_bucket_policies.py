"""The statement that demands TLS leaves calls to the twin alone; others deny as before."""

from __future__ import annotations

import inspect
import json

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.s3.models import FakeBucket

from twin import bucket_policies
from twin.interfaces import REGION, TwinError
from twin.patching import Patches


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    patches = Patches()
    with mock_aws():
        bucket_policies.attach(patches)
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket="flights")
        yield s3
        patches.undo()


def deny(**more):
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::flights/*"}
    return {"Version": "2012-10-17", "Statement": [{**statement, **more}]}


@pytest.mark.parametrize("false", ["false", False])
def test_a_bucket_that_demands_tls_can_be_written_to(s3, false):
    policy = deny(Condition={"Bool": {"aws:SecureTransport": false}})
    s3.put_bucket_policy(Bucket="flights", Policy=json.dumps(policy))
    s3.put_object(Bucket="flights", Key="k", Body=b"x")
    assert s3.get_object(Bucket="flights", Key="k")["Body"].read() == b"x"


def test_an_unconditional_denial_denies(s3):
    s3.put_bucket_policy(Bucket="flights", Policy=json.dumps(deny()))
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket="flights", Key="k", Body=b"x")


def test_another_condition_is_not_guessed(s3):
    policy = deny(Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}})
    s3.put_bucket_policy(Bucket="flights", Policy=json.dumps(policy))
    with pytest.raises(TwinError, match="StringNotEquals"):
        s3.put_object(Bucket="flights", Key="k", Body=b"x")


def test_contract_with_moto():
    assert list(inspect.signature(FakeBucket.get_permission).parameters) == ["self", "action", "resource"]
