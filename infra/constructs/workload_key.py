"""The key of a workload, and the services that may use it on their own behalf."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.constructs.encrypted_log import FUNCTION_LOGS, MACHINE_LOGS
from infra.names import Names


class WorkloadKey(kms.Key):
    """Rotating key for everything that holds data. Roles of the account get their share through grants; the
    two services that encrypt before any role is involved are named here."""

    def __init__(self, scope: Construct, construct_id: str, *, names: Names) -> None:
        super().__init__(
            scope,
            construct_id,
            alias=f"alias/selfheal/{names.workload}",
            description=f"Everything that {names.workload} stores",
            enable_key_rotation=True,
        )
        self._let_logs_encrypt(names)
        self._let_events_reach_dead_letters()

    def _let_logs_encrypt(self, names: Names) -> None:
        groups = [
            Stack.of(self).format_arn(
                service="logs",
                resource="log-group",
                resource_name=f"{prefix}{names.workload}-*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for prefix in (FUNCTION_LOGS, MACHINE_LOGS)
        ]
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
                actions=[
                    "kms:Encrypt",
                    "kms:Decrypt",
                    "kms:ReEncrypt*",
                    "kms:GenerateDataKey*",
                    "kms:Describe*",
                ],
                resources=["*"],  # in a key's own policy: this key
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            )
        )

    def _let_events_reach_dead_letters(self) -> None:
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],  # in a key's own policy: this key
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
