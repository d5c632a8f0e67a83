"""Endpoints: creation, blue/green updates, rollbacks and what the API refuses."""

from __future__ import annotations

import copy
import os
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.twin.fixtures_endpoints.account import (
    BUCKET,
    CANARY,
    IMAGE,
    MINUTE,
    SCRIPT,
    account,
    archive,
    model_archive,
)
from twin.endpoints import Timing
from twin.interfaces import TwinError

STABLE = {"EndpointName": "flights", "VariantName": "AllTraffic"}


@pytest.fixture
def acc(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with account(tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def served(acc):
    """An endpoint in service on config-a (its model doubles), with config-b (triples) ready beside it."""
    acc.model("model-a", model_archive(2.0))
    acc.model("model-b", model_archive(3.0))
    acc.config("config-a", "model-a")
    acc.config("config-b", "model-b")
    acc.alarms.current["canary-5xx"] = "OK"
    acc.serve()
    return acc


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return caught.value.response["Error"]["Message"]


def instances(acc):
    """The instances whose files are on disk: one `ml` folder each."""
    return sorted(path.parent.relative_to(acc.state) for path in acc.state.glob("*/*/*/*/ml"))


# --- creation


def test_an_endpoint_is_created_after_its_provisioning_time_and_serves(acc):
    acc.model("model-a", model_archive(2.0))
    acc.config("config-a", "model-a")
    acc.sagemaker.create_endpoint(
        EndpointName="flights", EndpointConfigName="config-a", DeploymentConfig=CANARY
    )
    acc.advance(3 * MINUTE)
    assert acc.status() == ("Creating", "config-a")
    assert acc.endpoints.busy
    assert acc.send("1,2")[0].status == 503

    acc.advance(MINUTE)
    assert acc.status() == ("InService", "config-a")
    assert not acc.endpoints.busy
    response = acc.send("1,2")[0]
    assert (response.status, response.body, response.variant) == (200, b"6.0", "AllTraffic")
    described = acc.sagemaker.describe_endpoint(EndpointName="flights")
    assert described["LastDeploymentConfig"] == CANARY
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert "PendingDeploymentSummary" not in described
    assert acc.bus.statuses() == ["CREATING", "IN_SERVICE"]


def test_a_listing_shows_the_real_status(served):
    summary = served.sagemaker.list_endpoints()["Endpoints"][0]
    assert (summary["EndpointName"], summary["EndpointStatus"]) == ("flights", "InService")


def test_events_have_the_documented_shape(served):
    event = served.bus.events[-1]
    assert event.detail_type == "SageMaker Endpoint State Change"
    assert event.resources == ("arn:aws:sagemaker:us-east-1:123456789012:endpoint/flights",)
    created = int(served.clock.now.timestamp() - 4 * 60) * 1000
    assert event.detail == {
        "EndpointName": "flights",
        "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/flights",
        "EndpointConfigName": "config-a",
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "CurrentWeight": 1.0,
                "DesiredWeight": 1.0,
                "CurrentInstanceCount": 2,
                "DesiredInstanceCount": 2,
            }
        ],
        "EndpointStatus": "IN_SERVICE",
        "CreationTime": created,
        "LastModifiedTime": int(served.clock.now.timestamp()) * 1000,
        "Tags": {"workload": "flights"},
    }


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "Failed to download model data"),
        (b"not a tar", "Failed to extract model data archive"),
        (archive({"../../escaped.txt": "x"}), "leaves its folder"),
        (archive({"/escaped.txt": "x"}), "leaves its folder"),
        (archive({"model.txt": "2"}), "did not pass the ping health check"),
        (model_archive(script="raise RuntimeError('no such library')"), "did not pass the ping health check"),
        (model_archive(script="def model_fn(d): pass"), "did not pass the ping health check"),
    ],
    ids=["missing", "no archive", "traversal", "absolute", "no script", "broken script", "lacks hooks"],
)
def test_a_model_that_cannot_serve_fails_the_creation(acc, data, reason):
    acc.model("model-a", data)
    acc.config("config-a", "model-a", instances=1)
    with pytest.raises(TwinError, match=reason):
        acc.serve()
    described = acc.sagemaker.describe_endpoint(EndpointName="flights")
    assert described["EndpointStatus"] == "Failed"
    assert reason in described["FailureReason"]
    assert acc.bus.statuses() == ["CREATING", "FAILED"]
    assert instances(acc) == []
    assert not list(acc.state.parent.rglob("escaped.txt"))
    assert "failed endpoint" in refused(
        acc.sagemaker.update_endpoint, EndpointName="flights", EndpointConfigName="config-a"
    )
    acc.sagemaker.delete_endpoint(EndpointName="flights")


