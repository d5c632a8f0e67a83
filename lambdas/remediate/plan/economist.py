"""Weighs a retraining by what observe reported last."""

from __future__ import annotations

from datetime import datetime

from selfheal.aws.objects import Objects
from selfheal.aws.report_store import ReportStore
from selfheal.remediate.economics import Economics, unstated_value, weigh_retraining
from selfheal.remediate.value_policy import ValuePolicy


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
        """What capture leaves out is made up for by its sampling rate."""
        rows = self._reports.rows_of_a_day(now)
        return None if rows is None else rows * 100 / self._sampling_percent
