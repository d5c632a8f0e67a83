"""What happens to the traffic and to its outcomes: each takes rows, and gives them back with the fault in them.

Rows are those of `drawn`: flights in order of their time, what became of them, and when that was known.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

import pandas as pd
from drawn import Rows, known, spring, taken_over

from demo.feed import WeatherFeed
from workloads.flights.data import FEATURES
from workloads.flights.replay import Flight

# Those that the champion takes for punctual: where their outcomes turn, it puts the wrong flights first.
CARRIERS = ("DL", "AA", "US")
LONG_HAUL_MILES = 1000
LATE_SHARE = 0.6
# Slowly, since what jumps is no season but a broken feed.
SEASON = timedelta(days=2)
# Long enough in between for every judgement to be a good one again.
SPELL, SPELLS_EVERY = timedelta(days=1), timedelta(days=3.5)


def meaning_turns(rows: Rows, since: datetime) -> Rows:
    """What made three carriers' flights late makes them punctual, and the other way round."""
    return _turned(rows, rows["scheduled_at"] >= since)


def meaning_turns_now_and_then(rows: Rows, since: datetime) -> Rows:
    """For a spell it does, again and again; in between all is as it was."""
    age = rows["scheduled_at"] - pd.Timestamp(since)
    return _turned(rows, (age >= timedelta(0)) & (age % SPELLS_EVERY < SPELL))


def _turned(rows: Rows, when: pd.Series) -> Rows:
    turned = when & rows["carrier"].isin(CARRIERS)
    return rows.assign(late=rows["late"].where(~turned, 1 - rows["late"]))


def spring_comes(rows: Rows, since: datetime) -> Rows:
    """Weather that the champion hardly knows, and more delays with it."""
    return taken_over(rows, since, spring(), within=SEASON)


def long_hauls_only(rows: Rows, since: datetime) -> Rows:
    """Another mix of flights, of which the champion knows every single one."""
    return taken_over(rows, since, known()[known()["distance_miles"] > LONG_HAUL_MILES])


def more_are_late(rows: Rows, since: datetime) -> Rows:
    """Late flights become three times as frequent; each is as its like were before."""
    late, punctual = known()[known()["late"] == 1], known()[known()["late"] == 0]
    many = late.sample(round(len(punctual) * LATE_SHARE / (1 - LATE_SHARE)), replace=True, random_state=3)
    return taken_over(rows, since, pd.concat([punctual, many]))


def outcomes_stop(rows: Rows, since: datetime) -> Rows:
    """Of flights from a moment on, nobody says any more what became of them."""
    return rows.assign(late=rows["late"].where(rows["scheduled_at"] < since))


def outcomes_wait(rows: Rows, since: datetime, span: timedelta) -> Rows:
    """Outcomes of flights from a moment on are collected, and handed in together when the span is over."""
    waits = rows["known_at"].notna() & (rows["scheduled_at"] >= since)
    return rows.assign(
        known_at=rows["known_at"].mask(waits, rows["known_at"].clip(lower=pd.Timestamp(since + span)))
    )


class SilentFeed(WeatherFeed):
    """A feed without a word on carriers."""

    def payload(self, flight: Flight) -> str:
        fields = super().payload(flight).split(",")
        fields[FEATURES.index("carrier")] = ""
        return ",".join(fields)


class WiderFeed(WeatherFeed):
    """A feed with a column that the model does not know."""

    def payload(self, flight: Flight) -> str:
        return f"{super().payload(flight)},{flight.key}"


class NoisyFeed(WeatherFeed):
    """A feed that is cut off in the middle of a line now and then."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = count(1)

    def payload(self, flight: Flight) -> str:
        line = super().payload(flight)
        return line if next(self._lines) % 300 else line[: len(line) // 2]
