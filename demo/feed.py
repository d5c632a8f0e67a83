"""The weather feed that the application asks before it asks the model. Its supplier may change a unit unannounced."""

from __future__ import annotations

from datetime import datetime

from workloads.flights.data import FEATURES
from workloads.flights.replay import Flight

_TEMPERATURES = [FEATURES.index(name) for name in ("temp_f", "dewpoint_f")]


class WeatherFeed:
    """Temperatures in Fahrenheit, as the model knows them, but for a time in Celsius."""

    def __init__(self) -> None:
        self._celsius: tuple[datetime, datetime] | None = None

    def send_celsius(self, since: datetime, until: datetime) -> None:
        """From now on, temperatures of [since, until) come in Celsius."""
        self._celsius = since, until

    def payload(self, flight: Flight) -> str:
        """What the model is asked about a flight."""
        if self._celsius is None or not self._celsius[0] <= flight.at < self._celsius[1]:
            return flight.payload
        fields = flight.payload.split(",")
        for place in _TEMPERATURES:
            fields[place] = _celsius(fields[place])
        return ",".join(fields)


def _celsius(fahrenheit: str) -> str:
    """In hundredths of a degree; what is missing stays missing."""
    return f"{(float(fahrenheit) - 32) / 1.8:.2f}" if fahrenheit else fahrenheit
