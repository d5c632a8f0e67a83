"""The expressions of a pipeline definition: what they refer to, and what they come to.

    {"Get": "Parameters.P"}  {"Get": "Execution.PipelineExecutionId"}  {"Get": "Steps.X.a.b[0]['c']"}
    {"Std:Join": {"On": "/", "Values": [...]}}
    {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.X.PropertyFiles.Y"}, "Path": "a.b[0]['c']"}}

They are resolved when their step starts, for only then do the steps that they name have properties.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from twin.interfaces import TwinError

_TOKEN = re.compile(
    r"""\.?(?P<name>[^.\[\]'"]+)|\[(?P<index>\d+)\]|\[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]""", re.DOTALL
)

# Lists whose members AWS addresses by name; the member that holds the name.
_NAMED_MEMBERS = ("OutputName", "InputName", "MetricName", "ChannelName", "Name")


class DefinitionError(ValueError):
    """An expression that no pipeline can have."""


class UnresolvedError(Exception):
    """An expression that has no value in this execution."""


@dataclass(frozen=True)
class Reference:
    """The `Get` of an expression: a scope, a name in it, and the path below that name."""

    scope: str
    name: str
    path: tuple[str | int, ...]

    @classmethod
    def parse(cls, text: str) -> Reference:
        tokens = parse_path(text)
        match tokens:
            case ("Parameters" | "Execution" as scope, str(name)):
                return cls(scope, name, ())
            case ("Steps", str(name), *path) if path:
                return cls("Steps", name, tuple(path))
        raise DefinitionError(f"{text!r} is no reference to Parameters, Execution or Steps")


def parse_path(text: str) -> tuple[str | int, ...]:
    """`a.b[0]['c']` → ("a", "b", 0, "c"). An index is an int, everything else a name."""
    tokens: list[str | int] = []
    end = 0
    for match in _TOKEN.finditer(text):
        leads = (match[0][0] != ".") if end == 0 else match[0][0] in ".["
        if match.start() != end or not leads:
            break
        end = match.end()
        if match["index"] is not None:
            tokens.append(int(match["index"]))
        else:
            tokens.append(match["name"] if match["name"] is not None else match["key"])
    if end != len(text) or not tokens:
        raise DefinitionError(f"{text!r} is no path")
    return tuple(tokens)


def walk(value: Any, path: Sequence[str | int]) -> Any:
    """Follow a path through properties; a name picks a list's member by its name, as AWS does."""
    for token in path:
        value = _member(value, token)
    return value


def _member(value: Any, token: str | int) -> Any:
    if isinstance(value, Mapping) and str(token) in value:
        return value[str(token)]
    if isinstance(value, list):
        if isinstance(token, int) and token < len(value):
            return value[token]
        for item in value:
            if isinstance(item, Mapping) and token in (item.get(name) for name in _NAMED_MEMBERS):
                return item
    raise UnresolvedError(f"there is no {token!r} in {_shortened(value)}")


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


class Scope(Protocol):
    """Where expressions find their values; each raises UnresolvedError for want of one."""

    def parameter(self, name: str) -> Any: ...

    def execution(self, name: str) -> Any: ...

    def step(self, name: str) -> Mapping[str, Any]: ...

    def property_file(self, step: str, name: str) -> Any: ...


def references(value: Any) -> Iterator[Reference]:
    """Every reference in a document, property files included; checks the expressions on the way."""
    match expression(value):
        case ("Get", text):
            yield Reference.parse(text)
        case ("Std:Join", {"On": str(), "Values": list(values)}):
            yield from references(values)
        case ("Std:JsonGet", {"PropertyFile": {"Get": str(text)}, "Path": str(path)}):
            parse_path(path)
            reference = Reference.parse(text)
            if reference.scope != "Steps" or reference.path[0] != "PropertyFiles" or len(reference.path) != 2:
                raise DefinitionError(f"{text!r} is no property file")
            yield reference
        case None:
            children = value.values() if isinstance(value, Mapping) else value
            if isinstance(value, (Mapping, list)):
                for child in children:
                    yield from references(child)
        case (function, body):
            raise DefinitionError(f"{function} cannot take {body!r}")


def resolve(value: Any, scope: Scope) -> Any:
    """The document with every expression replaced by its value."""
    match expression(value):
        case ("Get", text):
            return _get(Reference.parse(text), scope)
        case ("Std:Join", body):
            return body["On"].join(_spelled(resolve(part, scope)) for part in body["Values"])
        case ("Std:JsonGet", body):
            source = Reference.parse(body["PropertyFile"]["Get"])
            return walk(scope.property_file(source.name, str(source.path[1])), parse_path(body["Path"]))
    if isinstance(value, Mapping):
        return {name: resolve(member, scope) for name, member in value.items()}
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    return value


def expression(value: Any) -> tuple[str, Any] | None:
    """The function and body of an expression, None for plain data, TwinError for an unknown function."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    ((function, body),) = value.items()
    if function == "Get" and isinstance(body, str):
        return "Get", body
    if isinstance(function, str) and function.startswith("Std:"):
        if function not in ("Std:Join", "Std:JsonGet"):
            raise TwinError(f"the twin does not know the pipeline function {function}")
        return function, body
    return None


def _get(reference: Reference, scope: Scope) -> Any:
    if reference.scope == "Parameters":
        return scope.parameter(reference.name)
    if reference.scope == "Execution":
        return scope.execution(reference.name)
    return walk(scope.step(reference.name), reference.path)


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Mapping, list)):
        raise UnresolvedError(f"Std:Join cannot join {_shortened(value)}")
    return str(value)
