"""Replacing moto's symbols, visibly and reversibly.

Every symbol of moto that the twin replaces goes through `Patches`, so that one test can list them all
and say which of them a new version of moto no longer has.
"""

from __future__ import annotations

from typing import Any

from twin.interfaces import TwinError

_ABSENT = object()


class Patches:
    """Attributes replaced on classes or modules, put back by `undo` in reverse order."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, Any]] = []

    def replace(self, owner: Any, name: str, new: Any) -> Any:
        """Replace an attribute that must exist; returns the original, for the replacement to call."""
        if not hasattr(owner, name):
            raise TwinError(
                f"moto has no {owner.__name__}.{name} any more: the twin was written against moto 5.2.5"
            )
        return self._set(owner, name, new)

    def add(self, owner: Any, name: str, new: Any) -> None:
        """Add an attribute that moto lacks; if moto has grown it, the twin must look again."""
        if hasattr(owner, name):
            raise TwinError(f"moto now has {owner.__name__}.{name}: compare it with the twin's and choose")
        self._set(owner, name, new)

    def _set(self, owner: Any, name: str, new: Any) -> Any:
        # vars(), not getattr(): a static or class method must be put back as it was stored.
        stored = vars(owner).get(name, _ABSENT)
        original = getattr(owner, name, None)
        self._done.append((owner, name, stored))
        setattr(owner, name, new)
        return original

    def symbols(self) -> list[str]:
        return [
            f"{getattr(owner, '__module__', owner.__name__)}.{owner.__name__}.{name}"
            for owner, name, _ in self._done
        ]

    def undo(self) -> None:
        while self._done:
            owner, name, stored = self._done.pop()
            if stored is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, stored)