def test_what_a_script_prints_and_its_traceback_are_in_the_instances_log(acc):
    acc.model("model-a", model_archive(script="print('loading'); raise RuntimeError('no such library')"))
    acc.config("config-a", "model-a", instances=1)
    with pytest.raises(TwinError):
        acc.serve()
    (log,) = acc.state.rglob("server.log")
    assert log.read_text().startswith("loading\n")
    assert "RuntimeError: no such library" in log.read_text()


def test_a_model_made_from_a_package_is_served_from_the_packages_archive(acc):
    acc.s3.put_object(Bucket=BUCKET, Key="packaged.tar.gz", Body=model_archive(5.0))
    acc.sagemaker.create_model_package_group(ModelPackageGroupName="flights")
    arn = acc.sagemaker.create_model_package(
        ModelPackageGroupName="flights",
        InferenceSpecification={
            "Containers": [
                {
                    "Image": IMAGE,
                    "ModelDataUrl": f"s3://{BUCKET}/packaged.tar.gz",
                    "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
                }
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    acc.sagemaker.create_model(
        ModelName="model-a",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/serving",
        Containers=[{"ModelPackageName": arn}],
    )
    acc.config("config-a", "model-a", instances=1)
    acc.serve()
    assert acc.send("1,1")[0].body == b"10.0"


# --- updates


def test_without_a_deployment_config_an_update_shifts_everything_at_once(served):
    served.sagemaker.update_endpoint(EndpointName="flights", EndpointConfigName="config-b")
    assert served.status() == ("Updating", "config-a")
    served.advance(3 * MINUTE)
    assert served.send("1,1")[0].body == b"4.0"
    served.advance(MINUTE)
    assert served.status() == ("InService", "config-b")
    assert [response.body for response in served.send("1,1", "1,1")] == [b"6.0", b"6.0"]
    assert len(instances(served)) == 2, "the old fleet is gone"


def test_a_canary_takes_its_share_bakes_and_is_promoted(served):
    served.sagemaker.update_endpoint(
        EndpointName="flights", EndpointConfigName="config-b", DeploymentConfig=CANARY
    )
    served.advance(4 * MINUTE)
    pending = served.sagemaker.describe_endpoint(EndpointName="flights")["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == "config-b"
    (variant,) = pending["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 2)
    assert variant["VariantStatus"][0]["Status"] == "Baking"
    bodies = [response.body for response in served.send(*["1,1"] * 20)]
    assert (bodies.count(b"4.0"), bodies.count(b"6.0")) == (10, 10), "one canary instance of two is half"

    served.advance(9 * MINUTE)
    assert b"4.0" in [response.body for response in served.send(*["1,1"] * 4)]
    served.advance(MINUTE)
    assert served.status() == ("Updating", "config-a")
    assert {response.body for response in served.send(*["1,1"] * 4)} == {b"6.0"}
    assert len(instances(served)) == 4, "the old fleet waits for the termination wait"

    served.advance(2 * MINUTE)
    assert served.status() == ("InService", "config-b")
    assert len(instances(served)) == 2
    assert served.bus.statuses() == ["CREATING", "IN_SERVICE", "UPDATING", "IN_SERVICE"]
    assert served.bus.stages() == ["Creating", "ActivatingTraffic", "Baking", "ActivatingTraffic", "Baking"]


def test_metrics_tell_the_canary_from_the_stable_fleet_by_a_third_dimension(served):
    served.send("1,1")
    assert served.metrics.values("Invocations", **STABLE) == [1.0]
    assert not served.metrics.values("Invocations", **STABLE, EndpointConfigName="config-a")

    served.sagemaker.update_endpoint(
        EndpointName="flights", EndpointConfigName="config-b", DeploymentConfig=CANARY
    )
    served.advance(2 * MINUTE)
    served.send("1,1")
    assert not served.metrics.values("Invocations", **STABLE, EndpointConfigName="config-a")
    served.advance(2 * MINUTE)
    served.send("1,1", "1,1", "-1,1", "-1,1")
    for config in ("config-a", "config-b"):
        assert served.metrics.values("Invocations", **STABLE, EndpointConfigName=config) == [1.0, 1.0]
    errors = served.metrics.values("Invocation5XXErrors", **STABLE)
    assert sorted(errors) == [0.0] * 4 + [1.0] * 2
    assert not served.metrics.values("Invocations", EndpointName="flights")


def test_an_alarm_rolls_the_canary_back_to_the_old_config(served):
    served.sagemaker.update_endpoint(
        EndpointName="flights", EndpointConfigName="config-b", DeploymentConfig=CANARY
    )
    served.advance(6 * MINUTE)
    served.alarms.current["canary-5xx"] = "ALARM"
    served.endpoints.tick(served.clock.now)
    assert served.status() == ("RollingBack", "config-a")
    assert {response.body for response in served.send(*["1,1"] * 4)} == {b"4.0"}

    served.advance(MINUTE)
    described = served.sagemaker.describe_endpoint(EndpointName="flights")
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "config-a")
    assert "FailureReason" not in described
    assert "PendingDeploymentSummary" not in described
    assert len(instances(served)) == 2
    assert served.bus.statuses()[-3:] == ["UPDATING", "ROLLING_BACK", "IN_SERVICE"]

    served.advance(30 * MINUTE)
    assert served.status() == ("InService", "config-a"), "the cancelled bake does not promote after all"
    served.send("1,1")
    assert served.metrics.values("Invocations", **STABLE, EndpointConfigName="config-a")[-1] == 1.0


def test_an_alarm_in_the_last_bake_still_rolls_back(served):
    served.sagemaker.update_endpoint(
        EndpointName="flights", EndpointConfigName="config-b", DeploymentConfig=CANARY
    )
    served.advance(15 * MINUTE)
    served.alarms.current["canary-5xx"] = "ALARM"
    served.advance(2 * MINUTE)
    assert served.status() == ("InService", "config-a")


def test_an_alarm_after_the_deployment_changes_nothing(served):
    served.sagemaker.update_endpoint(
        EndpointName="flights", EndpointConfigName="config-b", DeploymentConfig=CANARY
    )
    served.endpoints.wait_in_service("flights", served.advance)
    served.alarms.current["canary-5xx"] = "ALARM"
    served.advance(5 * MINUTE)
    assert served.status() == ("InService", "config-b")


def test_a_rollback_can_be_made_to_state_its_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with account(tmp_path, Timing(rollback_states_reason=True)) as acc:
        acc.model("model-a", model_archive())
        acc.config("config-a", "model-a")
        acc.config("config-b", "model-a")
        acc.alarms.current["canary-5xx"] = "OK"
        acc.serve()
        acc.sagemaker.update_endpoint(
            EndpointName="flights", EndpointConfigName="config-b", DeploymentConfig=CANARY
        )
        acc.alarms.current["canary-5xx"] = "ALARM"
        acc.advance(3 * MINUTE)
        assert acc.status() == ("InService", "config-a")
        assert "canary-5xx" in acc.sagemaker.describe_endpoint(EndpointName="flights")["FailureReason"]


def test_linear_shifting_moves_step_by_step(acc):
    acc.model("model-a", model_archive(2.0))
    acc.model("model-b", model_archive(3.0))
    acc.config("config-a", "model-a", instances=4)
    acc.config("config-b", "model-b", instances=4)
    acc.serve()
    acc.sagemaker.update_endpoint(
        EndpointName="flights",
        EndpointConfigName="config-b",
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "LINEAR",
                    "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                    "WaitIntervalInSeconds": 60,
                }
            }
        },
    )
    acc.advance(4 * MINUTE)
    shares = []
    for _ in range(4):
        bodies = [response.body for response in acc.send(*["1,1"] * 8)]
        shares.append(bodies.count(b"6.0") / 8)
        acc.advance(MINUTE)
    assert shares == [0.25, 0.5, 0.75, 1.0]
    assert acc.status() == ("InService", "config-b")


def test_a_deployment_that_exceeds_its_timeout_rolls_back(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with account(tmp_path, Timing(provisioning=timedelta(minutes=25))) as acc:
        acc.model("model-a", model_archive())
        acc.config("config-a", "model-a")
        acc.config("config-b", "model-a")
        acc.alarms.current["canary-5xx"] = "OK"
        acc.serve()
        acc.sagemaker.update_endpoint(
            EndpointName="flights", EndpointConfigName="config-b", DeploymentConfig=CANARY
        )
        acc.advance(30 * MINUTE)
        assert acc.status() == ("Updating", "config-a")
        acc.advance(2 * MINUTE)
        assert acc.status() == ("InService", "config-a")
        assert acc.bus.statuses()[-2:] == ["ROLLING_BACK", "IN_SERVICE"]


def test_a_new_fleet_that_is_not_healthy_leaves_the_old_one_serving(served):
    served.model("model-bad", model_archive(script="raise RuntimeError('broken')"))
    served.config("config-bad", "model-bad")
    served.sagemaker.update_endpoint(
        EndpointName="flights", EndpointConfigName="config-bad", DeploymentConfig=CANARY
    )
    served.advance(4 * MINUTE)
    described = served.sagemaker.describe_endpoint(EndpointName="flights")
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "config-a")
    assert "ping health check" in described["FailureReason"]
    assert served.send("1,1")[0].body == b"4.0"

    served.sagemaker.update_endpoint(EndpointName="flights", EndpointConfigName="config-b")
    served.endpoints.wait_in_service("flights", served.advance)
    assert "FailureReason" not in served.sagemaker.describe_endpoint(EndpointName="flights")


def test_retained_variant_properties_survive_an_update(served):
    served.config("config-one", "model-b", instances=1)
    served.sagemaker.update_endpoint(
        EndpointName="flights", EndpointConfigName="config-one", RetainAllVariantProperties=True
    )
    served.endpoints.wait_in_service("flights", served.advance)
    described = served.sagemaker.describe_endpoint(EndpointName="flights")
    assert described["EndpointConfigName"] == "config-one"
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2

    served.config("config-two", "model-a", instances=1)
    served.sagemaker.update_endpoint(
        EndpointName="flights",
        EndpointConfigName="config-two",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )
    served.endpoints.wait_in_service("flights", served.advance)
    described = served.sagemaker.describe_endpoint(EndpointName="flights")
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 1


def test_a_retained_deployment_config_is_used_again(served):
    served.sagemaker.update_endpoint(
        EndpointName="flights", EndpointConfigName="config-b", DeploymentConfig=CANARY
    )
    served.endpoints.wait_in_service("flights", served.advance)
    served.sagemaker.update_endpoint(
        EndpointName="flights", EndpointConfigName="config-a", RetainDeploymentConfig=True
    )
    served.advance(4 * MINUTE)
    assert served.status() == ("Updating", "config-b"), "it bakes as the last deployment did"


# --- what is refused


def canary(**routing):
    changed = copy.deepcopy(CANARY)
    changed["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"].update(routing)
    return changed


@pytest.mark.parametrize(
    ("deployment", "message"),
    [
        (canary(CanarySize={"Type": "CAPACITY_PERCENT", "Value": 51}), "at most 50 %"),
        (canary(CanarySize={"Type": "INSTANCE_COUNT", "Value": 2}), "at most 50 %"),
        (canary(WaitIntervalInSeconds=3601), "WaitIntervalInSeconds"),
        (canary(WaitIntervalInSeconds=1680), "larger than the total waiting time"),
        (canary(Type="LINEAR"), "CanarySize is not allowed"),
        (canary(Type="ALL_AT_ONCE"), "CanarySize is not allowed"),
        ({**CANARY, "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "nobody"}]}}, "does not exist"),
        ({**CANARY, "RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                                            "WaitIntervalInSeconds": 0}}, "Only one"),
    ],
)  # fmt: skip
def test_an_illegal_deployment_config_is_refused_and_changes_nothing(served, deployment, message):
    text = refused(
        served.sagemaker.update_endpoint,
        EndpointName="flights",
        EndpointConfigName="config-b",
        DeploymentConfig=deployment,
    )
    assert message in text
    assert served.status() == ("InService", "config-a")
    assert "LastDeploymentConfig" not in served.sagemaker.describe_endpoint(EndpointName="flights")


def test_updates_that_cannot_be_are_refused(served):
    update = served.sagemaker.update_endpoint
    assert "Could not find" in refused(update, EndpointName="flights", EndpointConfigName="nothing")
    assert "Could not find" in refused(update, EndpointName="nothing", EndpointConfigName="config-b")
    served.config("config-one", "model-b", instances=1)
    text = refused(update, EndpointName="flights", EndpointConfigName="config-one", DeploymentConfig=CANARY)
    assert "at least 2 instances" in text
    text = refused(
        update,
        EndpointName="flights",
        EndpointConfigName="config-b",
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )
    assert "requires RetainAllVariantProperties" in text
    update(EndpointName="flights", EndpointConfigName="config-b")
    text = refused(update, EndpointName="flights", EndpointConfigName="config-b")
    assert "Cannot update in-progress endpoint" in text


def test_guardrails_demand_the_same_variant_names(served):
    served.sagemaker.create_endpoint_config(
        EndpointConfigName="config-renamed",
        ProductionVariants=[
            {
                "VariantName": "Other",
                "ModelName": "model-b",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 2,
            }
        ],
    )
    text = refused(
        served.sagemaker.update_endpoint,
        EndpointName="flights",
        EndpointConfigName="config-renamed",
        DeploymentConfig=CANARY,
    )
    assert "same variant names" in text


def test_a_config_in_use_or_being_deployed_cannot_be_deleted(served):
    delete = served.sagemaker.delete_endpoint_config
    assert "flights" in refused(delete, EndpointConfigName="config-a")
    served.sagemaker.update_endpoint(EndpointName="flights", EndpointConfigName="config-b")
    assert "flights" in refused(delete, EndpointConfigName="config-b")
    assert "in-progress" in refused(served.sagemaker.delete_endpoint, EndpointName="flights")
    served.endpoints.wait_in_service("flights", served.advance)
    delete(EndpointConfigName="config-a")
    assert "Could not find" in refused(delete, EndpointConfigName="config-a")


def test_names_are_taken_once(served):
    with pytest.raises(ClientError, match="already existing endpoint configuration"):
        served.config("config-a", "model-a")
    assert "already existing" in refused(
        served.sagemaker.create_endpoint, EndpointName="flights", EndpointConfigName="config-a"
    )


def test_a_described_config_can_be_created_again_under_another_name(served):
    described = served.sagemaker.describe_endpoint_config(EndpointConfigName="config-a")
    copied = {key: described[key] for key in ("ProductionVariants", "DataCaptureConfig") if key in described}
    served.sagemaker.create_endpoint_config(EndpointConfigName="config-copy", **copied)


def test_what_the_twin_lacks_is_a_twin_error(served):
    variant = {
        "VariantName": "v",
        "ModelName": "model-a",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    create = served.sagemaker.create_endpoint_config
    with pytest.raises(TwinError, match="ShadowProductionVariants"):
        create(EndpointConfigName="c", ProductionVariants=[variant], ShadowProductionVariants=[variant])
    with pytest.raises(TwinError, match="ServerlessConfig"):
        create(
            EndpointConfigName="c",
            ProductionVariants=[
                {**variant, "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
            ],
        )
    with pytest.raises(TwinError, match="RollingUpdatePolicy"):
        served.sagemaker.update_endpoint(
            EndpointName="flights",
            EndpointConfigName="config-b",
            DeploymentConfig={
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                    "WaitIntervalInSeconds": 0,
                }
            },
        )
    with pytest.raises(TwinError, match="ServerlessUpdateConfig"):
        served.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="flights",
            DesiredWeightsAndCapacities=[
                {"VariantName": "AllTraffic", "ServerlessUpdateConfig": {"MaxConcurrency": 1}}
            ],
        )


def test_local_storage_instances_refuse_a_key_and_unknown_types_are_refused(served):
    variant = {"VariantName": "v", "ModelName": "model-a", "InitialInstanceCount": 1}
    create = served.sagemaker.create_endpoint_config
    variants = [{**variant, "InstanceType": "ml.g4dn.xlarge"}]
    assert "KmsKeyId" in refused(
        create, EndpointConfigName="c", ProductionVariants=variants, KmsKeyId="alias/key"
    )
    variants = [{**variant, "InstanceType": "ml.m99.large"}]
    assert "enum value set" in refused(create, EndpointConfigName="c", ProductionVariants=variants)


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"Environment": {}}, "SAGEMAKER_PROGRAM"),
        (
            {
                "Environment": {
                    "SAGEMAKER_PROGRAM": "i.py",
                    "SAGEMAKER_SUBMIT_DIRECTORY": "s3://b/code.tar.gz",
                }
            },
            "SAGEMAKER_SUBMIT_DIRECTORY",
        ),
        ({"ModelDataUrl": ""}, "ModelDataUrl"),
        ({"MultiModelConfig": {"ModelCacheSetting": "Enabled"}}, "MultiModelConfig"),
    ],
)
def test_a_container_that_the_twin_cannot_run_is_an_error_when_it_is_to_be_served(acc, container, message):
    acc.sagemaker.create_model(
        ModelName="model-a",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/serving",
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/m.tar.gz",
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
            **container,
        },
    )
    acc.config("config-a", "model-a")
    with pytest.raises(TwinError, match=message):
        acc.sagemaker.create_endpoint(EndpointName="flights", EndpointConfigName="config-a")
    assert acc.sagemaker.list_endpoints()["Endpoints"] == []


