"""The endpoint and its alarms."""

from __future__ import annotations

from datetime import datetime, timezone

import boto3
import pytest
from botocore.stub import Stubber

from selfheal.aws.alarms import Alarms
from selfheal.aws.endpoint import AT_REST, Endpoint, EndpointState
from selfheal.aws.errors import EndpointBusy, Missing
from selfheal.observe.signals import SignalKind
from selfheal.remediate.release import config_with_model, deployment_config, fleet_alarms
from selfheal.remediate.release_policy import ReleasePolicy
from unit.account import NAME, VARIANT
from unit.samples import NOW


@pytest.fixture
def endpoint(account):
    return Endpoint(account.sagemaker, NAME)


def test_a_missing_endpoint_says_what_to_deploy(endpoint):
    with pytest.raises(Missing, match="endpoint flights does not exist: deploy the Serving stack"):
        endpoint.state()


def test_what_serves(account, endpoint):
    account.champion()
    state = endpoint.require_at_rest()
    assert (state.status, state.config, state.failure) == ("InService", "flights-first", "")
    assert endpoint.model_of(state.config) == "champion-model"


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"])
def test_an_endpoint_that_moves_is_busy(endpoint, monkeypatch, status):
    moving = EndpointState(name=NAME, status=status, config="c", failure="", pending="d", modified_at=NOW)
    monkeypatch.setattr(endpoint, "state", lambda: moving)
    assert status not in AT_REST
    with pytest.raises(EndpointBusy, match=f"flights is {status}"):
        endpoint.require_at_rest()


def test_a_missing_config_cannot_be_returned_to(endpoint):
    with pytest.raises(Missing, match="endpoint config gone does not exist"):
        endpoint.model_of("gone")


def test_a_config_of_the_same_name_is_not_made_again(account, endpoint):
    account.champion()
    arguments = config_with_model(endpoint.config("flights-first"), NAME, "champion-model")
    account.calls.forget()
    endpoint.create_config(arguments)
    endpoint.create_config(arguments)
    assert account.calls.changes() == ["CreateEndpointConfig"]
    made = endpoint.config(arguments["EndpointConfigName"])
    assert made["ProductionVariants"][0]["ModelName"] == "champion-model"
    assert made["DataCaptureConfig"]["EnableCapture"] is True


@pytest.mark.parametrize("deployment", [None, deployment_config(ReleasePolicy(), ["a", "b"])])
def test_an_update_keeps_what_autoscaling_did_and_is_as_the_api_takes_it(deployment):
    # moto has no UpdateEndpoint; the stub checks the call against the service's own model.
    client = boto3.client(
        "sagemaker", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    expected = {
        "EndpointName": NAME,
        "EndpointConfigName": "flights-new",
        "RetainAllVariantProperties": True,
        "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
    }
    if deployment is not None:
        expected["DeploymentConfig"] = deployment
    with Stubber(client) as stub:
        stub.add_response(
            "update_endpoint", {"EndpointArn": "arn:aws:sagemaker:::endpoint/flights"}, expected
        )
        Endpoint(client, NAME).update("flights-new", deployment)
        stub.assert_no_pending_responses()


def test_only_the_endpoints_own_alarms_that_fire_are_told_oldest_first(account):
    account.alarm("flights-errors")
    account.alarm("flights-latency")
    account.alarm("flights-release-0a1b-errors")
    account.alarm("trains-latency")
    firing = account.alarms.firing()
    # moto looks at the prefix alone; that alarms in ALARM are asked for is what can be seen here.
    assert account.calls.of("DescribeAlarms") == [{"AlarmNamePrefix": "flights-", "StateValue": "ALARM"}]
    assert [alarm.name for alarm in firing] == ["flights-errors", "flights-latency"]
    assert [alarm.kind for alarm in firing] == [SignalKind.ERRORS, SignalKind.LATENCY]
    assert firing[0].since <= firing[1].since
    assert firing[0].reason == "because of a test"


def test_quiet_since_is_when_the_last_of_errors_and_latency_came_to_rest(account):
    def alarm(name, state, hour):
        at = datetime(2013, 3, 1, hour, tzinfo=timezone.utc)
        return {"AlarmName": name, "StateValue": state, "StateTransitionedTimestamp": at}

    known = [
        alarm("flights-errors", "OK", 9),
        alarm("flights-latency", "INSUFFICIENT_DATA", 10),
        alarm("flights-data-drift", "OK", 12),
        alarm("flights-release-0a1b-errors", "OK", 13),
    ]
    account.calls.answers["DescribeAlarms"] = {"MetricAlarms": known}
    assert account.alarms.quiet_since() == datetime(2013, 3, 1, 10, tzinfo=timezone.utc)
    known[1]["StateValue"] = "ALARM"
    assert account.alarms.quiet_since() == datetime(2013, 3, 1, 9, tzinfo=timezone.utc)
    known.clear()
    assert account.alarms.quiet_since() is None


def watch(account, name, namespace="AWS/SageMaker", state="ALARM", **dimensions):
    account.cloudwatch.put_metric_alarm(
        AlarmName=name,
        MetricName="any",
        Namespace=namespace,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        Statistic="Sum",
    )
    account.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="because of a test")


def test_alarms_of_other_endpoints_are_known_by_their_name_and_their_metric(account):
    watch(account, "trains-errors", EndpointName="trains", VariantName=VARIANT)
    watch(account, "night-buses-data-drift", "Selfheal", service="night-buses")
    # This endpoint's own; one that is well; a release's; another metric of that name; another name for it.
    watch(account, "flights-errors", EndpointName=NAME, VariantName=VARIANT)
    watch(account, "trains-latency", state="OK", EndpointName="trains", VariantName=VARIANT)
    watch(account, "trains-release-0a1b-errors", EndpointName="trains", VariantName=VARIANT)
    watch(account, "web-errors", "AWS/ApplicationELB", LoadBalancer="web")
    watch(account, "someones-errors", EndpointName="trains", VariantName=VARIANT)
    found = account.alarms.firing_elsewhere()
    assert {(alarm.endpoint, alarm.kind) for alarm in found} == {
        ("trains", SignalKind.ERRORS),
        ("night-buses", SignalKind.DATA_DRIFT),
    }
    assert account.calls.of("DescribeAlarms") == [{"StateValue": "ALARM"}]


def test_an_alarm_without_a_metric_of_its_own_is_nobodys(account):
    account.calls.answers["DescribeAlarms"] = {
        "MetricAlarms": [{"AlarmName": "trains-errors", "Metrics": []}]
    }
    assert account.alarms.firing_elsewhere() == ()


def test_all_alarms_are_looked_at_over_pages(account):
    for number in range(110):
        account.alarm(f"flights-release-{number:04d}-errors")
    account.alarm("flights-latency")
    assert [alarm.name for alarm in account.alarms.firing()] == ["flights-latency"]


def test_a_releases_alarms_are_made_and_taken_away(account):
    alarms = Alarms(account.cloudwatch, NAME)
    made = fleet_alarms(NAME, NAME, VARIANT, "flights-0a1b", ReleasePolicy())
    alarms.create(alarm.arguments for alarm in made)
    there = account.cloudwatch.describe_alarms()["MetricAlarms"]
    assert sorted(alarm["AlarmName"] for alarm in there) == sorted(alarm.name for alarm in made)
    alarms.delete(alarm.name for alarm in made)
    alarms.delete(alarm.name for alarm in made)
    assert account.cloudwatch.describe_alarms()["MetricAlarms"] == []
