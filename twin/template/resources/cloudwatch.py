"""CloudWatch: alarms, dashboards and log groups."""

from __future__ import annotations

from twin.interfaces import ACCOUNT_ID, REGION
from twin.template.resource import Created, Creator, Resource, tag_map


def alarm(resource: Resource) -> Created:
    cloudwatch, name = resource.client("cloudwatch"), resource.name("AlarmName")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        **resource.arguments(
            "ActionsEnabled",
            "AlarmActions",
            "AlarmDescription",
            "ComparisonOperator",
            "DatapointsToAlarm",
            "Dimensions",
            "EvaluateLowSampleCountPercentile",
            "EvaluationPeriods",
            "ExtendedStatistic",
            "InsufficientDataActions",
            "MetricName",
            "Metrics",
            "Namespace",
            "OKActions",
            "Period",
            "Statistic",
            "Tags",
            "Threshold",
            "ThresholdMetricId",
            "TreatMissingData",
            "Unit",
        ),
    )
    return _alarm(name)


def composite_alarm(resource: Resource) -> Created:
    cloudwatch, name = resource.client("cloudwatch"), resource.name("AlarmName")
    cloudwatch.put_composite_alarm(
        AlarmName=name,
        **resource.arguments(
            "ActionsEnabled",
            "ActionsSuppressor",
            "ActionsSuppressorExtensionPeriod",
            "ActionsSuppressorWaitPeriod",
            "AlarmActions",
            "AlarmDescription",
            "AlarmRule",
            "InsufficientDataActions",
            "OKActions",
            "Tags",
        ),
    )
    return _alarm(name)


def _alarm(name: str) -> Created:
    return Created(ref=name, attributes={"Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT_ID}:alarm:{name}"})


def dashboard(resource: Resource) -> Created:
    name = resource.name("DashboardName")
    arguments = resource.arguments("DashboardBody", "Tags")
    resource.client("cloudwatch").put_dashboard(DashboardName=name, **arguments)
    return Created(ref=name)


def log_group(resource: Resource) -> Created:
    logs, name = resource.client("logs"), resource.name("LogGroupName", maximum=512)
    arguments = resource.arguments(KmsKeyId="kmsKeyId", LogGroupClass="logGroupClass")
    if tags := resource.take("Tags"):
        arguments["tags"] = tag_map(tags)
    logs.create_log_group(logGroupName=name, **arguments)
    if days := resource.take("RetentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{name}:*"
    return Created(ref=name, attributes={"Arn": arn})


CREATORS: dict[str, Creator] = {
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::CloudWatch::CompositeAlarm": composite_alarm,
    "AWS::CloudWatch::Dashboard": dashboard,
    "AWS::Logs::LogGroup": log_group,
}
