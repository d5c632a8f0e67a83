"""EventBridge's schedules: rate and cron expressions, kept as appointments of the virtual clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, Protocol

from moto.events.models import EventsBackend, Rule

from twin.interfaces import Appointment, Clock, TwinError
from twin.patching import Patches

_RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\(([^()]*)\)")
_STEP_OF_RANGE = re.compile(r"(\*|[A-Z0-9]+(?:-[A-Z0-9]+)?)(?:/([1-9]\d*))?")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# field: lowest, highest, names (the first standing for the lowest)
_FIELDS: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "minutes": (0, 59, ()),
    "hours": (0, 23, ()),
    "day of month": (1, 31, ()),
    "month": (1, 12, _MONTHS),
    "day of week": (1, 7, _DAYS),
    "year": (1970, 2199, ()),
}


class Schedule(Protocol):
    def after(self, when: datetime) -> datetime | None:
        """The first firing later than `when`; None if there is none."""


@dataclass(frozen=True)
class Rate:
    """Fires each `every`, counted from when the rule was enabled."""

    every: timedelta

    def after(self, when: datetime) -> datetime:
        return when + self.every


@dataclass(frozen=True, kw_only=True)
class Cron:
    """AWS's six fields, in UTC; None in a day field is `?`, which leaves the day to the other one."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None
    years: frozenset[int]

    def after(self, when: datetime) -> datetime | None:
        start = when.astimezone(timezone.utc).replace(second=0, microsecond=0) + timedelta(minutes=1)
        day, earliest = start.date(), start.time()
        while day.year <= max(self.years):
            if day.year not in self.years:
                day = date(day.year + 1, 1, 1)
            elif self._on(day) and (fires := self._first(earliest)) is not None:
                return datetime.combine(day, fires, timezone.utc)
            else:
                day += timedelta(days=1)
            earliest = time.min
        return None

    def _on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        if self.days is not None:
            return day.day in self.days
        return self.weekdays is None or day.isoweekday() % 7 + 1 in self.weekdays

    def _first(self, earliest: time) -> time | None:
        for hour in self.hours:
            for minute in self.minutes:
                if (hour, minute) >= (earliest.hour, earliest.minute):
                    return time(hour, minute)
        return None


def parse_schedule(expression: str) -> Schedule:
    """Read `rate(…)` or `cron(…)`; L, W, # and ranges that wrap around are TwinErrors."""
    if rate := _RATE.fullmatch(expression):
        count = int(rate[1])
        if (count == 1) == bool(rate[3]):
            raise TwinError(f"schedule {expression!r}: AWS wants the singular for 1 and the plural otherwise")
        return Rate(timedelta(**{f"{rate[2]}s": count}))
    cron = _CRON.fullmatch(expression)
    fields = cron[1].split() if cron else []
    if len(fields) != len(_FIELDS):
        raise TwinError(f"schedule {expression!r} is neither rate(N unit) nor cron with six fields")
    minutes, hours, days, months, weekdays, years = (
        None if field == "?" else _values(field, name, expression)
        for field, name in zip(fields, _FIELDS, strict=True)
    )
    if minutes is None or hours is None or months is None or years is None:
        raise TwinError(f"schedule {expression!r}: '?' is for the day of month or the day of week")
    if (days is None) == (weekdays is None):
        raise TwinError(f"schedule {expression!r}: one of day of month and day of week must be '?'")
    return Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=weekdays,
        years=years,
    )


def _values(field: str, name: str, expression: str) -> frozenset[int]:
    low, high, _ = _FIELDS[name]
    values: set[int] = set()
    for part in field.upper().split(","):
        matched = _STEP_OF_RANGE.fullmatch(part)
        if matched is None:
            raise TwinError(f"schedule {expression!r}: {part!r} in {name} is not known to the twin")
        span, step = matched[1], int(matched[2] or 1)
        first, _, last = span.partition("-")
        start = low if span == "*" else _number(first, name, expression)
        # 5/15 runs from 5 to the end of the field; 5 alone is 5
        stop = _number(last, name, expression) if last else (high if span == "*" or matched[2] else start)
        if not low <= start <= stop <= high:
            raise TwinError(f"schedule {expression!r}: {part!r} in {name} is outside {low}-{high} or wraps")
        values.update(range(start, stop + 1, step))
    return frozenset(values)


def _number(text: str, name: str, expression: str) -> int:
    low, _, names = _FIELDS[name]
    if text in names:
        return low + names.index(text)
    if not text.isdigit():
        raise TwinError(f"schedule {expression!r}: {text!r} in {name} is not known to the twin")
    return int(text)


class Schedules:
    """Fires the enabled scheduled rules: `fire(rule's name)` runs at exactly the due time."""

    def __init__(self, clock: Clock, fire: Callable[[str], None]) -> None:
        self._clock = clock
        self._fire = fire
        self._next: dict[str, tuple[str, Appointment]] = {}

    def attach(self, patches: Patches) -> None:
        schedules = self

        def put_rule(backend: Any, name: str, **definition: Any) -> Rule:
            # Before moto stores it: a schedule that cannot be kept must not exist.
            if expression := definition.get("scheduled_expression"):
                parse_schedule(expression)
            rule: Rule = put(backend, name, **definition)
            schedules._follow(rule)
            return rule

        def enable_rule(backend: Any, name: str, event_bus_arn: str | None) -> bool:
            return bool(enable(backend, name, event_bus_arn)) and schedules._follow_named(backend, name)

        def disable_rule(backend: Any, name: str, event_bus_arn: str | None) -> bool:
            return bool(disable(backend, name, event_bus_arn)) and schedules._follow_named(backend, name)

        def delete_rule(backend: Any, name: str, event_bus_arn: str | None) -> None:
            delete(backend, name, event_bus_arn)
            schedules._forget(name)

        put = patches.replace(EventsBackend, "put_rule", put_rule)
        enable = patches.replace(EventsBackend, "enable_rule", enable_rule)
        disable = patches.replace(EventsBackend, "disable_rule", disable_rule)
        delete = patches.replace(EventsBackend, "delete_rule", delete_rule)

    def _follow_named(self, backend: Any, name: str) -> bool:
        if (rule := backend.event_buses["default"].rules.get(name)) is not None:
            self._follow(rule)
        return True

    def _follow(self, rule: Rule) -> None:
        """Bring the appointment in line with the rule: one while it is enabled, none otherwise."""
        expression = rule.scheduled_expression
        if expression is None or rule.state != "ENABLED":
            self._forget(rule.name)
            return
        known = self._next.get(rule.name)
        if known is None or known[0] != expression:
            self._forget(rule.name)
            self._arm(rule.name, expression, self._clock.now)

    def _forget(self, name: str) -> None:
        if (known := self._next.pop(name, None)) is not None:
            known[1].cancel()

    def _arm(self, name: str, expression: str, last: datetime) -> None:
        due = parse_schedule(expression).after(last)
        if due is None:
            return

        def fire() -> None:
            self._arm(name, expression, due)
            self._fire(name)

        self._next[name] = (expression, self._clock.at(due, fire, f"schedule of rule {name}"))
