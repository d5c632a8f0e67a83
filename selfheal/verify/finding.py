"""What one check of a recovery found, and what several found together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from selfheal.verdict import Verdict, worst


@dataclass(frozen=True)
class Finding:
    """A verdict, with the reasons for it."""

    verdict: Verdict
    reasons: tuple[str, ...]

    @classmethod
    def passed(cls, *reasons: str) -> Finding:
        return cls(Verdict.PASS, reasons)

    @classmethod
    def held(cls, *reasons: str) -> Finding:
        """Nobody can tell yet."""
        return cls(Verdict.INCONCLUSIVE, reasons)

    @classmethod
    def failed(cls, *reasons: str) -> Finding:
        return cls(Verdict.FAIL, reasons)


def together(findings: Iterable[Finding]) -> Finding:
    """The worst verdict, and all reasons in order."""
    found = list(findings)
    reasons = tuple(reason for finding in found for reason in finding.reasons)
    return Finding(worst(finding.verdict for finding in found), reasons)
