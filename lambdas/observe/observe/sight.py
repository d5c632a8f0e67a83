"""What observe sees: the hours of traffic as they are known at a moment, read here or by a job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from selfheal.aws.profile_job import ProfileJobs
from selfheal.aws.traffic_store import Stored, TrafficStore
from selfheal.observe.baseline import Baseline
from selfheal.observe.hours import Hour
from selfheal.observe.reading.files import Reading
from selfheal.observe.reading.lines import Rejected

HOUR = timedelta(hours=1)
# Hours that no run looked at are made up for, up to a day of them.
CATCH_UP = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Traffic as it is known now.

    Attributes:
        hours: in order of time, the one that closed last among them unless it is awaited.
        changed: the first hour that is another than when it was judged last.
        rejected: lines of the last hour that could not be read here.
        awaited: by hour, in order of time, why it is not known yet.
    """

    hours: tuple[Hour, ...]
    changed: datetime
    rejected: tuple[Rejected, ...]
    awaited: dict[datetime, str]


class Sight:
    """Sees one endpoint's traffic, and stores each hour that it sees."""

    def __init__(self, store: TrafficStore, jobs: ProfileJobs, longest: timedelta) -> None:
        self._store = store
        self._jobs = jobs
        self._longest = longest

    def see(self, now: datetime, package: str, baseline: Baseline) -> Seen:
        """The hour that closed; the one before it once more, since its files may have come late; and hours
        that are still missing."""
        known = self._store.hours(package, baseline.layout, now - self._longest, now)
        stored = {each.hour.start: each for each in known}
        first = now - 2 * HOUR if self._store.standing(package, now - 2 * HOUR) else now - HOUR
        starts = _due(stored, now, first)
        folders = self._store.folders(starts)
        reading = Reading(champion=package, schema=baseline.schema, layout=baseline.layout)
        elsewhere = self._jobs.look(folders, self._store.capture, reading, now)
        seen = Seen(hours=(), changed=now - HOUR, rejected=(), awaited={})
        for found, bad in self._store.observe(starts, package, baseline, folders, elsewhere):
            start = found.hour.start
            if start not in stored or stored[start].sources != found.sources:
                self._store.save_hour(package, found)
                stored[start] = found
                seen = replace(seen, changed=min(seen.changed, start))
            if start == now - HOUR:
                seen = replace(seen, rejected=tuple(bad))
        return replace(
            seen,
            hours=tuple(stored[start].hour for start in sorted(stored)),
            awaited={
                start: elsewhere[start].awaited
                for start in starts
                if start not in stored and start in elsewhere and elsewhere[start].awaited
            },
        )


def _due(stored: dict[datetime, Stored], now: datetime, first: datetime) -> list[datetime]:
    """The last two hours, and those since the champion's first that nobody has seen, in order of time.

    Args:
        first: the champion's first hour where none of its hours is stored.
    """
    # Only gaps are filled: what was served before this champion is not its traffic.
    oldest = max(min(stored, default=first), now - CATCH_UP)
    hours = [oldest + place * HOUR for place in range((now - oldest) // HOUR)]
    return [start for start in hours if start not in stored or start >= now - 2 * HOUR]
