"""Bounds of policy fields: every field of a policy that is out of its bounds is named at once.

A policy is a frozen dataclass that says in `__post_init__` what its fields may be. The same check serves
the settings file (where pydantic adds the path) and a function's environment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One field that cannot be: its name, the value it has, and what is expected."""

    field: str
    value: Any
    expected: str

    def __str__(self) -> str:
        return f"{self.field} = {self.value!r}: expected {self.expected}"


class PolicyError(ValueError):
    """A policy whose fields are out of bounds; `problems` names each of them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Bound:
    """What a field may be: the rule, and the rule in words."""

    holds: Callable[[Any], bool]
    expected: str


def between(low: float, high: float) -> Bound:
    """Both ends included. NaN is never inside."""
    return Bound(lambda value: low <= value <= high, f"a number from {low:g} to {high:g}")


def at_least(low: float) -> Bound:
    return Bound(lambda value: value >= low, f"a number of at least {low:g}")


def require(policy: object, **bounds: Bound) -> None:
    """Raise PolicyError naming every field of `policy` that is out of its bound."""
    problems = [
        Problem(field, getattr(policy, field), bound.expected)
        for field, bound in bounds.items()
        if not bound.holds(getattr(policy, field))
    ]
    if problems:
        raise PolicyError(problems)
