"""Lambda's asynchronous invocations: the queue between a service that fires an event and a function.

A function that raises is retried by Lambda, twice unless its event invoke config says otherwise, one
minute after the first failure and two after the second; then the event goes to the config's
on-failure destination and to the function's dead-letter queue, if there are any.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from twin.clock import iso_z
from twin.interfaces import ACCOUNT_ID, REGION, Clock, Functions, Invocation, TwinError
from twin.patching import Patches

LOG = logging.getLogger(__name__)

DEFAULT_RETRIES = 2
RETRY_DELAYS = (timedelta(minutes=1), timedelta(minutes=2))


class NoSuchFunctionError(Exception):
    """The function does not exist, so that nothing was queued."""


@dataclass(frozen=True, kw_only=True)
class FailedInvocation:
    """An event that a function did not manage to process; nowhere is it kept if `kept_at` is empty."""

    last: Invocation
    attempts: int
    kept_at: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Request:
    id: str
    function: str
    payload: bytes


class AsyncInvocations:
    def __init__(self, clock: Clock, functions: Functions) -> None:
        self._clock = clock
        self._functions = functions
        self._dead_letter_arns: dict[str, str] = {}
        self.failed: list[FailedInvocation] = []

    def attach(self, patches: Patches) -> None:
        """Learn the functions' dead-letter queues, which moto drops."""
        arns = self._dead_letter_arns

        def init(
            function: Any, account_id: str, spec: dict[str, Any], region: str, version: int | str = 1
        ) -> None:
            original(function, account_id, spec, region, version)
            if arn := spec.get("DeadLetterConfig", {}).get("TargetArn"):
                arns[function.function_name] = arn

        original = patches.replace(LambdaFunction, "__init__", init)

    def invoke(self, function: str, payload: bytes) -> None:
        """Run the function, by name or ARN, now; repeat on the virtual clock while it raises."""
        name = _unqualified(function)
        _config(name)
        self._attempt(_Request(id=str(uuid4()), function=name, payload=payload), 1)

    def _attempt(self, request: _Request, number: int) -> None:
        invocation = self._functions.invoke(request.function, request.payload)
        if not invocation.errored:
            return
        config = _config(request.function)
        if number <= config.get("MaximumRetryAttempts", DEFAULT_RETRIES):
            self._clock.at(
                self._clock.now + RETRY_DELAYS[number - 1],
                lambda: self._attempt(request, number + 1),
                f"retry {number} of {request.function}",
            )
        else:
            self._give_up(request, invocation, number, config)

    def _give_up(self, request: _Request, last: Invocation, attempts: int, config: Mapping[str, Any]) -> None:
        destination = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if destination:
            keep(destination, json.dumps(self._record(request, last, attempts)), {})
        dead_letter = self._dead_letter_arns.get(request.function)
        if dead_letter:
            error = {"RequestID": request.id, "ErrorCode": "200", "ErrorMessage": last.result.decode()[:1024]}
            keep(dead_letter, request.payload.decode(), error)
        kept_at = tuple(arn for arn in (destination, dead_letter) if arn)
        self.failed.append(FailedInvocation(last=last, attempts=attempts, kept_at=kept_at))
        log = LOG.warning if kept_at else LOG.error
        log("%s failed %d times and gave up: %s", request.function, attempts, last.result.decode())

    def _record(self, request: _Request, last: Invocation, attempts: int) -> dict[str, Any]:
        """An on-failure destination's document."""
        return {
            "version": "1.0",
            "timestamp": iso_z(self._clock.now, "milliseconds"),
            "requestContext": {
                "requestId": request.id,
                "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{request.function}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": json.loads(request.payload),
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "responsePayload": json.loads(last.result),
        }


def queue_name(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]


def _unqualified(function: str) -> str:
    parts = function.split(":")
    if len(parts) == 1:
        return function
    if len(parts) != 7:
        raise TwinError(f"asynchronous invocation of {function}: the twin has no versions or aliases")
    return parts[6]


def _config(name: str) -> Mapping[str, Any]:
    try:
        function = lambda_backends[ACCOUNT_ID][REGION].get_function(name)
    except UnknownFunctionException as error:
        raise NoSuchFunctionError(f"there is no function {name}") from error
    if not function.event_invoke_config:
        return {}
    # moto appends each config that is put; the last one holds.
    config: dict[str, Any] = function.event_invoke_config[-1].config
    if config.get("DestinationConfig", {}).get("OnSuccess"):
        raise TwinError(f"function {name}: on-success destinations are not in the twin")
    if "MaximumEventAgeInSeconds" in config:
        raise TwinError(f"function {name}: MaximumEventAgeInSeconds is not in the twin, leave it out")
    return config


def keep(arn: str, text: str, attributes: Mapping[str, str]) -> None:
    """Store what failed in a queue, with string attributes, or publish it to a topic."""
    service = arn.split(":")[2]
    if service == "sqs":
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        sqs_backends[ACCOUNT_ID][REGION].send_message(queue_name(arn), text, message_attributes=typed)
    elif service == "sns":
        sns_backends[ACCOUNT_ID][REGION].publish(message=text, arn=arn)
    else:
        raise TwinError(f"destination {arn} of failed events: the twin sends to queues and topics")
