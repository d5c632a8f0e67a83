"""The endpoint: who owns what of it, and which changes of the settings reach it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Tags
from aws_cdk.assertions import Template
from cloud_assembly import ROOT, Assembly

from infra.account import new_app
from infra.stacks.data import DataStack
from infra.stacks.serving import ServingStack
from selfheal.settings import Settings
from selfheal.settings_file import load

POINTER = "{{resolve:ssm:/selfheal/flights/champion/model}}"


def _serving(settings: Settings) -> dict[str, Any]:
    app: App = new_app()
    Tags.of(app).add("selfheal:workload", settings.name)
    data = DataStack(app, "flights-data", settings=settings)
    serving = ServingStack(app, "flights-serving", settings=settings, stores=data.stores)
    return Template.from_stack(serving).to_json()["Resources"]


def _only(resources: dict[str, Any], type_: str) -> dict[str, Any]:
    (found,) = [body for body in resources.values() if body["Type"] == type_]
    return found


@pytest.fixture(scope="module")
def settings(settings_file: Path) -> Settings:
    return load(settings_file)


def test_the_model_comes_from_the_pointer_as_text(account: Assembly) -> None:
    config = account.one("AWS::SageMaker::EndpointConfig")
    (variant,) = config.properties["ProductionVariants"]
    assert variant == {
        "VariantName": "AllTraffic",
        "ModelName": POINTER,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 2,
        "InitialVariantWeight": 1,
    }


def test_configs_are_unnamed_and_never_removed(account: Assembly) -> None:
    config = account.one("AWS::SageMaker::EndpointConfig")
    assert "EndpointConfigName" not in config.properties
    assert config.body["DeletionPolicy"] == config.body["UpdateReplacePolicy"] == "Retain"


def test_capture_takes_both_directions_as_text(account: Assembly) -> None:
    config = account.one("AWS::SageMaker::EndpointConfig")
    capture = account.resolve(config.stack, config.properties["DataCaptureConfig"])
    bucket = account.one("AWS::S3::Bucket").logical_id
    key = f"<{account.one('AWS::KMS::Key').logical_id}.Arn>"
    assert capture == {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://<{bucket}>/capture",
        "KmsKeyId": key,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json"],
        },
    }
    assert account.resolve(config.stack, config.properties["KmsKeyId"]) == key


def test_guardrails_as_the_settings_say(account: Assembly) -> None:
    endpoint = account.one("AWS::SageMaker::Endpoint")
    assert endpoint.properties["EndpointName"] == "flights"
    assert endpoint.properties["DeploymentConfig"] == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 3600,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            },
            "TerminationWaitInSeconds": 600,
            "MaximumExecutionTimeoutInSeconds": 14400,
        },
        "AutoRollbackConfiguration": {
            "Alarms": [{"AlarmName": "flights-errors"}, {"AlarmName": "flights-latency"}]
        },
    }


def test_the_rollback_alarms_exist_before_the_endpoint(account: Assembly) -> None:
    endpoint = account.one("AWS::SageMaker::Endpoint")
    alarms = {a.properties["AlarmName"]: a.logical_id for a in account.of_type("AWS::CloudWatch::Alarm")}
    for alarm in endpoint.properties["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]:
        assert alarms[alarm["AlarmName"]] in endpoint.body["DependsOn"]


def test_a_fleet_that_scales_keeps_its_size_through_a_rollout(account: Assembly) -> None:
    endpoint = account.one("AWS::SageMaker::Endpoint")
    assert endpoint.properties["RetainAllVariantProperties"] is True
    assert endpoint.properties["ExcludeRetainedVariantProperties"] == [
        {"VariantPropertyType": "DataCaptureConfig"}
    ]
    target = account.one("AWS::ApplicationAutoScaling::ScalableTarget")
    assert target.properties["ResourceId"] == "endpoint/flights/variant/AllTraffic"
    assert (target.properties["MinCapacity"], target.properties["MaxCapacity"]) == (2, 4)
    assert endpoint.logical_id in target.body["DependsOn"]


def test_changes_elsewhere_never_touch_the_endpoint(settings: Settings, account: Assembly) -> None:
    elsewhere = settings.model_copy(
        update={
            "mode": type(settings.mode)("observe"),
            "sweep_minutes": 7,
            "observe": replace(settings.observe, confirmations=1, capture_delay_minutes=20),
            "alarms": settings.alarms.model_copy(update={"latency_p95_ms": 333.0}),
            "rails": replace(settings.rails, rollbacks_per_day=9),
        }
    )
    changed = _serving(elsewhere)
    for type_ in ("AWS::SageMaker::Endpoint", "AWS::SageMaker::EndpointConfig"):
        assert _only(changed, type_) == account.one(type_).body


def test_a_serving_setting_makes_a_new_config_with_the_champion_of_the_moment(
    settings: Settings, account: Assembly
) -> None:
    serving = settings.serving.model_copy(update={"instance_type": "ml.g5.xlarge", "max_instance_count": 2})
    changed = _serving(settings.model_copy(update={"serving": serving}))
    config = _only(changed, "AWS::SageMaker::EndpointConfig")
    assert config["Properties"]["ProductionVariants"][0]["ModelName"] == POINTER
    assert config["Properties"]["ProductionVariants"][0]["InstanceType"] == "ml.g5.xlarge"
    # Local NVMe is encrypted by the instance, and SageMaker refuses a key for it; captured data keeps it.
    assert "KmsKeyId" not in config["Properties"]
    assert "KmsKeyId" in config["Properties"]["DataCaptureConfig"]
    # A fleet of fixed size is not registered for scaling, so that its instance type can change.
    assert not [r for r in changed.values() if r["Type"].startswith("AWS::ApplicationAutoScaling")]
    endpoint = _only(changed, "AWS::SageMaker::Endpoint")["Properties"]
    assert "RetainAllVariantProperties" not in endpoint
    assert (
        endpoint["EndpointConfigName"]
        == account.one("AWS::SageMaker::Endpoint").properties["EndpointConfigName"]
    )


def test_every_alarm_says_what_missing_data_is_its_unit_and_its_runbook(account: Assembly) -> None:
    for alarm in account.of_type("AWS::CloudWatch::Alarm"):
        assert alarm.properties["TreatMissingData"] == "notBreaching", alarm
        kind = alarm.properties["AlarmName"].removeprefix("flights-")
        assert f"docs/runbooks/{kind}.md" in alarm.properties["AlarmDescription"]
        assert alarm.properties["DatapointsToAlarm"] <= alarm.properties["EvaluationPeriods"]


def test_every_runbook_is_there(account: Assembly) -> None:
    for alarm in account.of_type("AWS::CloudWatch::Alarm"):
        runbook = alarm.properties["AlarmDescription"].rpartition("Runbook: ")[2]
        assert (ROOT / runbook).is_file(), runbook


def test_thresholds_are_in_the_metrics_own_units(account: Assembly) -> None:
    alarms = {a.properties["AlarmName"]: a.properties for a in account.of_type("AWS::CloudWatch::Alarm")}
    errors, latency, drift = (alarms[f"flights-{kind}"] for kind in ("errors", "latency", "data-drift"))
    assert (errors["MetricName"], errors["Statistic"], errors["Threshold"]) == (
        "Invocation5XXErrors",
        "Average",
        0.05,
    )
    assert (latency["MetricName"], latency["ExtendedStatistic"]) == ("ModelLatency", "p95")
    assert latency["Threshold"] == 200 * 1000
    assert (drift["Period"], drift["Statistic"], drift["Threshold"]) == (3600, "Maximum", 1)
    assert drift["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert (drift["DatapointsToAlarm"], drift["EvaluationPeriods"]) == (2, 3)


def test_what_observe_finds_has_an_alarm_of_its_own_metric(account: Assembly) -> None:
    alarms = {a.properties["AlarmName"]: a.properties for a in account.of_type("AWS::CloudWatch::Alarm")}
    assert {name: a["MetricName"] for name, a in alarms.items() if a["Namespace"] == "Selfheal"} == {
        "flights-data-drift": "DataDriftBreaches",
        "flights-data-quality": "DataQualityBreaches",
        "flights-performance": "PerformanceBreaches",
        "flights-labels": "LabelBreaches",
        "flights-model-age": "ModelAgeBreaches",
    }


def test_alarms_watch_metrics_that_are_published(account: Assembly) -> None:
    """EndpointName alone returns nothing; observe publishes under the service's name."""
    for alarm in account.of_type("AWS::CloudWatch::Alarm"):
        dimensions = {d["Name"]: d["Value"] for d in alarm.properties["Dimensions"]}
        expected = {
            "AWS/SageMaker": {"EndpointName": "flights", "VariantName": "AllTraffic"},
            "Selfheal": {"service": "flights"},
        }
        assert dimensions == expected[alarm.properties["Namespace"]], alarm


def test_the_dashboard_shows_every_alarm(account: Assembly) -> None:
    dashboard = account.one("AWS::CloudWatch::Dashboard")
    body = account.resolve(dashboard.stack, dashboard.properties["DashboardBody"])
    for alarm in account.of_type("AWS::CloudWatch::Alarm"):
        assert alarm.logical_id in body
