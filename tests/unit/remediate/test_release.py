"""A release in SageMaker's terms: what is copied, what is replaced, and that the API takes it."""

from __future__ import annotations

import copy

import botocore.session
import pytest
from botocore.validate import ParamValidator

from selfheal.remediate.release import (
    config_with_model,
    content_hash,
    deployment_config,
    fleet_alarms,
    model_name,
)
from selfheal.remediate.release_policy import ReleasePolicy, Strategy

LIVE = {
    "EndpointConfigName": "flights-live",
    "EndpointConfigArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/flights-live",
    "ProductionVariants": [
        {
            "VariantName": "AllTraffic",
            "ModelName": "old-model",
            "InitialInstanceCount": 2,
            "InstanceType": "ml.m5.large",
            "InitialVariantWeight": 1.0,
            "ContainerStartupHealthCheckTimeoutInSeconds": 120,
        }
    ],
    "DataCaptureConfig": {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://data/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    },
    "KmsKeyId": "key",
    "EnableNetworkIsolation": False,
    "CreationTime": "2013-02-12",
    "ResponseMetadata": {"HTTPStatusCode": 200},
}
EVERY_POLICY = [
    ReleasePolicy(strategy=Strategy.ALL_AT_ONCE),
    ReleasePolicy(strategy=Strategy.CANARY, canary_percent=50, bake_minutes=60, timeout_minutes=240),
    ReleasePolicy(strategy=Strategy.LINEAR, canary_percent=25),
    ReleasePolicy(bake_minutes=0, termination_wait_minutes=0, timeout_minutes=10),
]


@pytest.fixture(scope="module")
def shape_errors():
    """What botocore finds wrong with an operation's arguments; "" where it would send them."""
    session = botocore.session.get_session()

    def validate(service, operation, arguments):
        shape = session.get_service_model(service).operation_model(operation).input_shape
        return ParamValidator().validate(arguments, shape).generate_report()

    return validate


def test_everything_is_copied_and_only_the_model_replaced():
    made = config_with_model(LIVE, "flights", "new-model")
    assert made["ProductionVariants"] == [{**LIVE["ProductionVariants"][0], "ModelName": "new-model"}]
    assert made["DataCaptureConfig"] == LIVE["DataCaptureConfig"]
    assert made["KmsKeyId"] == "key"
    assert set(made) == {"EndpointConfigName", "ProductionVariants", "DataCaptureConfig", "KmsKeyId"}


def test_the_live_config_is_left_as_it_was():
    before = copy.deepcopy(LIVE)
    config_with_model(LIVE, "flights", "new-model")
    assert before == LIVE


def test_the_name_says_what_is_in_it():
    first, again = (config_with_model(LIVE, "flights", "m1")["EndpointConfigName"] for _ in range(2))
    other_model = config_with_model(LIVE, "flights", "m2")["EndpointConfigName"]
    wider = copy.deepcopy(LIVE)
    wider["ProductionVariants"][0]["InitialInstanceCount"] = 3
    other_fleet = config_with_model(wider, "flights", "m1")["EndpointConfigName"]
    assert first == again
    assert len({first, other_model, other_fleet}) == 3
    assert first.startswith("flights-")
    assert first == first.lower()


def test_a_release_of_a_release_has_no_trace_of_the_first():
    # Back to the first model by way of the second: the same config, and so the same name.
    first = config_with_model(LIVE, "flights", "m1")
    second = config_with_model({**LIVE, **first}, "flights", "m2")
    assert config_with_model({**LIVE, **second}, "flights", "m1") == first


def test_the_api_takes_the_copied_config(shape_errors):
    assert shape_errors("sagemaker", "CreateEndpointConfig", config_with_model(LIVE, "flights", "m")) == ""


@pytest.mark.parametrize(
    "optional", ["AsyncInferenceConfig", "ExplainerConfig", "VpcConfig", "ExecutionRoleArn"]
)
def test_what_create_takes_besides_is_copied_too(optional):
    assert config_with_model({**LIVE, optional: {"any": "thing"}}, "flights", "m")[optional] == {
        "any": "thing"
    }


def test_nothing_that_describe_tells_and_create_takes_is_forgotten():
    sagemaker = botocore.session.get_session().get_service_model("sagemaker")
    told = set(sagemaker.operation_model("DescribeEndpointConfig").output_shape.members)
    taken = set(sagemaker.operation_model("CreateEndpointConfig").input_shape.members)
    # A config with a shadow variant is refused.
    both = (told & taken) - {"ShadowProductionVariants"}
    everything = {name: {"any": "thing"} for name in both}
    everything |= {"EndpointConfigName": "live", "ProductionVariants": LIVE["ProductionVariants"]}
    assert set(config_with_model(everything, "flights", "m")) == both


@pytest.mark.parametrize(
    "live",
    [
        {**LIVE, "ProductionVariants": LIVE["ProductionVariants"] * 2},
        {**LIVE, "ProductionVariants": []},
        {**LIVE, "ShadowProductionVariants": LIVE["ProductionVariants"]},
    ],
)
def test_a_config_whose_model_is_not_one_is_refused(live):
    with pytest.raises(ValueError, match="flights-live must have one variant"):
        config_with_model(live, "flights", "m")


@pytest.mark.parametrize(
    "policy", EVERY_POLICY, ids=lambda policy: f"{policy.strategy.value}-{policy.bake_minutes}"
)
def test_the_api_takes_the_deployment(shape_errors, policy):
    arguments = {
        "EndpointName": "flights",
        "EndpointConfigName": "flights-new",
        "DeploymentConfig": deployment_config(policy, ["one", "two"]),
    }
    assert shape_errors("sagemaker", "UpdateEndpoint", arguments) == ""


def test_a_canary_in_seconds():
    policy = ReleasePolicy(canary_percent=20, bake_minutes=10, termination_wait_minutes=5, timeout_minutes=60)
    assert deployment_config(policy, ["errors"]) == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 600,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 20},
            },
            "TerminationWaitInSeconds": 300,
            "MaximumExecutionTimeoutInSeconds": 3600,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
    }


