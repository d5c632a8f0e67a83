"""DynamoDB's expressions: condition, key condition and update, each parsed once and evaluated as it is written."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from machine.account.calls import Refused

Item = Mapping[str, Any]
Values = Mapping[str, Any]
# A parsed expression: what it says of an item, given the values of its placeholders.
Condition = Callable[[Item, Values], bool]
Operand = Callable[[Item, Values], Any]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),+-]|[:#]?[A-Za-z_][A-Za-z0-9_.]*)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def invalid(message: str) -> Refused:
    return Refused("ValidationException", message)


class _Tokens:
    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        self.found: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise NotImplementedError(f"expression {text!r}: nothing is known that reads {text[at:]!r}")
            self.found.append(match[1])
            at = match.end()

    def peek(self) -> str:
        return self.found[self.place] if self.place < len(self.found) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token.upper() != expected):
            raise invalid(f"syntax error in {self.text!r} at {token!r}")
        self.place += 1
        return token

    def takes(self, word: str) -> bool:
        if self.peek().upper() != word:
            return False
        self.place += 1
        return True


@functools.cache
def condition(text: str) -> Condition:
    """A condition or key condition. Raises NotImplementedError for what no function has used yet."""
    tokens = _Tokens(text)
    parsed = _either(tokens)
    if tokens.peek():
        raise invalid(f"syntax error in {text!r} at {tokens.peek()!r}")
    return parsed


def _either(tokens: _Tokens) -> Condition:
    found = _both(tokens)
    while tokens.takes("OR"):
        found = _or(found, _both(tokens))
    return found


def _both(tokens: _Tokens) -> Condition:
    found = _term(tokens)
    while tokens.takes("AND"):
        found = _and(found, _term(tokens))
    return found


def _or(left: Condition, right: Condition) -> Condition:
    return lambda item, values: left(item, values) or right(item, values)


def _and(left: Condition, right: Condition) -> Condition:
    return lambda item, values: left(item, values) and right(item, values)


def _term(tokens: _Tokens) -> Condition:
    if tokens.takes("NOT"):
        negated = _term(tokens)
        return lambda item, values: not negated(item, values)
    if tokens.takes("("):
        inner = _either(tokens)
        tokens.take(")")
        return inner
    if tokens.peek() in ("attribute_exists", "attribute_not_exists", "begins_with"):
        return _function(tokens)
    return _comparison(tokens)


def _function(tokens: _Tokens) -> Condition:
    name = tokens.take()
    tokens.take("(")
    attribute = _operand(tokens)
    if name == "begins_with":
        tokens.take(",")
        prefix = _operand(tokens)
        tokens.take(")")
        return lambda item, values: _begins(attribute(item, values), prefix(item, values))
    tokens.take(")")
    present = name == "attribute_exists"
    return lambda item, values: (attribute(item, values) is not None) is present


def _begins(value: Any, prefix: Any) -> bool:
    return value is not None and "S" in value and str(value["S"]).startswith(prefix["S"])


def _comparison(tokens: _Tokens) -> Condition:
    left, sign = _operand(tokens), tokens.take()
    if sign not in _COMPARE:
        raise NotImplementedError(f"expression {tokens.text!r}: {sign!r} is not known")
    right, compare = _operand(tokens), _COMPARE[sign]

    def compared(item: Item, values: Values) -> bool:
        a, b = left(item, values), right(item, values)
        if a is None or b is None:  # what is not there is unlike everything
            return sign == "<>" and a is not b
        if set(a) != set(b):  # another type
            return sign == "<>"
        return compare(_plain(a), _plain(b))

    return compared


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, held),) = value.items()
    return Decimal(held) if kind == "N" else held


def _operand(tokens: _Tokens) -> Operand:
    name = tokens.take()
    if name.startswith((":", "#")):
        return lambda item, values: _placeholder(name, item, values)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise NotImplementedError(f"expression {tokens.text!r}: paths such as {name!r} are not known")
    return lambda item, values: item.get(name)


def _placeholder(name: str, item: Item, values: Values) -> Any:
    if name not in values:
        raise invalid(f"an expression uses {name}, which is not defined")
    return item.get(values[name]) if name.startswith("#") else values[name]


Change = Callable[[Item, Values], tuple[str, Any]]


@functools.cache
def update(text: str) -> tuple[Change, ...]:
    """SET and REMOVE: for each attribute its name and new value, None where it goes."""
    tokens = _Tokens(text)
    changes: list[Change] = []
    while tokens.peek():
        clause = tokens.take().upper()
        if clause not in ("SET", "REMOVE"):
            raise NotImplementedError(f"update {text!r}: {clause} is not known")
        changes.append(_change(tokens, clause))
        while tokens.takes(","):
            changes.append(_change(tokens, clause))
    return tuple(changes)


def _change(tokens: _Tokens, clause: str) -> Change:
    name = tokens.take()

    def named(values: Values) -> str:
        return str(values[name]) if name.startswith("#") else name

    if clause == "REMOVE":
        return lambda _, values: (named(values), None)
    tokens.take("=")
    value = _sum(tokens)
    return lambda item, values: (named(values), value(item, values))


def _sum(tokens: _Tokens) -> Operand:
    found = _value(tokens)
    while tokens.peek() in ("+", "-"):
        sign, right = tokens.take(), _value(tokens)
        found = _added(found, right, 1 if sign == "+" else -1)
    return found


def _added(left: Operand, right: Operand, sign: int) -> Operand:
    def added(item: Item, values: Values) -> Any:
        a, b = left(item, values), right(item, values)
        if a is None or b is None or "N" not in a or "N" not in b:
            raise invalid("an operand in the update expression has an incorrect data type or is missing")
        return {"N": str(Decimal(a["N"]) + sign * Decimal(b["N"]))}

    return added


def _value(tokens: _Tokens) -> Operand:
    if tokens.peek() != "if_not_exists":
        return _operand(tokens)
    tokens.take()
    tokens.take("(")
    attribute = _operand(tokens)
    tokens.take(",")
    default = _operand(tokens)
    tokens.take(")")
    return lambda item, values: (
        found if (found := attribute(item, values)) is not None else default(item, values)
    )
