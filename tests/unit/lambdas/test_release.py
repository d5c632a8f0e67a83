"""The release function: up to the one call that changes the endpoint, and never to it without leave."""

from __future__ import annotations

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from selfheal.aws.controls import Stopped
from selfheal.aws.errors import EndpointBusy, LeaseLost, Missing, Refused
from selfheal.diagnose.snapshot import ReleaseStatus
from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Incident, Trigger
from selfheal.record.ledger import EntryKind, broken_at
from selfheal.remediate.playbook import Remedy
from unit.account import BUCKET, MODE_PARAMETER, NAME, SWITCH_PARAMETER, VARIANT, archive
from unit.samples import NOW

UPDATED = {"EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/flights"}


@pytest.fixture
def release(function):
    return function("remediate.release")


def incident(**more):
    trigger = Trigger(kind=SignalKind.PERFORMANCE, subject="flights-performance", at=NOW, reason="worse")
    return Incident.open("flights", trigger, NOW).with_(tried=(Remedy.RETRAIN,), **more)


def nothing_was_done(account):
    assert account.calls.changes() == []
    assert account.calls.changes("CloudWatch") == []
    assert account.table.last_release() is None
    assert list(account.table.entries()) == []


def test_a_release_is_asked_for_under_guardrails(account, release, step):
    account.champion()
    package = account.package("two")
    account.calls.answers["UpdateEndpoint"] = UPDATED
    result = release(step({"package": package}))
    deployment = result["deployment"]
    assert result["next"] == "await"
    assert deployment["previous"] == "flights-first"
    assert deployment["package"] == package
    assert deployment["config"] == deployment["released"] != "flights-first"
    assert account.calls.changes() == ["CreateModel", "CreateEndpointConfig", "UpdateEndpoint"]

    (update,) = account.calls.of("UpdateEndpoint")
    assert (update["EndpointName"], update["EndpointConfigName"]) == (NAME, deployment["config"])
    sent_back_by = update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    there = account.cloudwatch.describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"] for alarm in sent_back_by} == {alarm["AlarmName"] for alarm in there}
    assert all(
        {"Name": "EndpointConfigName", "Value": deployment["config"]} in alarm["Dimensions"]
        for alarm in there
    )

    config = account.sagemaker.describe_endpoint_config(EndpointConfigName=deployment["config"])
    assert config["ProductionVariants"][0]["ModelName"] == deployment["model"]
    assert config["ProductionVariants"][0]["VariantName"] == VARIANT
    assert config["DataCaptureConfig"]["EnableCapture"] is True


def test_the_intent_is_in_the_ledger_before_the_endpoint_is_touched(account, release, step):
    account.champion()
    package = account.package("two")
    account.calls.answers["UpdateEndpoint"] = RuntimeError("the line went dead")
    with pytest.raises(RuntimeError, match="line went dead"):
        release(step({"package": package}))
    (entry,) = account.table.entries()
    assert entry.kind is EntryKind.INTENT
    assert entry.body["package"] == package
    assert account.table.last_release().status is ReleaseStatus.RELEASING


def test_a_release_asked_for_twice_is_one_release(account, release, step):
    account.champion()
    package = account.package("two")
    account.calls.answers["UpdateEndpoint"] = UPDATED
    first = release(step({"package": package}))
    second = release(step({"package": package}))
    assert first["deployment"] == second["deployment"]
    assert account.calls.changes() == ["UpdateEndpoint"]
    assert broken_at(account.table.entries()) is None