def test_a_linear_release_has_steps_and_all_at_once_has_neither():
    linear = deployment_config(ReleasePolicy(strategy=Strategy.LINEAR, canary_percent=25), [])
    routing = linear["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["LinearStepSize"]["Value"] == 25
    assert "CanarySize" not in routing
    at_once = deployment_config(ReleasePolicy(strategy=Strategy.ALL_AT_ONCE), [])
    routing = at_once["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert set(routing) == {"Type", "WaitIntervalInSeconds"}


def test_without_alarms_there_is_no_rollback_configuration():
    assert "AutoRollbackConfiguration" not in deployment_config(ReleasePolicy(), [])


@pytest.fixture
def alarms():
    policy = ReleasePolicy(error_rate_percent=2.0, latency_p95_ms=150.0, alarm_period_seconds=300)
    return fleet_alarms("flights", "flights", "AllTraffic", "flights-0a1b", policy)


def test_the_api_takes_the_alarms(shape_errors, alarms):
    assert [shape_errors("cloudwatch", "PutMetricAlarm", dict(a.arguments)) for a in alarms] == ["", ""]


def test_the_alarms_watch_the_new_fleet_alone(alarms):
    for alarm in alarms:
        assert {d["Name"]: d["Value"] for d in alarm.arguments["Dimensions"]} == {
            "EndpointName": "flights",
            "VariantName": "AllTraffic",
            "EndpointConfigName": "flights-0a1b",
        }
        assert alarm.arguments["TreatMissingData"] == "notBreaching"
        assert alarm.arguments["Period"] == 300
        assert alarm.arguments["AlarmName"] == alarm.name


def test_the_alarms_speak_the_metrics_units(alarms):
    errors, latency = (alarm.arguments for alarm in alarms)
    assert (errors["MetricName"], errors["Statistic"], errors["Threshold"]) == (
        "Invocation5XXErrors",
        "Average",
        0.02,
    )
    assert (latency["MetricName"], latency["ExtendedStatistic"], latency["Threshold"]) == (
        "ModelLatency",
        "p95",
        150_000.0,
    )
    assert "Statistic" not in latency


def test_the_alarms_names_cannot_be_taken_for_the_endpoints(alarms):
    assert [alarm.name for alarm in alarms] == [
        "flights-release-0a1b-errors",
        "flights-release-0a1b-latency",
    ]


def test_a_content_hash_does_not_depend_on_order_or_run():
    assert content_hash({"a": 1, "b": [2]}) == content_hash({"b": [2], "a": 1})
    assert content_hash({"a": 1, "b": [2]}) != content_hash({"a": 1, "b": [3]})
    assert content_hash(["flights", 1]) == "f89673bf44ce"


def test_a_model_is_named_by_package_and_artifact():
    name = model_name("flights", "arn:package/1", "abc")
    assert name == model_name("flights", "arn:package/1", "abc")
    assert (
        len(
            {name, model_name("flights", "arn:package/2", "abc"), model_name("flights", "arn:package/1", "d")}
        )
        == 3
    )
    assert name.startswith("flights-")
