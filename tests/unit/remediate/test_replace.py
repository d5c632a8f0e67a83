"""The same model on fresh instances: another name, and nothing else that is another."""

from __future__ import annotations

import pytest

from selfheal.remediate.release import config_with_model, deployment_config
from selfheal.remediate.release_policy import ReleasePolicy, Strategy
from selfheal.remediate.replace import at_once, config_on_fresh_instances

LIVE = {
    "EndpointConfigName": "flights-first",
    "EndpointConfigArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/flights-first",
    "ProductionVariants": [
        {
            "VariantName": "AllTraffic",
            "ModelName": "champion",
            "InitialInstanceCount": 2,
            "InstanceType": "ml.m5.large",
        }
    ],
    "DataCaptureConfig": {"EnableCapture": True, "InitialSamplingPercentage": 100},
    "KmsKeyId": "key",
    "CreationTime": "2013-03-01",
}


def test_all_but_the_name_stays():
    copy = config_on_fresh_instances(LIVE, "flights", "incident-1")
    assert copy.pop("EndpointConfigName").startswith("flights-")
    assert copy == {key: LIVE[key] for key in ("ProductionVariants", "DataCaptureConfig", "KmsKeyId")}


def test_one_generation_is_one_config_and_another_is_another():
    def name(generation, live=LIVE):
        return config_on_fresh_instances(live, "flights", generation)["EndpointConfigName"]

    assert name("incident-1") == name("incident-1")
    assert len({name("incident-1"), name("incident-2"), LIVE["EndpointConfigName"]}) == 3
    # Asked again once the copy serves, it is the same copy still.
    assert name("incident-1", {**LIVE, "EndpointConfigName": name("incident-1")}) == name("incident-1")


def test_a_release_of_the_same_model_is_not_taken_for_a_replacement():
    released = config_with_model(LIVE, "flights", "champion")["EndpointConfigName"]
    assert config_on_fresh_instances(LIVE, "flights", "incident-1")["EndpointConfigName"] != released


@pytest.mark.parametrize(
    "change",
    [
        {"ProductionVariants": [*LIVE["ProductionVariants"], *LIVE["ProductionVariants"]]},
        {"ShadowProductionVariants": LIVE["ProductionVariants"]},
    ],
)
def test_where_more_than_one_variant_serves_it_is_refused(change):
    with pytest.raises(ValueError, match="flights-first must have one variant and no shadow"):
        config_on_fresh_instances({**LIVE, **change}, "flights", "incident-1")


@pytest.mark.parametrize("strategy", Strategy)
def test_a_known_model_takes_all_traffic_at_once_and_is_watched_all_the_same(strategy):
    policy = ReleasePolicy(strategy=strategy, termination_wait_minutes=7)
    config = deployment_config(at_once(policy), ["a", "b"])
    blue_green = config["BlueGreenUpdatePolicy"]
    assert blue_green["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    assert "CanarySize" not in blue_green["TrafficRoutingConfiguration"]
    assert blue_green["TerminationWaitInSeconds"] == 420
    assert config["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": "a"}, {"AlarmName": "b"}]}
