"""Where traffic, outcomes and their profiles lie in the data bucket.

capture/<endpoint>/<variant>/yyyy/mm/dd/hh/*.jsonl              written by SageMaker
ground-truth/<endpoint>/yyyy/mm/dd/hh/*.jsonl                   by time of collection
profiles/<endpoint>/<package>/yyyy/mm/dd/hh.json                one observed hour
profiles/<endpoint>/<package>.standing/yyyy/mm/dd/hh.json      what is known after that hour
rejected/<endpoint>/yyyy/mm/dd/hh.jsonl                         lines that could not be read
rejected/<endpoint>/yyyy/mm/dd/hh/*.jsonl                       those that a profile job could not read
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial

from selfheal.aws.errors import Missing
from selfheal.aws.objects import Listed, Objects
from selfheal.observe.baseline import Baseline
from selfheal.observe.drift.standing import Standing
from selfheal.observe.hours import Hour, quiet_hour
from selfheal.observe.performance.outcomes import Outcomes
from selfheal.observe.profiles.layout import Layout
from selfheal.observe.reading.files import FileRead, Part, Reading, around, merge_parts, read_file
from selfheal.observe.reading.ground_truth import read_outcomes
from selfheal.observe.reading.lines import Rejected, lines_of
from selfheal.observe.reading.traffic import Schema

HOUR = timedelta(hours=1)
# Files of an hour may come late, but not later than this: what is older no longer changes.
LATEST = timedelta(hours=3)


def package_id(arn: str) -> str:
    """`arn:…:model-package/flights/3` → `flights-3`."""
    return arn.split("model-package/", 1)[-1].replace("/", "-")


class Folder:
    """Keys under one root that are named by hours, of which only the latest are listed again and again."""

    def __init__(self, objects: Objects, root: str) -> None:
        self._objects = objects
        self.root = root
        self._etags: dict[str, str] = {}
        self._span: tuple[datetime, datetime] | None = None

    def keys(self, since: datetime, until: datetime) -> list[tuple[str, str]]:
        """Keys of the hours in [since, until) with their ETags, in order of time."""
        known_since, known_until = self._span or (until, until)
        if since < known_since:
            self._etags.clear()
            start = since
        else:
            start = max(since, min(known_until, until) - LATEST)
        first, last = self._key(since), self._key(until)
        listed = self._objects.list(self.root, self._key(start), last)
        fresh = {each.key: each.etag for each in listed}
        settled = {key: etag for key, etag in self._etags.items() if first <= key < self._key(start)}
        self._etags = {**settled, **fresh}
        self._span = (since, until)
        self._objects.forget_before(self.root, first)
        return sorted(self._etags.items())

    def _key(self, hour: datetime) -> str:
        return f"{self.root}{hour:%Y/%m/%d/%H}"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An hour as it is stored.

    Attributes:
        sources: names the files that it was made of: other files, another name.
    """

    hour: Hour
    sources: str


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What is known of a folder whose files are too much for a function to read.

    Attributes:
        parts: what its files leave behind; none while it is not known.
        awaited: why it is not known; empty where it is.
    """

    parts: tuple[Part, ...] = ()
    awaited: str = ""


# Files by the hour in whose folder they lie; those of neighbours are read for the rows near the border.
Folders = Mapping[datetime, tuple[Listed, ...]]


class TrafficStore:
    """Traffic of one endpoint, by hour."""

    def __init__(self, objects: Objects, endpoint: str, variant: str) -> None:
        self._objects = objects
        self._endpoint = endpoint
        self.capture = f"capture/{endpoint}/{variant}/"
        self._outcomes = Folder(objects, f"ground-truth/{endpoint}/")
        self._profiles: dict[str, Folder] = {}
        self._standing: dict[str, tuple[datetime, Standing]] = {}

    def folders(self, starts: Sequence[datetime]) -> Folders:
        """The captured files that may have rows of these hours, which are in order of time."""
        first, last = starts[0] - HOUR, starts[-1] + 2 * HOUR
        found: dict[str, list[Listed]] = {}
        for listed in self._objects.list(self.capture, self._folder_of(first), self._folder_of(last)):
            found.setdefault(listed.key.rpartition("/")[0], []).append(listed)
        self._objects.forget_before(self.capture, self._folder_of(first))
        wanted = sorted({hour for start in starts for hour in around(start)})
        return {hour: tuple(found.get(self._folder_of(hour), ())) for hour in wanted}

    def observe(
        self,
        starts: Sequence[datetime],
        package: str,
        baseline: Baseline,
        folders: Folders | None = None,
        elsewhere: Mapping[datetime, Elsewhere] | None = None,
    ) -> list[tuple[Stored, list[Rejected]]]:
        """What was asked in each of some hours, by inference time, as the champion's bins have it.

        Malformed lines count for the hour in whose folder they lie.

        Args:
            folders: of these hours, where they were listed already.
            elsewhere: what is known of the folders that are read elsewhere. An hour whose own folder is not
                known yet is left out; one whose neighbour's is not lacks the rows near that border, and
                another set of files, once they are there.
        """
        folders = self.folders(starts) if folders is None else folders
        elsewhere = elsewhere or {}
        reading = Reading(champion=package, schema=baseline.schema, layout=baseline.layout)
        read = {
            hour: [] if hour in elsewhere else self._read(hour, files, reading)
            for hour, files in folders.items()
        }
        found = []
        for start in starts:
            if start in elsewhere and elsewhere[start].awaited:
                continue
            near = [hour for hour in around(start) if hour in folders]
            parts = [part for hour in near for file in read[hour] for part in file.parts]
            parts += [part for hour in near if hour in elsewhere for part in elsewhere[hour].parts]
            etags = {listed.key: listed.etag for hour in near for listed in folders[hour]}
            stored = _stored_of(start, [part for part in parts if part.start == start], etags, reading.layout)
            found.append((stored, [line for file in read[start] for line in file.rejected]))
        return found

    def outcomes(self, since: datetime, until: datetime, schema: Schema) -> tuple[Outcomes, list[Rejected]]:
        """Outcomes collected in a time span, in order of collection.

        Malformed lines are reported of the last full hour only: earlier hours had their turn.
        """
        newest = f"{self._outcomes.root}{until - HOUR:%Y/%m/%d/%H}/"
        found, rejected = [], []
        parse = partial(_labels, schema=schema, root=self._outcomes.root)
        for key, etag in self._outcomes.keys(since, until):
            outcomes, bad = self._objects.parsed(key, etag, parse)
            found.append(outcomes)
            rejected += bad if key.startswith(newest) else []
        return Outcomes.merge(found), rejected

    def save_hour(self, package: str, stored: Stored) -> None:
        key = f"{self._folder(package).root}{stored.hour.start:%Y/%m/%d/%H}.json"
        body = {"sources": stored.sources, "hour": stored.hour.to_json()}
        self._objects.write_parsed(key, body, stored)

    def hours(self, package: str, layout: Layout, since: datetime, until: datetime) -> list[Stored]:
        """Observed hours of a champion, in order of time."""
        keys = self._folder(package).keys(since, until)
        return [self._objects.parsed(key, etag, partial(_stored, layout=layout)) for key, etag in keys]

    def standing(self, package: str, after: datetime) -> Standing | None:
        """What was known after the hour that begins at `after`; None where that hour was never judged."""
        if self._standing.get(package, (None,))[0] == after:
            return self._standing[package][1]
        try:
            return Standing.from_json(self._objects.read_json(self._standing_key(package, after)))
        except Missing:
            return None

    def save_standing(self, package: str, after: datetime, standing: Standing) -> None:
        self._objects.write_json(self._standing_key(package, after), standing.to_json())
        self._standing = {package: (after, standing)}

    def reject(self, hour: datetime, rejected: Sequence[Rejected]) -> None:
        """Keep the lines that could not be read, with position and reason. Rewrites the hour's file."""
        if rejected:
            lines = "".join(json.dumps(item.to_json()) + "\n" for item in rejected)
            self._objects.write(f"rejected/{self._endpoint}/{hour:%Y/%m/%d/%H}.jsonl", lines)

    def _read(self, hour: datetime, files: Sequence[Listed], reading: Reading) -> list[FileRead]:
        parse, kind = partial(_file, folder=hour, reading=reading), package_id(reading.champion)
        return [self._objects.parsed(each.key, each.etag, parse, kind) for each in files]

    def _folder_of(self, hour: datetime) -> str:
        return f"{self.capture}{hour:%Y/%m/%d/%H}"

    def _folder(self, package: str) -> Folder:
        root = f"profiles/{self._endpoint}/{package_id(package)}/"
        return self._profiles.setdefault(package, Folder(self._objects, root))

    def _standing_key(self, package: str, after: datetime) -> str:
        # Beside the hours, not below them: their listing must not walk over these.
        root = f"profiles/{self._endpoint}/{package_id(package)}.standing"
        return f"{root}/{after:%Y/%m/%d/%H}.json"


def _file(text: str, key: str, folder: datetime, reading: Reading) -> FileRead:
    return read_file(lines_of(text), key, folder, reading)


def _stored_of(start: datetime, parts: Sequence[Part], etags: Mapping[str, str], layout: Layout) -> Stored:
    """An hour from what its files leave of it, named after these files."""
    whole = merge_parts(parts) if parts else Part(hour=quiet_hour(start, layout), files=())
    own = [(key, etags[key]) for key in whole.files]
    return Stored(hour=whole.hour, sources=hashlib.sha256(json.dumps(own).encode()).hexdigest()[:16])


def _labels(text: str, key: str, schema: Schema, root: str) -> tuple[Outcomes, list[Rejected]]:
    year, month, day, hour = key[len(root) :].split("/")[:4]
    collected_at = datetime(int(year), int(month), int(day), int(hour), tzinfo=timezone.utc)
    return read_outcomes(text, key, schema, collected_at)


def _stored(text: str, _key: str, layout: Layout) -> Stored:
    body = json.loads(text)
    return Stored(hour=Hour.from_json(body["hour"], layout), sources=body["sources"])
