"""Where observe's reports lie in the data bucket.

reports/<endpoint>/yyyy/mm/dd/hh/{signals,statistics,constraint_violations}.json
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from selfheal.aws.errors import AwsError
from selfheal.aws.objects import Objects
from selfheal.observe.report import Report

# A report older than this says nothing about now.
RECENT = timedelta(hours=24)
HOUR = timedelta(hours=1)


class ReportStore:
    """Reports of one endpoint."""

    def __init__(self, objects: Objects, endpoint: str) -> None:
        self._objects = objects
        self._root = f"reports/{endpoint}/"

    def save(self, report: Report, files: Mapping[str, Any]) -> None:
        """The report of a moment beside its files (name without ending → body)."""
        folder = f"{self._root}{report.at:%Y/%m/%d/%H}"
        for name, body in files.items():
            self._objects.write_json(f"{folder}/{name}.json", body)
        self._objects.write_json(f"{folder}/signals.json", report.to_json())

    def latest(self, now: datetime) -> Report | None:
        """What observe found last, or None where it found nothing within a day."""
        return next(self.newest_first(now), None)

    def rows_of_a_day(self, now: datetime) -> int | None:
        """Rows that observe counted in the reports of the last 24 hours; None where there is no report.

        An hour without a report counts as one without rows: rather too low than too high.

        Raises:
            AwsError: a file is not what observe writes.
        """
        first, end = now - RECENT + HOUR, now + HOUR
        listed = self._objects.list(
            self._root, f"{self._root}{first:%Y/%m/%d/%H}", f"{self._root}{end:%Y/%m/%d/%H}"
        )
        rows = [self._rows(item.key) for item in listed if item.key.endswith("/statistics.json")]
        return sum(rows) if rows else None

    def _rows(self, key: str) -> int:
        """Rows of the hour that a report in Model Monitor's format is of."""
        try:
            return int(json.loads(self._objects.read(key))["dataset"]["item_count"])
        except (ValueError, KeyError, TypeError) as error:
            raise AwsError(
                f"s3://{self._objects.bucket}/{key} holds no dataset.item_count ({type(error).__name__}): "
                "remove it, and the hour counts as one without a report"
            ) from error

    def newest_first(self, now: datetime, within: timedelta = RECENT) -> Iterator[Report]:
        """Reports of the time up to the hour of `now`, each read when it is asked for."""
        first, end = f"{self._root}{now - within:%Y/%m/%d/%H}", f"{self._root}{now + HOUR:%Y/%m/%d/%H}"
        keys = self._objects.list(self._root, first, end)
        found = [listed.key for listed in keys if listed.key.endswith("/signals.json")]
        return (Report.from_json(json.loads(self._objects.read(key))) for key in reversed(found))
