"""How an event reaches what it starts: retried for a while, and never lost in silence."""

from __future__ import annotations

from typing import TypedDict

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.stores import Stores
from infra.names import Delivery


class DeliveryOptions(TypedDict):
    dead_letter_queue: sqs.IQueue
    max_event_age: Duration
    retry_attempts: int


def delivery_options(scope: Construct, stores: Stores, delivery: Delivery) -> DeliveryOptions:
    """Options of a rule's target. An event that is two hours old is news no more: the sweep knows better.

    The queue is referred to by its ARN, since its own policy admits our rules by name already; the target
    would otherwise add a statement that makes the data stack depend on this one.
    """
    arn = stores.dead_letters[delivery].queue_arn
    queue = sqs.Queue.from_queue_arn(scope, f"{delivery.value}-dead-letters", arn)
    return DeliveryOptions(dead_letter_queue=queue, max_event_age=Duration.hours(2), retry_attempts=8)
