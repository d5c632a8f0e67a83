"""Traffic in which nothing moves but what a scenario moves: known flights, drawn anew.

Real weeks drift on their own, and two things that move at once prove nothing about either. Here each hour's flights
are drawn from those of the same weekday and hour in the weeks that the first champion knows, each with its own
weather and its own outcome; flights of another kind can take over.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd

from workloads.flights.data import FEATURES, SEED_END, flights
from workloads.flights.replay import Flight, Replay

WEEKS = 7
FEWEST = 10
HOUR = timedelta(hours=1)
Rows = pd.DataFrame


@cache
def known() -> Rows:
    """The flights of the weeks that the first champion was trained and measured on."""
    return _between(SEED_END - timedelta(weeks=WEEKS), SEED_END)


@cache
def spring() -> Rows:
    """The flights of four weeks of April: warmer, and late more often."""
    start = datetime(2013, 4, 1, tzinfo=SEED_END.tzinfo)
    return _between(start, start + timedelta(weeks=4))


def calm(start: datetime, days: int, density: float, seed: int = 1) -> Rows:
    """Days on which all is as it was, with `density` times as many flights an hour as there really were.

    But for the hours around midnight: the mean of a few flights, each with another day's weather, is no weather.
    """
    generator = np.random.default_rng(seed)
    usual = known().groupby(_slots(known())).size() * density / WEEKS
    hours = [start + hour * HOUR for hour in range(24 * days)]
    counts = [count if (count := round(usual.get(_slot(hour), 0.0))) >= FEWEST else 0 for hour in hours]
    times = [
        pd.Timestamp(hour) + timedelta(seconds=second)
        for hour, count in zip(hours, counts, strict=True)
        for second in np.sort(generator.uniform(0, HOUR.total_seconds(), count)).tolist()
    ]
    return _drawn(known(), pd.Series(times), seed)


def taken_over(rows: Rows, since: datetime, pool: Rows, within: timedelta = HOUR, seed: int = 2) -> Rows:
    """From a moment on flights of another pool ask, more and more of them until all are, after `within`."""
    share = ((rows["scheduled_at"] - pd.Timestamp(since)) / within).clip(0, 1)
    other = np.random.default_rng(seed).random(len(rows)) < share
    both = pd.concat([rows[~other], _drawn(pool, rows.loc[other, "scheduled_at"], seed)])
    return both.sort_values("scheduled_at", kind="stable", ignore_index=True)


class Drawn(Replay):
    """Replays rows that were made."""

    def __init__(self, rows: Rows) -> None:
        columns = ["scheduled_at", *FEATURES, "late", "known_at"]
        self.flights = [_flight(*row) for row in rows[columns].itertuples()]
        self._asked = [flight.at for flight in self.flights]
        arrived = [flight for flight in self.flights if flight.known_at is not None]
        self._outcomes = sorted(arrived, key=lambda flight: (flight.known_at, flight.key))
        self._known = [flight.known_at for flight in self._outcomes]


def _between(start: datetime, end: datetime) -> Rows:
    rows = flights()
    at = rows["scheduled_at"]
    return rows[(at >= pd.Timestamp(start)) & (at < pd.Timestamp(end))].reset_index(drop=True)


def _drawn(pool: Rows, times: pd.Series, seed: int) -> Rows:
    """A flight of the pool for each moment, of the same weekday and hour, or of the hour where it has no such."""
    generator = np.random.default_rng(seed)
    pool = pool.reset_index(drop=True)
    by_slot = pool.groupby(_slots(pool)).indices
    by_hour = pool.groupby(pool["scheduled_at"].dt.hour).indices
    at = times.reset_index(drop=True)
    alike = (by_slot.get(_slot(moment), by_hour.get(moment.hour, pool.index)) for moment in at)
    found = pool.iloc[[generator.choice(places) for places in alike]].reset_index(drop=True)
    return found.assign(scheduled_at=at, known_at=at + (found["known_at"] - found["scheduled_at"]))


def _slots(rows: Rows) -> pd.Series:
    return rows["scheduled_at"].dt.day_of_week * 24 + rows["scheduled_at"].dt.hour


def _slot(moment: datetime) -> int:
    return moment.weekday() * 24 + moment.hour


def _flight(index: int, at: pd.Timestamp, *rest: object) -> Flight:
    features, (late, known_at) = rest[: len(FEATURES)], rest[len(FEATURES) :]
    arrived = not (pd.isna(late) or pd.isna(known_at))
    return Flight(
        key=f"drawn-{index}",
        at=at.to_pydatetime(),
        payload=",".join("" if pd.isna(value) else str(value) for value in features),
        late=float(late) if arrived else None,
        known_at=known_at.to_pydatetime() if arrived else None,
    )
