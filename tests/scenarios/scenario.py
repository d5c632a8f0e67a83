"""A scenario: what goes wrong, and how it must end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from drawn import Rows

from demo.stage import Stage
from workloads.flights.data import SEED_END

OPENING = SEED_END
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def untouched(rows: Rows, _since: datetime) -> Rows:
    return rows


def nothing(_stage: Stage) -> None:
    """Only the traffic goes wrong, if anything does."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One fault, or two, in an account of its own.

    Attributes:
        cause: what the incident must be put down to; None where there must be none.
        evidence: a part of a sentence that must speak for the cause.
        remedies, outcome: of that incident.
        preceded_by, followed_by: causes of the incidents before and after it.
        replaced: whether another model than the first champion serves in the end.
        after: when it goes wrong, from the opening on; before, all is as it was.
        traffic: what becomes of the rows from then on.
        strike: what is done to the account then.
        later: what else happens, and how long after: what a person does about it, or what comes on top.
        patience: how long it may take from the fault to the incident's end; without an incident, how long it is
            watched.
        known_fault: what the product does not do yet: the scenario fails, and must until it does.
        density: flights an hour, as a multiple of the real ones.
    """

    name: str
    cause: str | None
    evidence: str = ""
    remedies: tuple[str, ...] = ()
    outcome: str | None = None
    preceded_by: tuple[str, ...] = ()
    followed_by: tuple[str, ...] = ()
    replaced: bool = False
    after: timedelta
    traffic: Callable[[Rows, datetime], Rows] = untouched
    strike: Callable[[Stage], None] = nothing
    later: tuple[tuple[timedelta, Callable[[Stage], None]], ...] = ()
    patience: timedelta
    known_fault: str | None = None
    density: float = 3

    @property
    def causes(self) -> tuple[str, ...]:
        """Of all incidents that there must be, in order."""
        return (*self.preceded_by, self.cause, *self.followed_by) if self.cause else ()

    @property
    def strikes_at(self) -> datetime:
        return OPENING + self.after

    @property
    def ends_at(self) -> datetime:
        return self.strikes_at + self.patience
