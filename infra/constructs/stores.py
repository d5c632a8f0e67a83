"""What outlives every release: the things of the data stack that the other stacks work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from infra.names import Delivery


@dataclass(frozen=True, kw_only=True)
class Stores:
    """The key, and everything that is encrypted with it and holds state."""

    key: kms.IKey
    bucket: s3.IBucket
    ledger: dynamodb.ITable
    notices: sns.ITopic
    dead_letters: Mapping[Delivery, sqs.IQueue]