class TestARetryThatDoesNotKnowWhatTheFirstTryBegan:
    @pytest.fixture
    def package(self, account):
        account.champion()
        return account.package("two")

    @pytest.fixture
    def first(self, account, release, step, package):
        """A try that SageMaker began, and that never learned so. Returns the release's config."""
        account.calls.answers["UpdateEndpoint"] = RuntimeError("the line went dead")
        with pytest.raises(RuntimeError, match="line went dead"):
            release(step({"package": package}))
        account.calls.answers["UpdateEndpoint"] = AssertionError("the endpoint was touched")
        return account.table.last_release().config

    def settles(self, account, release, step, package, config):
        again = release(step({"package": package}))
        assert again["next"] == "await"
        assert again["deployment"]["config"] == again["deployment"]["released"] == config
        assert again["deployment"]["previous"] == "flights-first"
        assert account.calls.changes() == []

    def test_what_was_sent_back_is_settled_and_not_begun_again(self, account, release, step, package, first):
        account.endpoint_is(changed_at=NOW + timedelta(minutes=9))
        self.settles(account, release, step, package, first)

    def test_what_serves_is_settled(self, account, release, step, package, first):
        account.endpoint_is(config=first, changed_at=NOW + timedelta(minutes=9))
        self.settles(account, release, step, package, first)

    @pytest.mark.parametrize(
        ("parameter", "value"), [(MODE_PARAMETER, "observe"), (SWITCH_PARAMETER, "ann: stop")]
    )
    def test_also_after_the_switch_was_thrown(self, account, release, step, package, first, parameter, value):
        account.endpoint_is(changed_at=NOW + timedelta(minutes=9))
        account.set(parameter, value)
        self.settles(account, release, step, package, first)

    def test_also_after_the_package_was_rejected(self, account, release, step, package, first):
        account.endpoint_is(changed_at=NOW + timedelta(minutes=9))
        account.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Rejected")
        self.settles(account, release, step, package, first)

    def test_what_never_began_is_begun(self, account, release, step, package, first):
        account.calls.answers["UpdateEndpoint"] = UPDATED
        assert release(step({"package": package}))["deployment"]["config"] == first
        assert account.calls.changes() == ["UpdateEndpoint"]

    def test_what_sagemaker_refused_is_not_held_to_have_begun(self, account, release, step, package):
        account.calls.answers["UpdateEndpoint"] = ClientError(
            {"Error": {"Code": "ValidationException", "Message": "no"}}, "UpdateEndpoint"
        )
        with pytest.raises(ClientError, match="no"):
            release(step({"package": package}))
        assert account.table.last_release().status is ReleaseStatus.ROLLED_BACK

    @pytest.mark.parametrize(
        ("pending", "status"),
        [("", ReleaseStatus.RELEASING), ("flights-other", ReleaseStatus.ROLLED_BACK)],
        ids=["its own", "another's"],
    )
    def test_a_call_that_was_sent_twice_may_have_begun_what_it_was_refused(
        self, account, release, step, package, pending, status
    ):
        """The first was accepted and its answer lost; the second is refused, since the first is under way."""
        described = account.sagemaker.describe_endpoint(EndpointName=NAME)

        def refuse(arguments):
            account.calls.answers["DescribeEndpoint"] = {
                **described,
                "EndpointStatus": "Updating",
                "LastModifiedTime": described["LastModifiedTime"] + timedelta(seconds=1),
                "PendingDeploymentSummary": {
                    "EndpointConfigName": pending or arguments["EndpointConfigName"]
                },
            }
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "busy"}}, "UpdateEndpoint")

        account.calls.answers["UpdateEndpoint"] = refuse
        with pytest.raises(ClientError, match="busy"):
            release(step({"package": package}))
        assert account.table.last_release().status is status


def test_releases_are_in_the_order_in_which_their_deployments_began(account, release, step):
    """The one that came first had to wait for the endpoint, and was deployed last."""
    account.champion()
    first, second = account.package("two"), account.package("three")
    account.calls.answers["UpdateEndpoint"] = UPDATED
    overtaking = step({"package": second})
    release({**overtaking, "at": (NOW + timedelta(minutes=5)).isoformat()})
    release(step({"package": first}))
    assert account.table.last_release().package == first


