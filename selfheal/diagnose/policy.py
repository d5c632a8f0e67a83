"""Limits of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass

from selfheal.bounds import between, require


@dataclass(frozen=True, kw_only=True)
class DiagnosisPolicy:
    """Limits of a diagnosis.

    Attributes:
        probation_hours: trouble that begins within this time after a release is the release's.
    """

    probation_hours: int = 24

    def __post_init__(self) -> None:
        require(self, probation_hours=between(1, 720))
