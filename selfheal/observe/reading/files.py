"""What a capture file leaves behind: the unit in which traffic is read, wherever that happens.

The function, the machines of a processing job and Spark all call `read_file` for a file and merge what comes
of it. Parts of hours merge associatively and commutatively, bit for bit, so that the same files make the same
hours however they are shared out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from selfheal.observe.hours import Hour, hour_parts, merge_hour, quiet_hour
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.profiles.layout import Layout
from selfheal.observe.reading.capture import read_blocks
from selfheal.observe.reading.lines import Rejected
from selfheal.observe.reading.traffic import Schema

HOUR = timedelta(hours=1)
# Parts of an hour that are kept before they are merged: few, since each holds up to 10,000 predictions.
_GATHERED = 16


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a champion's traffic is read.

    Attributes:
        champion: the model package whose answers are judged.
        schema: what payloads and answers look like.
        layout: the bins that rows are counted on.
    """

    champion: str
    schema: Schema
    layout: Layout

    def to_json(self) -> dict[str, Any]:
        return {
            "champion": self.champion,
            "features": [[name, numeric] for name, numeric in self.schema.features],
            "task": Task(self.schema.task).value,
            "classes": list(self.schema.classes),
            "layout": self.layout.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Reading:
        """Raises KeyError or ValueError where it is none."""
        schema = Schema(
            features=tuple((name, numeric) for name, numeric in body["features"]),
            task=Task(body["task"]),
            classes=tuple(body["classes"]),
        )
        return cls(champion=body["champion"], schema=schema, layout=Layout.from_json(body["layout"]))


@dataclass(frozen=True, kw_only=True)
class Part:
    """What some files leave behind of one hour.

    Attributes:
        files: the names, in order, of those that have rows of the hour or lie in its folder.
    """

    hour: Hour
    files: tuple[str, ...]

    @property
    def start(self) -> datetime:
        return self.hour.start

    def to_json(self) -> dict[str, Any]:
        return {"hour": self.hour.to_json(), "files": list(self.files)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any], layout: Layout) -> Part:
        """Raises ProfileError where it was made for another layout."""
        return cls(hour=Hour.from_json(body["hour"], layout), files=tuple(body["files"]))


@dataclass(frozen=True, kw_only=True)
class FileRead:
    """What one file leaves behind: a part of each hour that it has rows of and of the hour in whose folder
    it lies, and the lines that could not be read. These and requests that asked a golden set count for the latter."""

    parts: tuple[Part, ...]
    rejected: tuple[Rejected, ...]


class Gathering:
    """Parts as they come in, by hour. Of any number of files it keeps a few at a time."""

    def __init__(self) -> None:
        self._parts: dict[datetime, list[Part]] = {}

    def add(self, parts: Iterable[Part]) -> None:
        for part in parts:
            gathered = self._parts.setdefault(part.start, [])
            gathered.append(part)
            if len(gathered) >= _GATHERED:
                self._parts[part.start] = [merge_parts(gathered)]

    def merged(self) -> list[Part]:
        """One part an hour, in order of time."""
        return [merge_parts(self._parts[start]) for start in sorted(self._parts)]


def read_file(lines: Iterable[str | bytes], name: str, folder: datetime, reading: Reading) -> FileRead:
    """Read a capture file, block by block.

    Args:
        lines: as `read_blocks` takes them.
        name: the file's key, by which its rejected lines are found again.
        folder: the hour in whose folder it lies.
    """
    gathering, rejected, golden = Gathering(), list[Rejected](), 0
    for traffic, refused in read_blocks(lines, name, reading.schema):
        rejected += refused
        golden += traffic.golden
        hours = hour_parts(traffic, reading.schema, reading.layout, reading.champion)
        near = around(folder)
        gathering.add(Part(hour=hour, files=(name,)) for start, hour in hours.items() if start in near)
        rejected += [_stray(name, hour) for start, hour in hours.items() if start not in near]
    own = replace(quiet_hour(folder, reading.layout), malformed=len(rejected), golden=golden)
    gathering.add([Part(hour=own, files=(name,))])
    return FileRead(parts=tuple(gathering.merged()), rejected=tuple(rejected))


def _stray(name: str, hour: Hour) -> Rejected:
    """Rows so far from their file's hour that no look at their own hour would find them."""
    reason = f"{hour.rows} rows are of {hour.start:%Y-%m-%d %H}:00, more than an hour from their file's hour"
    return Rejected(name, 0, reason, "")


def merge_parts(parts: Sequence[Part]) -> Part:
    """One part of several of the same hour, at least one."""
    if len(parts) == 1:
        return parts[0]
    files = sorted({name for part in parts for name in part.files})
    return Part(hour=merge_hour([part.hour for part in parts]), files=tuple(files))


def around(folder: datetime) -> tuple[datetime, datetime, datetime]:
    """The hours that the files of one hour's folder may have rows of: records lie by the time of writing."""
    return folder - HOUR, folder, folder + HOUR
