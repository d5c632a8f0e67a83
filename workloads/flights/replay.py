"""Replay the flights in order: who asks the endpoint when, and when the outcome is known."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from workloads.flights.data import FEATURES, SEED_END, flights

CONTENT_TYPE = "text/csv"


@dataclass(frozen=True)
class Flight:
    """One flight: the question before departure and, if it ever arrived, the outcome.

    Attributes:
        key: inference id.
        at: scheduled departure, when the endpoint is asked.
        payload: the features as one CSV row.
        late: 1.0 or 0.0, or None where it never arrived (cancelled, diverted).
        known_at: when the outcome is known.
    """

    key: str
    at: datetime
    payload: str
    late: float | None
    known_at: datetime | None


class Replay:
    """The flights between two moments, each asked about once."""

    def __init__(self, start: datetime = SEED_END, end: datetime | None = None) -> None:
        rows = flights()
        rows = rows[rows["scheduled_at"] >= start]
        if end is not None:
            rows = rows[rows["scheduled_at"] < end]
        self.flights = [_flight(*row) for row in rows.itertuples()]
        self._asked = [flight.at for flight in self.flights]
        known = [flight for flight in self.flights if flight.known_at is not None]
        self._outcomes = sorted(known, key=lambda flight: (flight.known_at, flight.key))
        self._known = [flight.known_at for flight in self._outcomes]

    def asked(self, since: datetime, until: datetime) -> list[Flight]:
        """Flights whose question comes in [since, until)."""
        return self.flights[bisect_left(self._asked, since) : bisect_left(self._asked, until)]

    def landed(self, since: datetime, until: datetime) -> list[Flight]:
        """Flights whose outcome becomes known in [since, until)."""
        first = bisect_left(self._known, since)  # type: ignore[type-var]
        last = bisect_left(self._known, until)  # type: ignore[type-var]
        return self._outcomes[first:last]


def ground_truth(flights: list[Flight]) -> str:
    """Outcomes as SageMaker's ground-truth records, one JSON line each."""
    lines = [
        json.dumps(
            {
                "groundTruthData": {"data": f"{flight.late:g}", "encoding": "CSV"},
                "eventMetadata": {"eventId": flight.key},
                "eventVersion": "0",
            }
        )
        for flight in flights
        if flight.late is not None
    ]
    return "".join(line + "\n" for line in lines)


def _flight(index: int, scheduled_at: pd.Timestamp, *rest: object) -> Flight:
    features, (late, known_at) = rest[: len(FEATURES)], rest[len(FEATURES) :]
    arrived = not pd.isna(late)
    return Flight(
        key=f"flight-{index}",
        at=scheduled_at.to_pydatetime(),
        payload=",".join("" if pd.isna(value) else str(value) for value in features),
        late=float(late) if arrived else None,  # type: ignore[arg-type]
        known_at=known_at.to_pydatetime() if arrived else None,  # type: ignore[attr-defined]
    )
