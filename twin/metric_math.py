"""The part of CloudWatch's metric math that alarms use: + - * / on metrics, parentheses, FILL.

    (errors / requests) * 100        FILL(errors, 0) / FILL(requests, 1)

A period has a result where every operand has one; dividing by zero leaves a gap, as in CloudWatch.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from twin.interfaces import TwinError

Points = dict[datetime, float]
Value = Points | float

_OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class Expression:
    """A parsed expression; `names` are the ids it reads. Anything beyond the above is a TwinError."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except SyntaxError as error:
            raise TwinError(f"metric math {text!r} cannot be read: {error.msg}") from error
        self.names: set[str] = set()
        self._check(self._tree)
        if not self.names:
            raise TwinError(f"metric math {text!r} reads no metric")

    def evaluate(self, series: Mapping[str, Points], periods: Sequence[datetime]) -> Points:
        """Apply to `series`, by id; `periods` are the starts that FILL fills."""
        result = self._value(self._tree, series, periods)
        return result if isinstance(result, dict) else dict.fromkeys(periods, result)

    def _check(self, node: ast.expr) -> None:
        match node:
            case ast.Name(id=name):
                self.names.add(name)
            case ast.Constant(value=bool()) | ast.Constant(value=str()):
                raise self._refused(node)
            case ast.Constant(value=int()) | ast.Constant(value=float()):
                pass
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self._check(operand)
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATIONS:
                self._check(left)
                self._check(right)
            case ast.Call(func=ast.Name(id="FILL"), args=[filled, filler], keywords=[]) if _is_number(filler):
                self._check(filled)
            case _:
                raise self._refused(node)

    def _refused(self, node: ast.expr) -> TwinError:
        what = ast.unparse(node)
        return TwinError(f"metric math {self.text!r}: {what!r} is not known; use + - * / and FILL(m, number)")

    def _value(self, node: ast.expr, series: Mapping[str, Points], periods: Sequence[datetime]) -> Value:
        match node:
            case ast.Name(id=name):
                return series[name]
            case ast.UnaryOp(operand=operand):
                return _combine(operator.sub, 0.0, self._value(operand, series, periods))
            case ast.BinOp(op=op, left=left, right=right):
                sides = (self._value(left, series, periods), self._value(right, series, periods))
                return _combine(_OPERATIONS[type(op)], *sides)
            case ast.Call(args=[filled, filler]):
                found = self._value(filled, series, periods)
                if not isinstance(found, dict):
                    return found
                return {when: found.get(when, _number(filler)) for when in periods}
        return _number(node)


def _is_number(node: ast.expr) -> bool:
    try:
        return isinstance(ast.literal_eval(node), (int, float))
    except ValueError:
        return False


def _number(node: ast.expr) -> float:
    return float(ast.literal_eval(node))


def _combine(operation: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if not isinstance(left, dict) and not isinstance(right, dict):
        return operation(left, right)
    whens = [side.keys() for side in (left, right) if isinstance(side, dict)]
    result: Points = {}
    for when in sorted(set.intersection(*map(set, whens))):
        pair = [side[when] if isinstance(side, dict) else side for side in (left, right)]
        try:
            result[when] = operation(*pair)
        except ZeroDivisionError:
            continue
    return result
