"""Verdicts: what a comparison or a check concluded."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Verdict(str, Enum):
    """Ordered from best to worst; whoever combines verdicts takes the worst.

    `INCONCLUSIVE` means hold: it is never a pass. `ERROR` means that nobody could look.
    """

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    INCONCLUSIVE = "INCONCLUSIVE"
    FAIL = "FAIL"
    ERROR = "ERROR"


_ORDER = list(Verdict)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the verdicts; none at all is `INCONCLUSIVE`, since nothing was shown."""
    return max(verdicts, key=_ORDER.index, default=Verdict.INCONCLUSIVE)
