"""The conditions of a Condition step: all must hold for its IfSteps."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twin.interfaces import TwinError
from twin.pipelines.expressions import DefinitionError, Scope, UnresolvedError, resolve

_ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_MEMBERS = {
    "Equals": {"LeftValue", "RightValue"},
    **{name: {"LeftValue", "RightValue"} for name in _ORDERED},
    "In": {"QueryValue", "Values"},
    "Not": {"Expression"},
    "Or": {"Conditions"},
}


def check_conditions(conditions: Sequence[Mapping[str, Any]]) -> None:
    """Raise for a condition that could not be judged whatever its values."""
    if not conditions:
        raise DefinitionError("a condition step needs at least one condition")
    for condition in conditions:
        kind = condition["Type"]
        if kind not in _MEMBERS:
            raise TwinError(f"the twin does not know the condition {kind}")
        if set(condition) != {"Type", *_MEMBERS[kind]}:
            raise DefinitionError(f"condition {kind} takes {', '.join(sorted(_MEMBERS[kind]))}")
        if kind == "Not":
            check_conditions([condition["Expression"]])
        if kind == "Or":
            check_conditions(condition["Conditions"])


def holds(condition: Mapping[str, Any], scope: Scope) -> bool:
    """Judge one condition; UnresolvedError if its values cannot be compared."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Expression"], scope)
    if kind == "Or":
        return any(holds(alternative, scope) for alternative in condition["Conditions"])
    if kind == "In":
        value = _comparable(resolve(condition["QueryValue"], scope))
        return any(_equal(value, _comparable(resolve(item, scope))) for item in condition["Values"])
    left = _comparable(resolve(condition["LeftValue"], scope))
    right = _comparable(resolve(condition["RightValue"], scope))
    if kind == "Equals":
        return _equal(left, right)
    if not (_is_number(left) and _is_number(right)):
        raise UnresolvedError(f"{kind} compares numbers, not {left!r} and {right!r}")
    return _ORDERED[kind](left, right)


def _comparable(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        # NaN < limit is false, and so is its negation's intent: a gate must not be decided by it.
        raise UnresolvedError("NaN cannot be compared")
    if isinstance(value, (str, int, float, bool)):
        return value
    raise UnresolvedError(f"a condition compares strings, numbers and booleans, not {value!r}")


def _equal(left: Any, right: Any) -> bool:
    # Python's True == 1 would make a boolean equal a number.
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
