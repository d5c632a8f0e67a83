"""When the harm behind an alarm began: the first of the breaching datapoints that led to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from twin.account import Twin
from twin.alarm_rules import comparison

if TYPE_CHECKING:
    from types_boto3_cloudwatch.type_defs import MetricAlarmTypeDef

LOOK_BACK = timedelta(days=14)


def onset(twin: Twin, alarm: str, detected_at: datetime) -> datetime | None:
    """Start of the unbroken run of breaching periods before an alarm; None where there is no such alarm."""
    found = twin.session.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    if not found:
        return None
    definition = found[0]
    values = _history(twin, definition, detected_at)
    breaches = comparison(definition["ComparisonOperator"])
    period = timedelta(seconds=definition["Period"])
    began, at = None, max((when for when in values if when < detected_at), default=None)
    while at is not None and at in values and breaches(values[at], definition["Threshold"]):
        began, at = at, at - period
    return began


def _history(twin: Twin, definition: MetricAlarmTypeDef, until: datetime) -> dict[datetime, float]:
    return dict(
        twin.metrics.statistic(
            definition["Namespace"],
            definition["MetricName"],
            {dimension["Name"]: dimension["Value"] for dimension in definition["Dimensions"]},
            definition.get("ExtendedStatistic") or definition["Statistic"],
            definition["Period"],
            until - LOOK_BACK,
            until,
        )
    )
