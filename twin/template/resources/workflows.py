"""EventBridge rules and Step Functions state machines."""

from __future__ import annotations

import json
import re
from typing import Any

from twin.interfaces import ACCOUNT_ID, REGION
from twin.template.resource import Created, Creator, Resource, lower_first, lower_tags

RULE_NAME_LENGTH = 64
STATE_MACHINE_NAME_LENGTH = 80


def rule(resource: Resource) -> Created:
    events, name = resource.client("events"), resource.name("Name", maximum=RULE_NAME_LENGTH)
    arguments = resource.arguments("Description", "RoleArn", "ScheduleExpression", "State", "Tags")
    if pattern := resource.take("EventPattern"):
        arguments["EventPattern"] = pattern if isinstance(pattern, str) else json.dumps(pattern)
    if resource.take("EventBusName", "default") != "default":
        raise resource.error("the twin has the default event bus only")
    events.put_rule(Name=name, **arguments)
    if targets := resource.take("Targets"):
        failed = events.put_targets(Rule=name, Targets=targets)["FailedEntries"]
        if failed:
            raise resource.error(f"Targets were refused: {failed}")
    arn = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{name}"
    return Created(ref=name, attributes={"Arn": arn})


def state_machine(resource: Resource) -> Created:
    name = resource.name("StateMachineName", maximum=STATE_MACHINE_NAME_LENGTH)
    arguments = resource.arguments(RoleArn="roleArn", StateMachineType="type")
    for prop, parameter in _CONFIGURATIONS.items():
        configuration = resource.take(prop)
        if configuration is not None:
            arguments[parameter] = lower_first(configuration)
    made = resource.client("stepfunctions").create_state_machine(
        name=name, definition=_definition(resource), tags=lower_tags(resource.take("Tags")), **arguments
    )
    arn = made["stateMachineArn"]
    return Created(ref=arn, attributes={"Arn": arn, "Name": name})


_CONFIGURATIONS = {
    "EncryptionConfiguration": "encryptionConfiguration",
    "LoggingConfiguration": "loggingConfiguration",
    "TracingConfiguration": "tracingConfiguration",
}


def _definition(resource: Resource) -> str:
    """The definition with its substitutions made, as text."""
    given: Any = resource.take("DefinitionString")
    text = json.dumps(resource.require("Definition")) if given is None else str(given)
    substitutions = resource.take("DefinitionSubstitutions", {})

    def replace(match: re.Match[str]) -> str:
        if match[1] not in substitutions:
            return match[0]
        # It lands inside a JSON string.
        return json.dumps(str(substitutions[match[1]]))[1:-1]

    return re.sub(r"\$\{(\w+)\}", replace, text)


CREATORS: dict[str, Creator] = {
    "AWS::Events::Rule": rule,
    "AWS::StepFunctions::StateMachine": state_machine,
}
