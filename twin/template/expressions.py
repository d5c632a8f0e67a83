"""Intrinsic functions, conditions and dynamic references: from a template's expression to its value."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from twin.interfaces import TwinError
from twin.template.dependencies import SUBSTITUTION

_DYNAMIC: Final = re.compile(r"\{\{resolve:([^{}]*)\}\}")


class _NoValue:
    """AWS::NoValue: the property or list item that holds it is left out."""


NO_VALUE: Final = _NoValue()


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What an expression may refer to; each look-up raises a TwinError for what does not exist."""

    ref: Callable[[str], Any]
    attribute: Callable[[str, str], Any]
    exported: Callable[[str], Any]
    parameter_store: Callable[[str], str]
    zones: Callable[[str], list[str]]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]


class Expressions:
    """Evaluates expressions in a scope; `where` names the place of an expression in error messages."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._functions: dict[str, Callable[[Any, str], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::ImportValue": self._import_value,
            "Fn::Base64": self._base64,
            "Fn::GetAZs": self._get_azs,
            "Fn::If": self._if,
        }
        self._predicates: dict[str, Callable[[Any, str], bool]] = {
            "Condition": lambda name, where: self.condition(_string(name, where)),
            "Fn::Equals": self._equals,
            "Fn::Not": lambda terms, where: not self.holds(_items(terms, where, 1)[0], where),
            "Fn::And": lambda terms, where: all(self._each(terms, where)),
            "Fn::Or": lambda terms, where: any(self._each(terms, where)),
            "Fn::Contains": self._contains,
        }

    def resolve(self, value: Any, where: str) -> Any:
        """The value of an expression; NO_VALUE where the whole of it is AWS::NoValue."""
        if isinstance(value, str):
            return self._dynamic(value, where)
        if isinstance(value, list):
            items = [self.resolve(item, f"{where}[{index}]") for index, item in enumerate(value)]
            return [item for item in items if item is not NO_VALUE]
        if isinstance(value, dict):
            return self._resolve_object(value, where)
        return value

    def condition(self, name: str) -> bool:
        if name not in self._scope.conditions:
            raise TwinError(f"there is no condition {name}")
        return self.holds(self._scope.conditions[name], f"Conditions.{name}")

    def holds(self, expression: Any, where: str) -> bool:
        name, argument = _call(expression)
        if name not in self._predicates:
            raise TwinError(f"{where}: {expression!r} is not a condition")
        return self._predicates[name](argument, where)

    def _each(self, terms: Any, where: str) -> list[bool]:
        # All of them, also where the first decides: a mistake in a later one should show.
        return [self.holds(term, where) for term in terms]

    def _resolve_object(self, value: dict[str, Any], where: str) -> Any:
        name, argument = _call(value)
        if name in self._functions:
            return self._functions[name](argument, where)
        if name.startswith("Fn::"):
            raise TwinError(f"{where}: the twin has no function {name}")
        members = {key: self.resolve(inner, f"{where}.{key}") for key, inner in value.items()}
        return {key: inner for key, inner in members.items() if inner is not NO_VALUE}

    def _dynamic(self, text: str, where: str) -> str:
        def look_up(match: re.Match[str]) -> str:
            service, _, name = match[1].partition(":")
            if service != "ssm":
                raise TwinError(f"{where}: dynamic references to {service} are not in the twin: {match[0]}")
            try:
                return self._scope.parameter_store(name)
            except TwinError as error:
                raise TwinError(f"{where}: {error}") from error

        return _DYNAMIC.sub(look_up, text)

    def _ref(self, name: Any, where: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        return self._look_up(self._scope.ref, where, _string(name, where))

    def _get_att(self, argument: Any, where: str) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        logical_id, attribute = _items(parts, where, 2)
        return self._look_up(
            self._scope.attribute, where, _string(logical_id, where), self._text(attribute, where)
        )

    @staticmethod
    def _look_up(look_up: Callable[..., Any], where: str, *names: str) -> Any:
        try:
            return look_up(*names)
        except TwinError as error:
            raise TwinError(f"{where}: {error}") from error

    def _sub(self, argument: Any, where: str) -> str:
        text, values = (argument, {}) if isinstance(argument, str) else _items(argument, where, 2)

        def replace(match: re.Match[str]) -> str:
            literal, name = match[1], match[2]
            if literal:
                return f"${{{name}}}"
            if name in values:
                return self._text(values[name], where)
            expression = {"Fn::GetAtt": name} if "." in name else {"Ref": name}
            return self._text(expression, where)

        return self._dynamic(SUBSTITUTION.sub(replace, _string(text, where)), where)

    def _join(self, argument: Any, where: str) -> str:
        separator, items = _items(argument, where, 2)
        joined = _string(separator, where).join(self._text(item, where) for item in self._list(items, where))
        # A reference may have been spelled in pieces: CDK does so when a name is a token.
        return self._dynamic(joined, where)

    def _select(self, argument: Any, where: str) -> Any:
        index, items = _items(argument, where, 2)
        chosen, values = int(self._text(index, where)), self._list(items, where)
        if not 0 <= chosen < len(values):
            raise TwinError(f"{where}: Fn::Select wants item {chosen} of {len(values)}")
        return values[chosen]

    def _split(self, argument: Any, where: str) -> list[str]:
        separator, text = _items(argument, where, 2)
        return self._text(text, where).split(_string(separator, where))

    def _find_in_map(self, argument: Any, where: str) -> Any:
        keys = [self._text(key, where) for key in _items(argument, where, 3)]
        found: Any = self._scope.mappings
        for depth, key in enumerate(keys):
            if key not in found:
                raise TwinError(f"{where}: there is no mapping {' / '.join(keys[: depth + 1])}")
            found = found[key]
        return found

    def _import_value(self, argument: Any, where: str) -> Any:
        return self._look_up(self._scope.exported, where, self._text(argument, where))

    def _base64(self, argument: Any, where: str) -> str:
        return base64.b64encode(self._text(argument, where).encode()).decode()

    def _get_azs(self, argument: Any, where: str) -> list[str]:
        region = self._text(argument, where)
        return self._scope.zones(region or self._text({"Ref": "AWS::Region"}, where))

    def _if(self, argument: Any, where: str) -> Any:
        name, true, false = _items(argument, where, 3)
        return self.resolve(true if self.condition(_string(name, where)) else false, where)

    def _equals(self, argument: Any, where: str) -> bool:
        left, right = _items(argument, where, 2)
        return self._text(left, where) == self._text(right, where)

    def _contains(self, argument: Any, where: str) -> bool:
        items, value = _items(argument, where, 2)
        wanted = self._text(value, where)
        return any(self._text(item, where) == wanted for item in self._list(items, where))

    def _list(self, value: Any, where: str) -> list[Any]:
        resolved = self.resolve(value, where)
        if not isinstance(resolved, list):
            raise TwinError(f"{where}: a list is needed, not {resolved!r}")
        return resolved

    def _text(self, value: Any, where: str) -> str:
        resolved = self.resolve(value, where)
        if isinstance(resolved, bool):
            return "true" if resolved else "false"
        if isinstance(resolved, str | int | float):
            return str(resolved)
        raise TwinError(f"{where}: a string is needed, not {resolved!r}")


def _call(value: Any) -> tuple[str, Any]:
    """The function that an object calls and its argument; no name for an object that calls none."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, argument),) = value.items()
        return name, argument
    if isinstance(value, dict):
        for name in value:
            if name.startswith("Fn::"):
                raise TwinError(f"{name} must stand alone in its object, which has {sorted(value)}")
    return "", None


def _items(value: Any, where: str, count: int) -> list[Any]:
    if not isinstance(value, list) or len(value) != count:
        raise TwinError(f"{where}: a list of {count} is needed, not {value!r}")
    return value


def _string(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise TwinError(f"{where}: a literal string is needed, not {value!r}")
    return value
