"""What CloudWatch tells others about an alarm, in the documented shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from twin.interfaces import ACCOUNT_ID, REGION


def aws_time(when: datetime) -> str:
    """2013-01-01T00:00:00.000+0000, as alarms write times; a naive time is UTC."""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}+0000"


def state_change(alarm: Any, state: dict[str, str], previous: dict[str, str]) -> dict[str, Any]:
    """The detail of a `CloudWatch Alarm State Change` event."""
    return {
        "alarmName": alarm.name,
        "state": state,
        "previousState": previous,
        "configuration": {"description": alarm.description or "", "metrics": _metrics(alarm)},
    }


def lambda_notice(alarm: Any, detail: dict[str, Any]) -> dict[str, Any]:
    """What a Lambda function that is an alarm's action is invoked with."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm.alarm_arn,
        "accountId": ACCOUNT_ID,
        "time": detail["state"]["timestamp"],
        "region": REGION,
        "alarmData": detail,
    }


def sns_notice(alarm: Any, previous: dict[str, str]) -> dict[str, Any]:
    """The message that an alarm publishes to a topic."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": ACCOUNT_ID,
        "AlarmConfigurationUpdatedTimestamp": aws_time(alarm.configuration_updated_timestamp),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": aws_time(alarm.state_updated_timestamp),
        "Region": "US East (N. Virginia)",
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": previous["value"],
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "Trigger": _trigger(alarm),
    }


def _trigger(alarm: Any) -> dict[str, Any]:
    common = {
        "Period": alarm.period,
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": alarm.threshold,
        "TreatMissingData": alarm.treat_missing_data or "missing",
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
    }
    if alarm.metric_data_queries:
        return {**common, "Metrics": _metrics(alarm)}
    statistic = (
        {"StatisticType": "Statistic", "Statistic": alarm.statistic.upper()}
        if alarm.statistic
        else {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": alarm.extended_statistic}
    )
    dimensions = [{"name": each.name, "value": each.value} for each in alarm.dimensions]
    metric = {"MetricName": alarm.metric_name, "Namespace": alarm.namespace, "Unit": None}
    return {**common, **metric, **statistic, "Dimensions": dimensions}


def _metrics(alarm: Any) -> list[dict[str, Any]]:
    if not alarm.metric_data_queries:
        stat = alarm.statistic or alarm.extended_statistic
        # CloudWatch makes an id up; ours is stable so that two runs emit the same events.
        made_up = str(uuid5(NAMESPACE_URL, alarm.alarm_arn))
        return [{"id": made_up, "metricStat": _metric_stat(alarm, alarm.period, stat), "returnData": True}]
    return [_metric(query) for query in alarm.metric_data_queries]


def _metric(query: Any) -> dict[str, Any]:
    returns = {"returnData": str(query.return_data).lower() in ("true", "none")}
    label = {"label": query.label} if query.label else {}
    if query.metric_stat is None:
        return {"id": query.id, "expression": query.expression, **label, **returns}
    stat = query.metric_stat
    return {
        "id": query.id,
        "metricStat": _metric_stat(stat.metric, stat.period, stat.stat),
        **label,
        **returns,
    }


def _metric_stat(metric: Any, period: Any, stat: str) -> dict[str, Any]:
    named = {
        "namespace": metric.namespace,
        "name": metric.metric_name,
        "dimensions": {each.name: each.value for each in metric.dimensions},
    }
    return {"metric": named, "period": int(period), "stat": stat}
