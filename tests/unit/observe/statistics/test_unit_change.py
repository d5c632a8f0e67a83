"""A unit that changes between two hours: found on real weather, and not found where nothing changed."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from selfheal.observe.statistics.unit_change import Pace, unit_change
from workloads.flights.data import FEATURES, flights

TRAINED, WEEK = 800, 100  # observed hours; nights have no flights


@functools.cache
def weather(feature):
    """Hourly means of what the flights' model was asked in 2013, and their hours."""
    rows = flights()
    hours = rows["scheduled_at"].dt.floor("h").astype("int64") // 3_600_000_000
    hours = hours if hours.iloc[0] < 1e6 else hours // 1000
    grouped = rows.groupby(hours)[feature]
    means = grouped.mean()[grouped.count() >= 8]
    return means.to_numpy(), means.index.to_numpy(dtype=np.int64)


def celsius(fahrenheit):
    return (fahrenheit - 32) / 1.8


def days(times):
    """Places in the series: the first hours of days, three days apart, over ten months."""
    return range(TRAINED + WEEK, len(times) - 80, 57)


# The dew point jumps by itself when the air changes: less of it is beyond what training saw.
@pytest.mark.parametrize(("feature", "most", "by_name"), [("temp_f", 0.95, 0.85), ("dewpoint_f", 0.75, 0.65)])
def test_a_day_in_celsius_is_found_within_hours_and_ends_when_it_ends(feature, most, by_name):
    means, times = weather(feature)
    found, named, ended = [], [], []
    for day in days(times):
        pace = Pace.of(*(series[day - WEEK - TRAINED : day - WEEK] for series in (means, times)))
        broken = means[day - WEEK : day + 40].copy()
        broken[WEEK : WEEK + 20] = celsius(broken[WEEK : WEEK + 20])
        seen = times[day - WEEK : day + 40]
        found.append(unit_change(broken[: WEEK + 6], seen[: WEEK + 6], pace))
        last = unit_change(broken[: WEEK + 20], seen[: WEEK + 20], pace)
        named.append(last is not None and "fahrenheit to celsius" in last.known)
        ended += [unit_change(broken[:end], seen[:end], pace) is None for end in (WEEK + 23, WEEK + 40)]
    assert len(found) > 80
    assert np.mean([each is not None and each.since == WEEK for each in found]) > most
    assert np.mean(named) > by_name
    assert np.mean(ended) > 0.97


def test_a_barometer_in_inches_is_always_found_and_always_named():
    means, times = weather("pressure_hpa")
    for day in list(days(times))[::4]:
        pace = Pace.of(means[day - TRAINED : day - 30], times[day - TRAINED : day - 30])
        broken = np.append(means[day - 30 : day], means[day : day + 3] / 33.86389)
        found = unit_change(broken, times[day - 30 : day + 3], pace)
        assert found.known == "hectopascals to inches of mercury"
        assert found.since == 30


@pytest.mark.parametrize("feature", [name for name in FEATURES if name not in ("carrier", "origin", "dest")])
def test_ten_months_of_weather_have_no_new_unit(feature):
    means, times = weather(feature)
    for start in range(TRAINED, len(times) - 120, 120):
        pace = Pace.of(means[start - TRAINED : start], times[start - TRAINED : start])
        for end in range(start, start + 120, 5) if pace else ():
            assert unit_change(means[end - 130 : end], times[end - 130 : end], pace) is None


@given(
    arrays(float, st.integers(0, 300), elements=st.floats(allow_nan=False, allow_infinity=False)),
    st.integers(0, 2**32),
)
def test_any_series_has_a_pace_or_none_and_a_change_or_none(means, seed):
    hours = np.cumsum(np.random.default_rng(seed).integers(1, 10, means.size))
    pace = Pace.of(means, hours) or Pace(scale=1.0, freedom=2.0, largest=5.0, level=0.0)
    assert Pace.from_json(pace.to_json()) == pace
    found = unit_change(means, hours, pace)
    assert found is None or (0 < found.since <= means.size - 3 and found.scale > 0)


def test_rain_has_no_pace():
    rain = np.zeros(1000)
    rain[::5] = np.random.default_rng(1).random(200)
    assert Pace.of(rain, np.arange(1000)) is None
    assert Pace.of(np.arange(50.0), np.arange(50)) is None
