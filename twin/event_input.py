"""What a rule's target receives: the event, or what Input, InputPath or InputTransformer make of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from twin.interfaces import TwinError

_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]")
_VARIABLE = re.compile(r"<([^<>\s]+)>")
_MISSING = object()


def target_input(target: Mapping[str, Any], rule: Mapping[str, str], event: Mapping[str, Any]) -> str:
    """The text that the target is given, always JSON; `rule` has the keys Name and Arn."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_found(event, target["InputPath"], rule["Name"]))
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], rule, event)
    return json.dumps(event)


def _transformed(transformer: Mapping[str, Any], rule: Mapping[str, str], event: Mapping[str, Any]) -> str:
    values: dict[str, Any] = {
        name: _found(event, path, rule["Name"]) for name, path in transformer.get("InputPathsMap", {}).items()
    }
    values |= {
        "aws.events.rule-arn": rule["Arn"],
        "aws.events.rule-name": rule["Name"],
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": event,
    }
    text = _filled(transformer["InputTemplate"], values, rule["Name"])
    try:
        json.loads(text)
    except ValueError as error:
        raise TwinError(
            f"rule {rule['Name']}: its InputTemplate makes {text!r}, which is not JSON"
        ) from error
    return text


def _filled(template: str, values: Mapping[str, Any], rule: str) -> str:
    """Variables inside a JSON string are inserted as text, others as JSON values."""
    parts: list[str] = []
    position = 0
    for variable in _VARIABLE.finditer(template):
        parts.append(template[position : variable.start()])
        position = variable.end()
        if variable[1] not in values:
            raise TwinError(f"rule {rule}: its InputTemplate uses <{variable[1]}>, which is not defined")
        value = values[variable[1]]
        if _inside_string("".join(parts)):
            parts.append(json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1])
        else:
            parts.append(json.dumps(value))
    return "".join([*parts, template[position:]])


def _inside_string(text: str) -> bool:
    return re.sub(r"\\.", "", text).count('"') % 2 == 1


def _found(event: Mapping[str, Any], path: str, rule: str) -> Any:
    """EventBridge's paths are a subset of JSONPath: `$`, names and array indices."""
    steps = list(_STEP.finditer(path, 1))
    if not path.startswith("$") or "".join(each[0] for each in steps) != path[1:]:
        raise TwinError(f"rule {rule}: path {path!r} is beyond EventBridge's JSON paths ($.a.b[0])")
    here: Any = event
    for step in steps:
        if step[1] is not None:
            here = here.get(step[1], _MISSING) if isinstance(here, Mapping) else _MISSING
        else:
            index = int(step[2])
            here = here[index] if isinstance(here, list) and index < len(here) else _MISSING
        if here is _MISSING:
            raise TwinError(f"rule {rule}: an event of {event['source']} has nothing at {path}")
    return here
