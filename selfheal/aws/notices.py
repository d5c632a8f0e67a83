"""Notices to people, through the workload's SNS topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfheal.record.notice import Notice

if TYPE_CHECKING:
    from types_boto3_sns.client import SNSClient

# SNS refuses a longer subject.
LONGEST_SUBJECT = 100


class Notices:
    """The topic that people of one workload listen to."""

    def __init__(self, sns: SNSClient, topic: str) -> None:
        self._sns = sns
        self._topic = topic

    def tell(self, notice: Notice) -> None:
        self._sns.publish(TopicArn=self._topic, Subject=notice.subject[:LONGEST_SUBJECT], Message=notice.text)