# --- processes


def test_the_model_server_carries_none_of_the_twins_account():
    code = "import sys, twin.model_server; print(sorted({'moto', 'boto3', 'botocore'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert result.stdout.strip() == b"[]"


def test_instances_die_with_their_parent(tmp_path):
    (tmp_path / "ml").mkdir()
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time, pathlib; from twin.endpoints.instance import Instance\n"
            "root = pathlib.Path(sys.argv[1])\n"
            "environment = {'SAGEMAKER_SUBMIT_DIRECTORY': '/opt/ml', 'SAGEMAKER_PROGRAM': 'none.py', "
            "'SM_MODEL_DIR': '/opt/ml'}\n"
            "instance = Instance(root / 'ml', environment, root / 'server.log')\n"
            "assert not instance.ping(30), 'there is no script'\n"
            "print(instance.port, flush=True); time.sleep(60)",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    port = int(parent.stdout.readline())
    socket.create_connection(("127.0.0.1", port)).close()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    pytest.fail("the instance outlived its parent")


def test_deleting_and_closing_end_every_process(served):
    pids = [
        instance.pid
        for variant in served.endpoints.variants("flights").values()
        for instance in variant.instances
    ]
    assert len(pids) == 2
    served.sagemaker.delete_endpoint(EndpointName="flights")
    assert served.bus.statuses()[-1] == "DELETING"
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert served.send("1,1")[0].status == 400
    assert served.sagemaker.list_endpoints()["Endpoints"] == []


def test_an_instance_sees_its_own_environment_and_nothing_else(acc, monkeypatch):
    monkeypatch.setenv("OUTER_SECRET", "leaked")
    script = SCRIPT.replace(
        "return sum(data) * model",
        "import sys; return '|'.join([os.environ['SM_MODEL_DIR'], os.environ.get('OUTER_SECRET', 'absent'), "
        "os.environ['GREETING'], os.environ.get('AWS_ACCESS_KEY_ID', 'absent'), "
        "str(any((pathlib.Path(p) / 'twin').is_dir() for p in sys.path))])",
    )
    acc.model("model-a", model_archive(script=script), GREETING="hello")
    acc.config("config-a", "model-a", instances=1)
    acc.serve()
    model_dir, secret, greeting, key, sees_twin = acc.send("1,1")[0].body.decode().split("|")
    assert model_dir.startswith(str(acc.state))
    assert model_dir.endswith("/ml/model")
    assert (secret, greeting, key, sees_twin) == ("absent", "hello", "absent", "False")
