"""Which rules an event matches: moto's matcher, kept away from what it gets silently wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twin.interfaces import TwinError

# moto takes a filter that it does not know for one that always matches.
_FILTERS = {
    "anything-but",
    "cidr",
    "equals-ignore-case",
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
}


def check_pattern(rule: str, pattern: str) -> None:
    """Refuse a pattern with a filter that the matcher would take to match everything."""
    for name in sorted(_filters(json.loads(pattern)) - _FILTERS):
        raise TwinError(f"rule {rule}: event pattern filter {name!r} is not known to the twin")


def matches(rule: str, pattern: Any, event: Mapping[str, Any]) -> bool:
    """Whether `event` matches moto's EventPattern of the rule."""
    if (path := _path_into_objects_of_array(pattern.get_pattern(), event)) is not None:
        raise TwinError(
            f"rule {rule}: its pattern looks inside the objects of the array {path}, which moto never matches"
        )
    return bool(pattern.matches_event(event))


def _filters(node: Any) -> set[str]:
    """Names of the filters anywhere in a pattern; `$or` holds patterns, other lists hold filters."""
    if not isinstance(node, dict):
        return set()
    found: set[str] = set()
    for key, value in node.items():
        if isinstance(value, dict) or key == "$or":
            for nested in value if key == "$or" else [value]:
                found |= _filters(nested)
        else:
            found |= {name for each in value if isinstance(each, dict) for name in each}
    return found


def _path_into_objects_of_array(pattern: Any, event: Any, path: str = "") -> str | None:
    if not isinstance(pattern, dict) or not isinstance(event, (dict, list)):
        return None
    if isinstance(event, list):
        return path if any(isinstance(each, dict) for each in event) else None
    branches: list[tuple[Any, Any, str]] = [(each, event, path) for each in pattern.get("$or", ())]
    branches += [
        (nested, event.get(key), f"{path}.{key}".lstrip("."))
        for key, nested in pattern.items()
        if key != "$or"
    ]
    found = (_path_into_objects_of_array(*branch) for branch in branches)
    return next((each for each in found if each is not None), None)
