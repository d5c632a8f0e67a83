"""The one way to make an alarm."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.names import Names, Watch


@dataclass(frozen=True, kw_only=True)
class Limit:
    """When an alarm goes off. Nothing here has a default: each is a decision.

    Attributes:
        threshold: in the metric's own unit.
        unit: that unit, in words.
        breach_at_threshold: whether the threshold itself is a breach already.
        datapoints, periods: `datapoints` of the last `periods` must breach.
        missing: what a period without data counts as.
    """

    threshold: float
    unit: str
    breach_at_threshold: bool
    datapoints: int
    periods: int
    missing: cloudwatch.TreatMissingData


_COMPARISONS = {
    True: (cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD, "at least"),
    False: (cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD, "above"),
}


class RunbookAlarm(cloudwatch.Alarm):
    """An alarm whose description says what it means, in which unit, and which runbook to open."""

    def __init__(
        self,
        scope: Construct,
        *,
        names: Names,
        watch: Watch,
        metric: cloudwatch.IMetric,
        limit: Limit,
        meaning: str,
    ) -> None:
        operator, wording = _COMPARISONS[limit.breach_at_threshold]
        super().__init__(
            scope,
            watch.value,
            alarm_name=names.alarm(watch),
            alarm_description=(
                f"{meaning} Limit: {wording} {limit.threshold:g} {limit.unit}, "
                f"{limit.datapoints} of {limit.periods} periods. Runbook: docs/runbooks/{watch.value}.md"
            ),
            metric=metric,
            threshold=limit.threshold,
            comparison_operator=operator,
            datapoints_to_alarm=limit.datapoints,
            evaluation_periods=limit.periods,
            treat_missing_data=limit.missing,
        )
