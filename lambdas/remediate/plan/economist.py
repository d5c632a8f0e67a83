"""Weighs a retraining by what observe reported last."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from selfheal.aws.errors import AwsError
from selfheal.aws.objects import Objects
from selfheal.aws.report_store import ReportStore
from selfheal.remediate.economics import Economics, unstated_value, weigh_retraining
from selfheal.remediate.value_policy import ValuePolicy

HOURS = 24


class Economist:
    """Economics of one endpoint.

    Args:
        worse_percent: of the performance policy that observe judges by.
        sampling_percent: the share of the requests that is captured.
    """

    def __init__(
        self,
        objects: Objects,
        endpoint: str,
        *,
        policy: ValuePolicy,
        worse_percent: float,
        sampling_percent: float,
    ) -> None:
        self._objects = objects
        self._endpoint = endpoint
        self._reports = ReportStore(objects, endpoint)
        self._policy = policy
        self._worse_percent = worse_percent
        self._sampling_percent = sampling_percent

    def weigh(self, now: datetime) -> Economics:
        """Whether a retraining pays. Reports are read only where somebody stated what quality is worth.

        Raises:
            AwsError: a report is not what observe writes.
        """
        if not self._policy.is_stated:
            return unstated_value(self._policy)
        report = self._reports.latest(now)
        return weigh_retraining(
            report.signals if report else (),
            self._predictions_per_day(now),
            self._policy,
            worse_percent=self._worse_percent,
        )

    def _predictions_per_day(self, now: datetime) -> float | None:
        """Rows that observe counted in the reports of 24 hours; None where there is no report.

        An hour without a report counts as one without rows: rather too low than too high. What capture
        leaves out is made up for by its sampling rate.
        """
        root = f"reports/{self._endpoint}/"
        first, end = now - timedelta(hours=HOURS - 1), now + timedelta(hours=1)
        listed = self._objects.list(root, f"{root}{first:%Y/%m/%d/%H}", f"{root}{end:%Y/%m/%d/%H}")
        rows = [self._rows(item.key) for item in listed if item.key.endswith("/statistics.json")]
        return sum(rows) * 100 / self._sampling_percent if rows else None

    def _rows(self, key: str) -> int:
        """Rows of the hour that a report in Model Monitor's format is of."""
        try:
            return int(json.loads(self._objects.read(key))["dataset"]["item_count"])
        except (ValueError, KeyError, TypeError) as error:
            raise AwsError(
                f"s3://{self._objects.bucket}/{key} holds no dataset.item_count ({type(error).__name__}): "
                "remove it, and the hour counts as one without a report"
            ) from error
