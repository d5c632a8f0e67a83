"""Where observe's reports lie in the data bucket.

reports/<endpoint>/yyyy/mm/dd/hh/{signals,statistics,constraint_violations}.json
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from selfheal.aws.objects import Objects
from selfheal.observe.report import Report

# A report older than this says nothing about now.
RECENT = timedelta(hours=24)


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
        return next(self._newest_first(now), None)

    def latest_performance(self, now: datetime, champion: str) -> Mapping[str, Any] | None:
        """Every metric of a champion, as observe measured it last; None where no report of a day has it.

        Observe measures all of them once a day: most reports have none.
        """
        reports = (report for report in self._newest_first(now) if report.champion == champion)
        return next((report.performance for report in reports if report.performance), None)

    def _newest_first(self, now: datetime) -> Iterator[Report]:
        keys = self._objects.list(self._root, f"{self._root}{now - RECENT:%Y/%m/%d/%H}")
        found = [listed.key for listed in keys if listed.key.endswith("/signals.json")]
        return (Report.from_json(json.loads(self._objects.read(key))) for key in reversed(found))
