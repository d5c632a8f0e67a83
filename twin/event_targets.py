"""The last step of an event: handing it to a rule's target, or to the target's dead-letter queue."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from moto.sns.exceptions import SNSNotFoundError
from moto.sns.models import sns_backends
from moto.sqs.exceptions import QueueDoesNotExist
from moto.sqs.models import sqs_backends
from moto.stepfunctions.exceptions import StateMachineDoesNotExist
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from twin.asynchronous import AsyncInvocations, NoSuchFunctionError, keep, queue_name
from twin.event_input import target_input
from twin.interfaces import ACCOUNT_ID, REGION, TwinError

LOG = logging.getLogger(__name__)

_PARAMETERS = {
    "Arn",
    "DeadLetterConfig",
    "Id",
    "Input",
    "InputPath",
    "InputTransformer",
    "RetryPolicy",
    "RoleArn",
    "SqsParameters",
}


@dataclass(frozen=True, kw_only=True)
class FailedDelivery:
    """An event that EventBridge could not hand to a target; `dead_letter_arn` is None if it is lost."""

    event: Mapping[str, Any]
    rule: str
    target_arn: str
    code: str
    message: str
    dead_letter_arn: str | None


class _UndeliverableError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Targets:
    """Delivers to Lambda functions, state machines, topics and queues.

    EventBridge retries what may pass (throttling, time-outs), for which RetryPolicy is meant. None of
    that happens here: what fails is a target that does not exist, and it goes to the dead-letter queue
    at once, as on AWS. A function that raises is not EventBridge's matter but that of Lambda's own
    retries (`AsyncInvocations`), as on AWS.
    """

    def __init__(self, invocations: AsyncInvocations) -> None:
        self._invocations = invocations
        self.failed: list[FailedDelivery] = []

    def deliver(self, target: Mapping[str, Any], rule: Any, event: Mapping[str, Any]) -> None:
        text = target_input(target, {"Name": rule.name, "Arn": rule.arn}, event)
        try:
            self._senders()[_service(target["Arn"])](target, text, event)
        except _UndeliverableError as failure:
            self._give_up(failure, target, rule, event)

    def _senders(self) -> dict[str, Callable[[Mapping[str, Any], str, Mapping[str, Any]], None]]:
        return {"lambda": self._invoke, "states": self._start, "sns": _publish, "sqs": _send}

    def _invoke(self, target: Mapping[str, Any], text: str, event: Mapping[str, Any]) -> None:
        del event
        try:
            self._invocations.invoke(target["Arn"], text.encode())
        except NoSuchFunctionError as error:
            raise _UndeliverableError("NO_RESOURCE", str(error)) from error

    def _start(self, target: Mapping[str, Any], text: str, event: Mapping[str, Any]) -> None:
        # Each delivery is an execution of its own, a duplicate of an event too: the event's id alone
        # would hide from a workflow that EventBridge delivers at least once.
        name = f"{event['id']}_{uuid4()}"
        try:
            stepfunctions_parser_backends[ACCOUNT_ID][REGION].start_execution(target["Arn"], name, text)
        except StateMachineDoesNotExist as error:
            raise _UndeliverableError("NO_RESOURCE", str(error)) from error

    def _give_up(
        self, failure: _UndeliverableError, target: Mapping[str, Any], rule: Any, event: Mapping[str, Any]
    ) -> None:
        arn = target.get("DeadLetterConfig", {}).get("Arn")
        lost = FailedDelivery(
            event=event,
            rule=rule.name,
            target_arn=target["Arn"],
            code=failure.code,
            message=str(failure),
            dead_letter_arn=arn,
        )
        self.failed.append(lost)
        if arn is None:
            LOG.error("event %s for rule %s is lost: %s: %s", event["id"], rule.name, failure.code, failure)
            return
        attributes = {
            "RULE_ARN": rule.arn,
            "TARGET_ARN": target["Arn"],
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": str(failure),
            "RETRY_ATTEMPTS": "0",
        }
        keep(arn, json.dumps(event), attributes)


def check_target(rule: str, target: Mapping[str, Any]) -> None:
    """Refuse, where it is put, a target that `deliver` could not serve."""
    if unknown := set(target) - _PARAMETERS:
        raise TwinError(f"rule {rule}: target parameters {', '.join(sorted(unknown))} are not in the twin")
    if _service(target["Arn"]) not in ("lambda", "states", "sns", "sqs"):
        raise TwinError(f"rule {rule}: target {target['Arn']} is no function, state machine, topic or queue")


def _service(arn: str) -> str:
    return arn.split(":")[2]


def _publish(target: Mapping[str, Any], text: str, event: Mapping[str, Any]) -> None:
    del event
    try:
        sns_backends[ACCOUNT_ID][REGION].publish(message=text, arn=target["Arn"])
    except SNSNotFoundError as error:
        raise _UndeliverableError("NO_RESOURCE", str(error)) from error


def _send(target: Mapping[str, Any], text: str, event: Mapping[str, Any]) -> None:
    del event
    group = target.get("SqsParameters", {}).get("MessageGroupId")
    try:
        sqs_backends[ACCOUNT_ID][REGION].send_message(queue_name(target["Arn"]), text, group_id=group)
    except QueueDoesNotExist as error:
        raise _UndeliverableError("NO_RESOURCE", str(error)) from error
