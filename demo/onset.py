"""When the harm behind an alarm began: the first of the breaching datapoints that led to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from twin.account import Twin
from twin.interfaces import TwinError

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
    period = timedelta(seconds=definition["Period"])
    began, at = None, max((when for when in values if when < detected_at), default=None)
    while at is not None and at in values and _breaches(definition, values[at]):
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


def _breaches(definition: MetricAlarmTypeDef, value: float) -> bool:
    if definition["ComparisonOperator"] == "GreaterThanThreshold":
        return value > definition["Threshold"]
    if definition["ComparisonOperator"] == "GreaterThanOrEqualToThreshold":
        return value >= definition["Threshold"]
    raise TwinError(
        f"onset of {definition['AlarmName']}: {definition['ComparisonOperator']} is not looked at yet"
    )
