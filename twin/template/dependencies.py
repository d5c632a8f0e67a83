"""What must come before what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from typing import Any

from twin.interfaces import TwinError

SUBSTITUTION = re.compile(r"\$\{(!?)([^${}]*)\}")


def in_order(needs: Mapping[str, Set[str]]) -> list[str]:
    """The names, each after those that it needs and otherwise as given; a circle is a TwinError."""
    done: dict[str, None] = {}
    path: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in path:
            circle = " → ".join([*path[path.index(name) :], name])
            raise TwinError(f"circular dependency: {circle}")
        if name not in needs:
            raise TwinError(f"{path[-1]} depends on {name}, which does not exist")
        path.append(name)
        # The order of the template among equals, so that two runs deploy alike.
        for needed in (other for other in needs if other in needs[name]):
            visit(needed)
        for unknown in sorted(needs[name] - needs.keys()):
            visit(unknown)
        path.pop()
        done[name] = None

    for name in needs:
        visit(name)
    return list(done)


def references(value: Any) -> Iterator[str]:
    """The logical ids and parameters that an expression names, in Ref, Fn::GetAtt and Fn::Sub."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref" and isinstance(inner, str):
                yield inner
            elif key == "Fn::GetAtt":
                yield inner.split(".", 1)[0] if isinstance(inner, str) else inner[0]
            elif key == "Fn::Sub":
                yield from _substituted(inner)
            else:
                yield from references(inner)


def _substituted(value: Any) -> Iterator[str]:
    text, local = (value, {}) if isinstance(value, str) else (value[0], value[1])
    for literal, name in SUBSTITUTION.findall(text):
        if not literal and name not in local:
            yield name.split(".", 1)[0]
    yield from references(list(local.values()))