def test_what_serves_already_is_not_asked_for_again(account, release, step):
    account.champion()
    package = account.package("two")
    account.calls.answers["UpdateEndpoint"] = UPDATED
    config = release(step({"package": package}))["deployment"]["config"]
    account.endpoint_is(config=config)
    again = release(step({"package": package}))
    assert again["deployment"]["config"] == config
    assert account.calls.changes() == []


def test_an_incident_carries_its_deployment(account, release, step):
    account.champion()
    account.calls.answers["UpdateEndpoint"] = UPDATED
    state = {"package": account.package("two"), "incident": incident().to_json()}
    result = release(step(state))
    assert result["incident"]["deployment"] == result["deployment"]
    (entry,) = account.table.entries()
    assert entry.incident == incident().id


def test_a_workflow_that_lost_its_lease_releases_nothing(account, release, step):
    account.champion()
    lost = incident(fencing_token=1).to_json()
    account.hold(lost, token=2)
    state = {"package": account.package("two"), "incident": lost}
    with pytest.raises(LeaseLost, match="with token 2"):
        release(step(state))
    nothing_was_done(account)


def refused(account, release, step, package, error, message):
    account.calls.answers["UpdateEndpoint"] = AssertionError("the endpoint was touched")
    with pytest.raises(error, match=message):
        release(step({"package": package}))
    nothing_was_done(account)


def test_an_archive_that_is_not_what_was_registered_is_refused(account, release, step):
    account.champion()
    package = account.package("two")
    account.s3.put_object(Bucket=BUCKET, Key="packages/two/model.tar.gz", Body=archive("forged"))
    refused(account, release, step, package, Refused, "is not what was registered")


def test_an_archive_that_is_gone_is_refused(account, release, step):
    account.champion()
    package = account.package("two")
    account.s3.delete_object(Bucket=BUCKET, Key="packages/two/model.tar.gz")
    refused(account, release, step, package, Missing, "model.tar.gz does not exist")


@pytest.mark.parametrize(
    ("registered", "error", "message"),
    [
        ({"status": "PendingManualApproval"}, Refused, "is PendingManualApproval"),
        ({"status": "Rejected"}, Refused, "is Rejected"),
        ({"quarantined_by": "incident-7"}, Refused, "quarantined by incident-7"),
        ({"sha256": None}, Refused, "names no sha256"),
        ({"baseline": None}, Missing, "carries no baseline"),
    ],
)
def test_what_may_not_be_deployed_is_refused(account, release, step, registered, error, message):
    account.champion()
    refused(account, release, step, account.package("two", **registered), error, message)


def test_a_package_that_does_not_exist_is_refused(account, release, step):
    account.champion()
    nowhere = account.package("two").replace("/2", "/99")
    refused(account, release, step, nowhere, Missing, "flights/99 does not exist")


@pytest.mark.parametrize("status", ["Updating", "RollingBack", "SystemUpdating"])
def test_there_is_never_a_second_deployment_at_once(account, release, step, status):
    account.champion()
    package = account.package("two")
    account.endpoint_is(status)
    refused(account, release, step, package, EndpointBusy, f"is {status}")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [(MODE_PARAMETER, "observe"), (MODE_PARAMETER, "?"), (SWITCH_PARAMETER, "ann: stop")],
)
def test_nothing_is_released_while_people_do_not_want_it(account, release, step, parameter, value):
    account.champion()
    package = account.package("two")
    account.set(parameter, value)
    refused(account, release, step, package, Stopped, r"the mode is|which is no mode|the kill switch is on")


@pytest.mark.parametrize("package", [None, 7, ["arn"], {}])
def test_a_state_that_names_no_package_is_refused(account, release, step, package):
    account.champion()
    refused(account, release, step, package, Exception, "names no package")


def test_an_endpoint_that_is_missing_is_said_to_be(account, release, step):
    refused(account, release, step, account.package("two"), Missing, "deploy the Serving stack first")
