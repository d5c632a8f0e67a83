"""Where traffic, outcomes and their profiles lie in the data bucket.

capture/<endpoint>/<variant>/yyyy/mm/dd/hh/*.jsonl     written by SageMaker
ground-truth/<endpoint>/yyyy/mm/dd/hh/*.jsonl          by time of collection
profiles/<endpoint>/<package>/yyyy/mm/dd/hh.json       one observed hour
rejected/<endpoint>/yyyy/mm/dd/hh.jsonl                lines that could not be read
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from selfheal.aws.objects import Objects
from selfheal.observe.capture import Inference, Rejected, read_capture, read_outcomes
from selfheal.observe.hours import Hour


def package_id(arn: str) -> str:
    """`arn:…:model-package/flights/3` → `flights-3`."""
    return arn.split("model-package/", 1)[-1].replace("/", "-")


# Files of an hour may come late, but not later than this: what is older no longer changes.
LATEST = timedelta(hours=3)


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
        fresh = dict(self._objects.list(self.root, self._key(start), last))
        settled = {key: etag for key, etag in self._etags.items() if first <= key < self._key(start)}
        self._etags = {**settled, **fresh}
        self._span = (since, until)
        self._objects.forget_before(self.root, first)
        return sorted(self._etags.items())

    def _key(self, hour: datetime) -> str:
        return f"{self.root}{hour:%Y/%m/%d/%H}"


class TrafficStore:
    """Traffic of one endpoint, by hour."""

    def __init__(self, objects: Objects, endpoint: str, variant: str) -> None:
        self._objects = objects
        self._endpoint = endpoint
        self._variant = variant
        self._outcomes = Folder(objects, f"ground-truth/{endpoint}/")
        self._profiles: dict[str, Folder] = {}

    def inferences(self, start: datetime, width: int) -> tuple[list[Inference], list[Rejected]]:
        """What was asked in the hour from `start`, by inference time.

        Records near the border of an hour may lie in the neighbour's folder, so both neighbours are read.
        Malformed lines are reported by the hour in whose folder they lie.
        """
        root = f"capture/{self._endpoint}/{self._variant}/"
        first, last = start - timedelta(hours=1), start + timedelta(hours=2)
        found: list[Inference] = []
        rejected: list[Rejected] = []
        for key, etag in self._objects.list(root, f"{root}{first:%Y/%m/%d/%H}", f"{root}{last:%Y/%m/%d/%H}"):
            good, bad = self._objects.parsed(key, etag, partial(read_capture, width=width))
            found += [inference for inference in good if start <= inference.at < start + timedelta(hours=1)]
            if key.startswith(f"{root}{start:%Y/%m/%d/%H}/"):
                rejected += bad
        self._objects.forget_before(root, f"{root}{first:%Y/%m/%d/%H}")
        return found, rejected

    def labels(self, since: datetime, until: datetime) -> tuple[dict[str, float], list[Rejected]]:
        """Outcomes collected in a time span, by inference key; the last one of a key wins.

        Malformed lines are reported of the last full hour only: earlier hours had their turn.
        """
        labels: dict[str, float] = {}
        rejected: list[Rejected] = []
        newest = f"{self._outcomes.root}{until - timedelta(hours=1):%Y/%m/%d/%H}/"
        for key, etag in self._outcomes.keys(since, until):
            outcomes, bad = self._objects.parsed(key, etag, _labels)
            labels.update(outcomes)
            rejected += bad if key.startswith(newest) else []
        return labels, rejected

    def save_hour(self, package: str, hour: Hour) -> None:
        key = f"{self._folder(package).root}{hour.start:%Y/%m/%d/%H}.json"
        self._objects.write_parsed(key, hour.to_json(), hour)

    def hours(self, package: str, since: datetime, until: datetime) -> list[Hour]:
        """Observed hours of a champion, in order of time."""
        keys = self._folder(package).keys(since, until)
        return [self._objects.parsed(key, etag, _hour) for key, etag in keys]

    def reject(self, hour: datetime, rejected: Sequence[Rejected]) -> None:
        """Keep the lines that could not be read, with position and reason. Rewrites the hour's file."""
        if rejected:
            lines = "".join(json.dumps(item.to_json()) + "\n" for item in rejected)
            self._objects.write(f"rejected/{self._endpoint}/{hour:%Y/%m/%d/%H}.jsonl", lines)

    def _folder(self, package: str) -> Folder:
        root = f"profiles/{self._endpoint}/{package_id(package)}/"
        return self._profiles.setdefault(package, Folder(self._objects, root))


def _labels(text: str, key: str) -> tuple[dict[str, float], list[Rejected]]:
    outcomes, rejected = read_outcomes(text, key)
    return {outcome.key: outcome.label for outcome in outcomes}, rejected


def _hour(text: str, _key: str) -> Hour:
    return Hour.from_json(json.loads(text))
