"""Custom resources made with CDK's Provider framework.

The framework is three Node functions and a state machine that calls one of them until it is content. The
twin loads them as they are and leaves them inert: it makes the framework's calls itself, to the Python
handlers that the framework's environment names, with the framework's own requests, in virtual time.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from twin.template.resource import Created, Resource

_ON_EVENT = "USER_ON_EVENT_FUNCTION_ARN"
_IS_COMPLETE = "USER_IS_COMPLETE_FUNCTION_ARN"
_WAITER = "WAITER_STATE_MACHINE_ARN"
# CloudFormation's own, for a resource that states none.
_SERVICE_TIMEOUT_SECONDS = 3600


@dataclass(frozen=True)
class _Patience:
    interval: timedelta
    attempts: int


def resource(resource: Resource) -> Created:
    """Run onEvent for `Create`, then isComplete until it says so; a handler's error is the stack's."""
    properties = {name: resource.take(name) for name in resource.untaken()}
    token = properties.get("ServiceToken")
    handlers = _handlers(resource, token)
    request = _request(resource, properties)
    answer = _call(resource, handlers[_ON_EVENT], request)
    event = {
        **request,
        **answer,
        "PhysicalResourceId": answer.get("PhysicalResourceId") or request["RequestId"],
    }
    if _IS_COMPLETE in handlers:
        limit = timedelta(seconds=int(properties.get("ServiceTimeout", _SERVICE_TIMEOUT_SECONDS)))
        event = _wait(resource, handlers, event, limit)
    return Created(ref=str(event["PhysicalResourceId"]), attributes=event.get("Data") or {})


def _handlers(resource: Resource, token: Any) -> Mapping[str, str]:
    if not isinstance(token, str) or ":function:" not in token:
        raise resource.error(f"ServiceToken is {token!r}, and no function")
    configuration = resource.client("lambda").get_function_configuration(FunctionName=token)
    variables: dict[str, str] = configuration.get("Environment", {}).get("Variables", {})
    if configuration["Handler"] != "framework.onEvent" or _ON_EVENT not in variables:
        framework = f"{token} ({configuration['Runtime']} {configuration['Handler']})"
        raise resource.error(
            f"ServiceToken is {framework}: the twin runs custom resources of CDK's Provider framework, "
            "whose handlers are Python functions"
        )
    return variables


def _request(resource: Resource, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "RequestType": "Create",
        # CloudFormation waits for an answer here; the framework hands the address on to the handlers.
        "ResponseURL": "https://cloudformation-custom-resource-response.invalid/",
        "StackId": resource.stack_id,
        "RequestId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{resource.stack_id}/{resource.logical_id}")),
        "ResourceType": resource.kind,
        "LogicalResourceId": resource.logical_id,
        "ResourceProperties": _as_strings(properties),
    }


def _as_strings(value: Any) -> Any:
    """CloudFormation sends every scalar of a custom resource's properties as a string."""
    if isinstance(value, Mapping):
        return {key: _as_strings(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_strings(inner) for inner in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _wait(
    resource: Resource, handlers: Mapping[str, str], event: dict[str, Any], limit: timedelta
) -> dict[str, Any]:
    patience = _patience(resource, handlers[_WAITER])
    waited = timedelta()
    # The waiter's first call is no retry.
    for attempt in range(patience.attempts + 1):
        answer = _call(resource, handlers[_IS_COMPLETE], event)
        if answer.get("IsComplete"):
            return {**event, **answer, "Data": {**(event.get("Data") or {}), **(answer.get("Data") or {})}}
        if answer.get("Data"):
            raise resource.error('"Data" is not allowed if "IsComplete" is "False"')
        if attempt == patience.attempts or waited >= limit:
            break
        resource.account.wait(patience.interval)
        waited += patience.interval
    raise resource.error(f"{handlers[_IS_COMPLETE]} was not complete after {waited}")


def _patience(resource: Resource, waiter: str) -> _Patience:
    """How often and how many times the framework's state machine asks again."""
    machine = resource.client("stepfunctions").describe_state_machine(stateMachineArn=waiter)
    retry = json.loads(machine["definition"])["States"]["framework-isComplete-task"]["Retry"][0]
    if retry["BackoffRate"] != 1:
        raise resource.error(
            f"the waiter {waiter} backs off by {retry['BackoffRate']}: the twin waits evenly"
        )
    return _Patience(interval=timedelta(seconds=retry["IntervalSeconds"]), attempts=retry["MaxAttempts"])


def _call(resource: Resource, function: str, request: Mapping[str, Any]) -> dict[str, Any]:
    invocation = resource.account.functions.invoke(function, json.dumps(request).encode())
    answer = json.loads(invocation.result)
    if invocation.errored:
        raise resource.error(
            f"{invocation.function}: {answer['errorType']}: {answer['errorMessage']}\n{invocation.log}"
        )
    if answer is not None and not isinstance(answer, dict):
        raise resource.error(f"{invocation.function} answered {answer!r}, and no object")
    return answer or {}
