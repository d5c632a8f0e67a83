"""CloudWatch's metric store: every raw value, by minute, so that percentiles are real ones."""

from __future__ import annotations

import re
import statistics as _statistics
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue
from moto.cloudwatch.models import CloudWatchBackend, MetricDatumBase
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from twin.interfaces import TwinError
from twin.patching import Patches

MINUTE = 60
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)")
_SIMPLE: dict[str, Callable[[Sequence[float]], float]] = {
    "Average": _statistics.fmean,
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": lambda values: float(len(values)),
}

Key = tuple[str, str, frozenset[tuple[str, str]]]


class _Series:
    """One metric: parallel arrays of minutes since the epoch and values, 16 bytes a value, by minute."""

    __slots__ = ("minutes", "values")

    def __init__(self) -> None:
        self.minutes = array("q")
        self.values = array("d")

    def add(self, minute: int, value: float) -> None:
        if self.minutes and minute < self.minutes[-1]:  # late data: rare, so a linear insertion will do
            where = bisect_right(self.minutes, minute)
            self.minutes.insert(where, minute)
            self.values.insert(where, value)
        else:
            self.minutes.append(minute)
            self.values.append(value)

    def buckets(self, period: int, start: int, end: int) -> Iterator[tuple[int, array[float]]]:
        """Non-empty periods as (first minute, values), for minutes in [start, end)."""
        at = bisect_left(self.minutes, start)
        stop = bisect_left(self.minutes, end, at)
        while at < stop:
            first = self.minutes[at] // period * period
            until = bisect_left(self.minutes, min(first + period, end), at, stop)
            yield first, self.values[at:until]
            at = until


