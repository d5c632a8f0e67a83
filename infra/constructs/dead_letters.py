"""Where an event ends up that could not be delivered, so that nothing is lost without a trace."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.names import TRIGGERS_OF, Delivery, Names


class DeadLetters(sqs.Queue):
    """Keeps undelivered events for 14 days, SQS's longest.

    The rules are admitted by name: their stacks come later, and a queue that referred to them would have
    to be deployed after them.
    """

    def __init__(self, scope: Construct, *, delivery: Delivery, names: Names, key: kms.IKey) -> None:
        super().__init__(
            scope,
            f"{delivery.value}-dead-letters",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        rules = [
            Stack.of(self).format_arn(service="events", resource="rule", resource_name=names.rule(trigger))
            for trigger in TRIGGERS_OF[delivery]
        ]
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rules}},
            )
        )
