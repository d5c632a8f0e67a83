"""A log group of ours."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

FUNCTION_LOGS = "/aws/lambda/"
MACHINE_LOGS = "/aws/vendedlogs/states/"


class EncryptedLog(logs.LogGroup):
    """Kept for 90 days under the workload's key. What must outlive the stack is in the ledger, not here."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, key: kms.IKey) -> None:
        super().__init__(
            scope,
            construct_id,
            log_group_name=name,
            encryption_key=key,
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
