"""When a repair counts as proven."""

from __future__ import annotations

from dataclasses import dataclass

from selfheal.bounds import at_least, between, require


@dataclass(frozen=True, kw_only=True)
class RecoveryPolicy:
    """How recovery is proven.

    Attributes:
        clear_minutes: how long infrastructure alarms must have been quiet.
        clear_windows: windows in a row in which the signal that opened the incident must have been clear, be it a
            report's, quality since the remedy, or a feed that was broken.
        golden_tolerance: how far an answer to the golden set may lie from the one that was recorded, absolutely or
            relative to it.
        min_labels: matured labels of the new champion before its quality is judged.
        check_minutes: time between two looks.
        deadline_hours: after this an unproven recovery is given up, never called resolved.
    """

    clear_minutes: int = 30
    clear_windows: int = 3
    golden_tolerance: float = 1e-4
    min_labels: int = 500
    check_minutes: int = 60
    deadline_hours: int = 96

    def __post_init__(self) -> None:
        require(
            self,
            clear_minutes=between(1, 1440),
            clear_windows=between(1, 24),
            golden_tolerance=between(0, 1),
            min_labels=at_least(30),
            check_minutes=between(1, 1440),
            deadline_hours=between(1, 720),
        )
