"""SNS and SQS: topics, subscriptions, queues and their policies."""

from __future__ import annotations

import json
from typing import Any

from twin.template.resource import Created, Creator, Resource, only, tag_map

TOPIC_NAME_LENGTH = 256
QUEUE_NAME_LENGTH = 80


def topic(resource: Resource) -> Created:
    sns, name = resource.client("sns"), resource.name("TopicName", maximum=TOPIC_NAME_LENGTH)
    attributes = _attributes(
        resource,
        "ContentBasedDeduplication",
        "DisplayName",
        "FifoTopic",
        "KmsMasterKeyId",
        "SignatureVersion",
        "TracingConfig",
    )
    arn = sns.create_topic(Name=name, Attributes=attributes, Tags=resource.take("Tags", []))["TopicArn"]
    for subscribed in resource.take("Subscription", []):
        only(resource, "Subscription", subscribed, "Endpoint", "Protocol")
        sns.subscribe(TopicArn=arn, **subscribed)
    return Created(ref=arn, attributes={"TopicArn": arn, "TopicName": name})


def topic_policy(resource: Resource) -> Created:
    policy = json.dumps(resource.require("PolicyDocument"))
    for arn in resource.require("Topics"):
        resource.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=policy
        )
    return Created(ref=f"{resource.stack}-{resource.logical_id}")


def subscription(resource: Resource) -> Created:
    attributes = _attributes(
        resource,
        "DeliveryPolicy",
        "FilterPolicy",
        "FilterPolicyScope",
        "RawMessageDelivery",
        "RedrivePolicy",
        "SubscriptionRoleArn",
    )
    arguments = resource.arguments("Endpoint", "Protocol", "TopicArn")
    made = resource.client("sns").subscribe(Attributes=attributes, ReturnSubscriptionArn=True, **arguments)
    return Created(ref=made["SubscriptionArn"], attributes={"Arn": made["SubscriptionArn"]})


def queue(resource: Resource) -> Created:
    sqs, name = resource.client("sqs"), resource.name("QueueName", maximum=QUEUE_NAME_LENGTH)
    attributes = _attributes(
        resource,
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "DelaySeconds",
        "FifoQueue",
        "FifoThroughputLimit",
        "KmsDataKeyReusePeriodSeconds",
        "KmsMasterKeyId",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "ReceiveMessageWaitTimeSeconds",
        "RedriveAllowPolicy",
        "RedrivePolicy",
        "SqsManagedSseEnabled",
        "VisibilityTimeout",
    )
    tags = tag_map(resource.take("Tags"))
    url = sqs.create_queue(QueueName=name, Attributes=attributes, tags=tags)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Created(ref=url, attributes={"Arn": arn, "QueueName": name, "QueueUrl": url})


def queue_policy(resource: Resource) -> Created:
    policy = json.dumps(resource.require("PolicyDocument"))
    for url in resource.require("Queues"):
        resource.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return Created(ref=f"{resource.stack}-{resource.logical_id}")


def _attributes(resource: Resource, *names: str) -> dict[str, str]:
    """Both services take every attribute as a string, and documents as JSON."""
    return {name: _text(value) for name, value in resource.arguments(*names).items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


CREATORS: dict[str, Creator] = {
    "AWS::SNS::Subscription": subscription,
    "AWS::SNS::Topic": topic,
    "AWS::SNS::TopicPolicy": topic_policy,
    "AWS::SQS::Queue": queue,
    "AWS::SQS::QueuePolicy": queue_policy,
}
