"""Where an alarm's datapoints come from: one metric, or metric math over several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from twin.interfaces import TwinError
from twin.metric_math import Expression, Points
from twin.metrics import MetricStore, reducer, refuse_unit, whole_minutes


class Source(Protocol):
    @property
    def period_seconds(self) -> int: ...

    def points(self, start: datetime, end: datetime) -> Points:
        """The value of each period that has one, by the period's start."""


class MetricSource:
    """One statistic of one metric."""

    def __init__(self, store: MetricStore, metric: Any, stat: str, period_seconds: int) -> None:
        reducer(stat)
        whole_minutes(period_seconds)
        self._store = store
        self._name = (metric.namespace, metric.metric_name)
        self._dimensions = {each.name: each.value for each in metric.dimensions}
        self._stat = stat
        self.period_seconds = period_seconds

    def points(self, start: datetime, end: datetime) -> Points:
        return dict(
            self._store.statistic(*self._name, self._dimensions, self._stat, self.period_seconds, start, end)
        )


class MathSource:
    """An expression over metrics, or over other expressions, of one alarm."""

    def __init__(self, expression: Expression, inputs: dict[str, Source]) -> None:
        self._expression = expression
        self._inputs = inputs
        periods = {source.period_seconds for source in inputs.values()}
        if len(periods) != 1:
            raise TwinError(f"metric math {expression.text!r} mixes periods of {sorted(periods)} s: use one")
        self.period_seconds = periods.pop()

    def points(self, start: datetime, end: datetime) -> Points:
        step = timedelta(seconds=self.period_seconds)
        periods = [start + slot * step for slot in range((end - start) // step)]
        series = {name: source.points(start, end) for name, source in self._inputs.items()}
        return self._expression.evaluate(series, periods)


def source_of(alarm: Any, store: MetricStore) -> Source:
    """The source that moto's alarm describes; what the twin cannot evaluate is a TwinError."""
    where = f"alarm {alarm.name}"
    if alarm.threshold is None or alarm.threshold_metric_id:
        raise TwinError(f"{where} has no fixed threshold: anomaly detection is not in the twin")
    if alarm.evaluate_low_sample_count_percentile == "ignore":
        raise TwinError(f"{where}: EvaluateLowSampleCountPercentile=ignore is not in the twin")
    wanted = alarm.datapoints_to_alarm or alarm.evaluation_periods
    if not 1 <= wanted <= alarm.evaluation_periods:
        raise TwinError(f"{where}: {wanted} of {alarm.evaluation_periods} datapoints cannot be reached")
    if alarm.metric_data_queries:
        return _returned(alarm.metric_data_queries, store, where)
    refuse_unit(alarm.unit, where)
    stat = alarm.statistic or alarm.extended_statistic
    if not stat or not alarm.period:
        raise TwinError(f"{where} states no statistic or no period")
    return MetricSource(store, alarm, stat, int(alarm.period))


def _returned(queries: Sequence[Any], store: MetricStore, where: str) -> Source:
    by_id = {query.id: query for query in queries}
    returned = [query.id for query in queries if _returns(query)]
    if len(returned) != 1:
        raise TwinError(f"{where} must return one metric, not {len(returned)}: set ReturnData on one")
    resolve = _resolver(by_id, store, where)
    return resolve(returned[0], ())


def _returns(query: Any) -> bool:
    # Absent means true; moto hands over what the request said, in the request's own spelling.
    return str(query.return_data).lower() in ("true", "none")


def _resolver(
    by_id: dict[str, Any], store: MetricStore, where: str
) -> Callable[[str, tuple[str, ...]], Source]:
    def resolve(name: str, seen: tuple[str, ...]) -> Source:
        query = by_id.get(name)
        if query is None or name in seen:
            raise TwinError(f"{where}: metric math reads {name}, which is missing or defined by itself")
        if query.metric_stat is not None:
            stat = query.metric_stat
            refuse_unit(stat.unit, where)
            return MetricSource(store, stat.metric, stat.stat, int(stat.period))
        expression = Expression(query.expression or "")
        return MathSource(expression, {each: resolve(each, (*seen, name)) for each in expression.names})

    return resolve
