"""Limits of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass

from selfheal.bounds import at_least, between, require


@dataclass(frozen=True, kw_only=True)
class DiagnosisPolicy:
    """Limits of a diagnosis.

    Attributes:
        probation_hours: trouble that begins within this time after a release is the release's.
        shared_endpoints: as many endpoints in alarm at once, this one included, have a cause in common.
        shared_within_minutes: alarms that began no farther apart than this began at once.
        report_hours: an older report of observe's says nothing about now. Reports are hourly.
        uncaptured_requests: as many requests that should have been captured and were not are no chance. Of a
            sampled capture that expects `n` records, none comes by chance with probability exp(-n).
        ranking_worse_percent: how much of the promised ranking metric may certainly be lost with the ranking
            still called intact.
    """

    probation_hours: int = 24
    shared_endpoints: int = 3
    shared_within_minutes: int = 60
    report_hours: int = 3
    uncaptured_requests: int = 20
    ranking_worse_percent: float = 5.0

    def __post_init__(self) -> None:
        require(
            self,
            probation_hours=between(1, 720),
            shared_endpoints=between(2, 1000),
            shared_within_minutes=between(1, 1440),
            report_hours=between(1, 24),
            uncaptured_requests=at_least(5),
            ranking_worse_percent=between(0.1, 50),
        )