class MetricStore:
    """Implements `interfaces.Metrics`, and answers CloudWatch's API once `attach`ed to moto.

    Units are not kept: a query that filters by one is refused.
    """

    def __init__(self) -> None:
        self._series: dict[Key, _Series] = {}

    def put(
        self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, at: datetime
    ) -> None:
        key = (namespace, name, frozenset(dimensions.items()))
        series = self._series.get(key)
        if series is None:
            series = self._series.setdefault(key, _Series())
        series.add(int(at.timestamp()) // MINUTE, value)

    def known(self) -> list[Key]:
        """Every metric that ever had a value."""
        return list(self._series)

    def statistic(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        stat: str,
        period_seconds: int,
        start: datetime,
        end: datetime,
    ) -> list[tuple[datetime, float]]:
        """(start of period, statistic) for each non-empty period, oldest first.

        Periods lie on multiples of `period_seconds` since the epoch; `start` is rounded down to one,
        `end` is exclusive. `stat` is Average, Sum, Minimum, Maximum, SampleCount or a percentile such
        as p95 or p99.9, which interpolates linearly between the two nearest ranks, the lowest value
        being p0 and the highest p100.
        """
        reduce = reducer(stat)
        period = whole_minutes(period_seconds)
        series = self._series.get((namespace, name, frozenset(dimensions.items())))
        if series is None:
            return []
        first = int(start.timestamp()) // period_seconds * period
        last = -(-int(end.timestamp()) // MINUTE)
        return [
            (datetime.fromtimestamp(minute * MINUTE, timezone.utc), reduce(values))
            for minute, values in series.buckets(period, first, last)
        ]

    def attach(self, patches: Patches) -> None:
        """Make moto's CloudWatch read from and write to this store."""
        store = self

        def put_metric_data(backend: Any, namespace: str, metric_data: list[dict[str, Any]]) -> None:
            for number, datum in enumerate(metric_data, start=1):
                backend._validate_parameters_put_metric_data(datum, number)
                store._put_datum(namespace, datum, number)

        def get_all_metrics(backend: Any) -> list[MetricDatumBase]:
            del backend
            return [_listed(key) for key in store.known()]

        def get_metric_data(
            backend: Any,
            queries: list[dict[str, Any]],
            start_time: datetime,
            end_time: datetime,
            scan_by: str = "TimestampAscending",
        ) -> list[dict[str, Any]]:
            del backend
            span = (_aware(start_time), _aware(end_time))
            return [store._answer(query, span, scan_by) for query in queries if query.get("ReturnData", True)]

        def get_metric_statistics(response: Any) -> ActionResult:
            return ActionResult(store._datapoints(response._get_params()))

        patches.replace(CloudWatchBackend, "put_metric_data", put_metric_data)
        patches.replace(CloudWatchBackend, "get_all_metrics", get_all_metrics)
        patches.replace(CloudWatchBackend, "get_metric_data", get_metric_data)
        # The response, not the backend: moto drops ExtendedStatistics between the two.
        patches.replace(CloudWatchResponse, "get_metric_statistics", get_metric_statistics)

    def _put_datum(self, namespace: str, datum: Mapping[str, Any], number: int) -> None:
        if datum.get("StatisticValues"):
            raise TwinError(
                f"PutMetricData of {namespace} {datum['MetricName']} with StatisticValues: "
                "the twin keeps raw values, send Value or Values and Counts"
            )
        values = datum.get("Values") or ([datum["Value"]] if "Value" in datum else [])
        if not values:
            raise InvalidParameterCombination(f"MetricData.member.{number} carries neither Value nor Values.")
        counts = datum.get("Counts") or [1.0] * len(values)
        at = _aware(datum["Timestamp"]) if datum.get("Timestamp") else datetime.now(timezone.utc)
        dimensions = {each["Name"]: each["Value"] for each in datum.get("Dimensions") or ()}
        for value, count in zip(values, counts, strict=True):
            for _ in range(int(float(count))):
                self.put(namespace, datum["MetricName"], dimensions, float(value), at)

    def _answer(
        self, query: Mapping[str, Any], span: tuple[datetime, datetime], scan_by: str
    ) -> dict[str, Any]:
        if "MetricStat" not in query:
            raise TwinError(
                f"GetMetricData expression {query.get('Expression')!r}: the twin only answers MetricStat"
            )
        metric_stat = query["MetricStat"]
        refuse_unit(metric_stat.get("Unit"), f"GetMetricData query {query['Id']}")
        metric = metric_stat["Metric"]
        points = self.statistic(
            metric["Namespace"],
            metric["MetricName"],
            {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())},
            metric_stat["Stat"],
            int(metric_stat["Period"]),
            *span,
        )
        if scan_by == "TimestampDescending":
            points.reverse()
        return {
            "id": query["Id"],
            "label": query.get("Label") or f"{metric['MetricName']} {metric_stat['Stat']}",
            "values": [value for _, value in points],
            "timestamps": [when for when, _ in points],
            "status_code": "Complete",
        }

    def _datapoints(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        refuse_unit(asked.get("Unit"), "GetMetricStatistics")
        plain, extended = asked.get("Statistics") or [], asked.get("ExtendedStatistics") or []
        if not plain and not extended:
            raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics")
        start, end = _aware(asked["StartTime"]), _aware(asked["EndTime"])
        if start >= end:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        dimensions = {each["Name"]: each["Value"] for each in asked.get("Dimensions") or ()}
        rows: dict[datetime, dict[str, Any]] = {}
        for stat in [*plain, *extended]:
            series = self.statistic(
                asked["Namespace"], asked["MetricName"], dimensions, stat, int(asked["Period"]), start, end
            )
            for when, value in series:
                row = rows.setdefault(when, {"Timestamp": when, "Unit": "None"})
                (row.setdefault("ExtendedStatistics", {}) if stat in extended else row)[stat] = value
        return {"Label": asked["MetricName"], "Datapoints": list(rows.values())}


def reducer(stat: str) -> Callable[[Sequence[float]], float]:
    """The function that a CloudWatch statistic applies to the values of one period."""
    if stat in _SIMPLE:
        return _SIMPLE[stat]
    matched = _PERCENTILE.fullmatch(stat)
    if matched is None:
        raise TwinError(f"CloudWatch statistic {stat!r}: the twin knows {', '.join(_SIMPLE)} and pNN")
    share = float(matched[1]) / 100
    return lambda values: _percentile(values, share)


def whole_minutes(period_seconds: int) -> int:
    if period_seconds <= 0 or period_seconds % MINUTE:
        raise TwinError(f"CloudWatch period of {period_seconds} s: the twin keeps metrics by the minute")
    return period_seconds // MINUTE


def refuse_unit(unit: str | None, where: str) -> None:
    if unit not in (None, "None"):
        raise TwinError(f"{where} filters by Unit {unit}: the twin keeps no units, leave it out")


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    below = int(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def _listed(key: Key) -> MetricDatumBase:
    namespace, name, dimensions = key
    return MetricDatumBase(namespace, name, [{"Name": n, "Value": v} for n, v in sorted(dimensions)], None)


def _aware(when: datetime) -> datetime:
    """moto parses times of requests into naive UTC; those of its own making carry a zone."""
    return when if when.tzinfo else when.replace(tzinfo=timezone.utc)
