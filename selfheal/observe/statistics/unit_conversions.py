"""Conversions of units that data pipelines get wrong, as linear maps x -> scale * x + offset.

A short list on purpose: each entry more is one more map that an ordinary drift may resemble. Factors are the
exact ones of the international definitions where there are any.

Source: NIST Special Publication 811, appendix B, "Conversion factors".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class UnitMap:
    """Attributes:
    name: what becomes what, such as "celsius to fahrenheit".
    scale, offset: what a value is multiplied by, then what is added.
    """

    name: str
    scale: float
    offset: float


_CONVERSIONS: tuple[tuple[str, str, float, float], ...] = (
    # name, name of the way back, scale, offset
    ("celsius to fahrenheit", "fahrenheit to celsius", 1.8, 32.0),
    ("celsius to kelvin", "kelvin to celsius", 1.0, 273.15),
    ("kelvin to fahrenheit", "fahrenheit to kelvin", 1.8, -459.67),
    ("dollars to cents, fraction to per cent", "cents to dollars, per cent to fraction", 100.0, 0.0),
    ("seconds to milliseconds, thousands to ones", "milliseconds to seconds, ones to thousands", 1e3, 0.0),
    ("centimetres to millimetres", "millimetres to centimetres", 10.0, 0.0),
    ("fraction to basis points", "basis points to fraction", 1e4, 0.0),
    ("seconds to microseconds, millions to ones", "microseconds to seconds, ones to millions", 1e6, 0.0),
    ("seconds to nanoseconds, billions to ones", "nanoseconds to seconds, ones to billions", 1e9, 0.0),
    ("kibibytes to bytes", "bytes to kibibytes", 1024.0, 0.0),
    ("mebibytes to bytes", "bytes to mebibytes", 1024.0**2, 0.0),
    ("minutes to seconds, hours to minutes", "seconds to minutes, minutes to hours", 60.0, 0.0),
    ("hours to seconds", "seconds to hours", 3600.0, 0.0),
    ("days to hours", "hours to days", 24.0, 0.0),
    ("days to seconds", "seconds to days", 86_400.0, 0.0),
    ("years to months, feet to inches", "months to years, inches to feet", 12.0, 0.0),
    ("years to days", "days to years", 365.25, 0.0),
    ("miles to kilometres", "kilometres to miles", 1.609344, 0.0),
    ("knots to kilometres per hour", "kilometres per hour to knots", 1.852, 0.0),
    ("knots to miles per hour", "miles per hour to knots", 1852 / 1609.344, 0.0),
    ("inches to centimetres", "centimetres to inches", 2.54, 0.0),
    ("metres to feet", "feet to metres", 1 / 0.3048, 0.0),
    ("kilograms to pounds", "pounds to kilograms", 1 / 0.45359237, 0.0),
    ("metres per second to kilometres per hour", "kilometres per hour to metres per second", 3.6, 0.0),
    ("metres per second to miles per hour", "miles per hour to metres per second", 3600 / 1609.344, 0.0),
    ("metres per second to knots", "knots to metres per second", 3600 / 1852, 0.0),
    ("gallons to litres", "litres to gallons", 3.785411784, 0.0),
    ("ounces to grams", "grams to ounces", 28.349523125, 0.0),
    ("pounds per square inch to kilopascals", "kilopascals to pounds per square inch", 6.894757293168, 0.0),
    ("inches of mercury to hectopascals", "hectopascals to inches of mercury", 33.86389, 0.0),
    ("calories to joules", "joules to calories", 4.184, 0.0),
    ("radians to degrees", "degrees to radians", 57.29577951308232, 0.0),
)

KNOWN_MAPS: tuple[UnitMap, ...] = tuple(
    each
    for there, back, scale, offset in _CONVERSIONS
    for each in (
        UnitMap(name=there, scale=scale, offset=offset),
        UnitMap(name=back, scale=1 / scale, offset=(0.0 - offset) / scale),
    )
)
