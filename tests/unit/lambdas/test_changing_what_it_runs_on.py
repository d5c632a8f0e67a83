"""Scaling, replacing and falling back: asked for once, with an intent, and settled by what the endpoint has."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selfheal.aws.controls import Stopped
from selfheal.aws.errors import EndpointBusy, LeaseLost, Missing, Refused
from selfheal.aws.registry import Registry
from selfheal.diagnose.causes import Cause
from selfheal.diagnose.snapshot import Release, ReleaseStatus
from selfheal.record.ledger import EntryKind, actions
from selfheal.record.replay import replay
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.release import fleet_alarms
from selfheal.remediate.release_policy import ReleasePolicy
from selfheal.verdict import Verdict
from unit.account import BUCKET, CHAMPION_PARAMETER, MODE_PARAMETER, NAME, SWITCH_PARAMETER, VARIANT
from unit.lambdas.episodes import alarm, incident, kinds
from unit.samples import NOW

ENDPOINT = {"EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/flights"}
SIZE, UPDATE = "UpdateEndpointWeightsAndCapacities", "UpdateEndpoint"


def took(remedy):
    return {"incident": incident(cause=Cause.INFRASTRUCTURE, tried=(remedy,)).to_json()}


def pointer(account):
    return account.ssm.get_parameter(Name=CHAMPION_PARAMETER)["Parameter"]["Value"]


def alarms(account):
    return sorted(found["AlarmName"] for found in account.cloudwatch.describe_alarms()["MetricAlarms"])


def intents(account):
    return [entry.body for entry in account.table.entries() if entry.kind is EntryKind.INTENT]


def released(account, config="flights-new", previous="flights-first", name="two", days=1, **metadata):
    """A package that was released and held; returns its ARN. Who serves is another question."""
    package = account.package(name, **metadata)
    account.config(config, account.model(f"model-{name}", package))
    release = Release(
        config=config,
        model=f"model-{name}",
        package=package,
        previous_config=previous,
        started_at=NOW - timedelta(days=days),
        ended_at=NOW - timedelta(days=days),
        status=ReleaseStatus.PROMOTED,
    )
    account.table.save_release(release)
    return package


class Remediation:
    """A remedy's function on an account where a champion serves."""

    remedy: Remedy
    folder: str
    operation: str

    @pytest.fixture
    def champion(self, account):
        champion = account.champion()
        if self.remedy is Remedy.FALL_BACK:
            released(account)
            account.endpoint_is(config="flights-new")
            account.set(CHAMPION_PARAMETER, "model-two")
        return champion

    @pytest.fixture
    def act(self, account, champion, function, step):
        handler = function(f"remediate.{self.folder}")
        account.calls.answers[UPDATE] = ENDPOINT
        return lambda: handler(step(took(self.remedy)))

    def asked(self, account):
        return account.calls.of(self.operation)


class Changes(Remediation):
    """What every change of the service keeps."""

    def test_the_intent_is_written_first(self, account, act):
        account.calls.answers[self.operation] = RuntimeError("the line went dead")
        with pytest.raises(RuntimeError, match="line went dead"):
            act()
        (action,) = actions(account.table.entries())
        assert (action.remedy, action.succeeded) == (self.remedy, None)

    @pytest.mark.parametrize("status", ["Updating", "RollingBack", "SystemUpdating"])
    def test_a_deployment_that_runs_is_not_disturbed(self, account, act, status):
        account.endpoint_is(status)
        with pytest.raises(EndpointBusy):
            act()
        assert account.calls.changes() == []
        assert kinds(account) == []

    @pytest.mark.parametrize(
        ("parameter", "value"), [(SWITCH_PARAMETER, "ann: stop"), (MODE_PARAMETER, "recommend")]
    )
    def test_without_permission_nothing_is_touched_and_no_attempt_is_written_down(
        self, account, act, parameter, value
    ):
        account.set(parameter, value)
        with pytest.raises(Stopped):
            act()
        assert account.calls.changes() == []
        assert kinds(account) == []

    def test_the_switch_is_read_again_right_before_the_change(self, account, act):
        act()
        made = [name for _, name, _ in account.calls.made]
        assert made[made.index(self.operation) - 1] == "GetParameters"
        assert made.index("TransactWriteItems") < made.index(self.operation)

    def test_a_workflow_that_lost_its_lease_changes_nothing(self, account, champion, function, step):
        lost = {**took(self.remedy)["incident"], "fencing_token": 1}
        account.hold(lost, token=2)
        with pytest.raises(LeaseLost):
            function(f"remediate.{self.folder}")(step({"incident": lost}))
        assert account.calls.changes() == []
        assert kinds(account) == []

    def test_a_state_without_an_incident_is_refused(self, account, champion, function, step):
        with pytest.raises(Exception, match="carries no incident"):
            function(f"remediate.{self.folder}")(step({"incident": None}))
        assert account.calls.changes() == []


class TestScale(Changes):
    remedy, folder, operation = Remedy.SCALE, "scale", SIZE

    def test_one_step_more_is_asked_for_and_awaited(self, account, act):
        result = act()
        (asked,) = self.asked(account)
        assert asked["DesiredWeightsAndCapacities"] == [{"VariantName": VARIANT, "DesiredInstanceCount": 3}]
        assert result["next"] == "await"
        assert result["deployment"] == {
            "kind": "scale",
            "config": "flights-first",
            "variant": VARIANT,
            "instances": "3",
        }
        assert result["incident"]["deployment"] == result["deployment"]
        assert account.calls.changes() == [SIZE]

    def test_a_second_try_does_not_raise_what_the_first_raised(self, account, act):
        act()
        result = act()
        assert self.asked(account) == []
        assert result["deployment"]["instances"] == "3"
        assert [body["changed"] for body in intents(account)] == [True, False]
        assert len(actions(account.table.entries())) == 1

    def test_a_second_try_asks_for_what_the_first_did_not_come_to_ask(self, account, act):
        account.calls.answers[SIZE] = RuntimeError("the line went dead")
        with pytest.raises(RuntimeError):
            act()
        del account.calls.answers[SIZE]
        act()
        assert self.asked(account)[0]["DesiredWeightsAndCapacities"][0]["DesiredInstanceCount"] == 3

    def test_where_autoscaling_was_first_nothing_is_taken_away(self, account, act):
        account.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=NAME,
            DesiredWeightsAndCapacities=[{"VariantName": VARIANT, "DesiredInstanceCount": 4}],
        )
        result = act()
        assert self.asked(account) == []
        assert result["deployment"]["instances"] == "4"


class TestReplace(Changes):
    remedy, folder, operation = Remedy.REPLACE, "replace", UPDATE

    def test_a_copy_is_deployed_at_once_with_alarms_on_its_fleet_alone(self, account, champion, act):
        result = act()
        (update,) = self.asked(account)
        (copy,) = account.calls.of("CreateEndpointConfig")
        name = copy["EndpointConfigName"]
        assert update["EndpointConfigName"] == name != "flights-first"
        assert copy["ProductionVariants"][0]["ModelName"] == "champion-model"
        guardrails = update["DeploymentConfig"]
        routing = guardrails["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
        assert routing["Type"] == "ALL_AT_ONCE"
        own = [each["AlarmName"] for each in guardrails["AutoRollbackConfiguration"]["Alarms"]]
        assert sorted(own) == alarms(account)
        for found in account.cloudwatch.describe_alarms()["MetricAlarms"]:
            assert {"Name": "EndpointConfigName", "Value": name} in found["Dimensions"]
        assert result["next"] == "await"
        assert result["deployment"] == {
            "kind": "replace",
            "config": name,
            "previous": "flights-first",
            "model": "champion-model",
            "package": champion,
        }
        assert account.table.last_release() is None, "it brings nothing new, and is no release"

    def test_asked_twice_it_is_one_replacement(self, account, act):
        first = act()["deployment"]["config"]
        account.endpoint_is(config=first)
        assert act()["deployment"]["config"] == first
        assert account.calls.changes() == []
        assert [body["changed"] for body in intents(account)] == [True, False]

    def test_what_somebody_rejected_is_not_deployed_anew(self, account, champion, act):
        account.sagemaker.update_model_package(ModelPackageArn=champion, ModelApprovalStatus="Rejected")
        with pytest.raises(Refused, match="Rejected"):
            act()
        assert account.calls.changes() == []
        assert kinds(account) == []

    def test_a_model_of_unknown_origin_is_not_deployed_anew(self, account, act):
        account.config("by-hand", account.model("by-hand", None))
        account.endpoint_is(config="by-hand")
        with pytest.raises(Missing, match="names no model package"):
            act()
        assert account.calls.changes() == []


class TestFallBack(Changes):
    remedy, folder, operation = Remedy.FALL_BACK, "fall_back", UPDATE

    def test_the_last_good_config_is_asked_for_under_guardrails(self, account, champion, act):
        result = act()
        (update,) = self.asked(account)
        assert update["EndpointConfigName"] == "flights-first"
        assert len(update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]) == 2
        assert result["next"] == "await"
        assert result["deployment"] == {
            "kind": "fall-back",
            "config": "flights-first",
            "previous": "flights-new",
            "model": "champion-model",
            "package": champion,
        }
        assert account.calls.changes() == [UPDATE]

    def test_a_second_try_does_not_go_back_further(self, account, act):
        third = released(account, config="flights-third", previous="flights-new", name="three", days=0.5)
        account.endpoint_is(config="flights-third")
        assert act()["deployment"]["config"] == "flights-new"
        account.endpoint_is(config="flights-new")
        assert act()["deployment"]["config"] == "flights-new"
        assert account.calls.changes() == []
        assert not Registry(account.sagemaker).package(third).is_quarantined

    def test_what_may_not_serve_again_is_passed_over(self, account, champion, act):
        released(account, config="flights-third", previous="flights-new", name="three", days=0.5)
        account.endpoint_is(config="flights-third")
        second = account.table.release("flights-new").package
        Registry(account.sagemaker).quarantine(second, "i0", "did not hold")
        assert act()["deployment"]["config"] == "flights-first"

    def test_an_artifact_that_is_not_what_was_registered_is_refused(self, account, champion, act):
        account.s3.put_object(Bucket=BUCKET, Key="packages/champion/model.tar.gz", Body=b"another")
        with pytest.raises(Refused, match="is not what was registered"):
            act()
        assert account.calls.changes() == []
        assert kinds(account) == []

    def test_where_nothing_may_serve_again_it_says_why(self, account, champion, act):
        account.sagemaker.update_model_package(ModelPackageArn=champion, ModelApprovalStatus="Rejected")
        with pytest.raises(Refused, match=r"nothing to fall back to: flights-first: package .* is Rejected"):
            act()
        assert account.calls.changes() == []


class TestPlan:
    @pytest.fixture
    def plan(self, account, function, step):
        handler = function("remediate.plan")
        return lambda *tried: handler(
            step({"incident": incident(cause=Cause.INFRASTRUCTURE, tried=tried).to_json()})
        )

    def decided(self, account):
        *_, entry = (e for e in account.table.entries() if e.kind is EntryKind.PLANNED)
        return entry.body

    def test_errors_alone_lead_to_a_replacement(self, account, plan):
        account.champion()
        account.alarm("flights-errors")
        result = plan()
        assert result["next"] == "replace"
        assert result["incident"]["tried"] == ["replace"]
        assert result["incident"]["notes"][0].startswith("scale: no alarm on latency is firing")

    def test_latency_leads_to_scaling_until_the_maximum(self, account, plan):
        account.champion()
        account.alarm("flights-latency")
        assert plan()["next"] == "scale"
        assert self.decided(account)["service"]["capacity"] == {
            "instances": 2,
            "maximum": 4,
            "step_percent": 50.0,
        }
        account.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=NAME,
            DesiredWeightsAndCapacities=[{"VariantName": VARIANT, "DesiredInstanceCount": 4}],
        )
        assert plan()["next"] == "replace"
        assert "4 is the maximum" in self.decided(account)["stopped"][0]

    def test_a_first_champion_has_nothing_to_fall_back_to(self, account, plan):
        account.champion()
        result = plan(Remedy.REPLACE)
        assert result["next"] == "escalate"
        assert "no other config served before" in self.decided(account)["stopped"][-1]

    def test_what_served_before_is_fallen_back_to_last(self, account, plan):
        account.champion()
        released(account)
        account.endpoint_is(config="flights-new")
        assert plan(Remedy.REPLACE)["next"] == "fall-back"

    def test_of_a_model_that_was_rejected_nothing_is_deployed_anew(self, account, plan):
        champion = account.champion()
        account.sagemaker.update_model_package(ModelPackageArn=champion, ModelApprovalStatus="Rejected")
        assert plan()["next"] == "escalate"
        assert any("replace: package" in reason for reason in self.decided(account)["stopped"])

    def test_the_ledger_alone_makes_the_decision_again(self, account, plan, function, step):
        topic, _ = account.topic()
        account.champion()
        released(account)
        account.endpoint_is(config="flights-new")
        account.alarm("flights-latency")
        state = function("diagnose.open_incident", topic=topic)(step(alarm()))
        state["incident"]["cause"] = Cause.INFRASTRUCTURE.value
        handler = function("remediate.plan")
        taken = []
        for _ in range(4):
            state = handler(step(state))
            taken.append(state["next"])
        assert taken == ["scale", "replace", "fall-back", "escalate"]
        assert [decision.verdict for decision in replay(account.table.entries())] == [Verdict.PASS] * 4


class TestSettle:
    @pytest.fixture
    def settle(self, account, function, step):
        handler = function("remediate.settle", incident_machine=account.state_machine())
        return lambda deployment: handler(
            step({**took(Remedy(deployment["kind"])), "deployment": deployment})
        )

    def deployment(self, kind, config, **more):
        return {"kind": kind, "config": config, "previous": "flights-first", **more}

    def watched(self, account, config):
        account.alarms.create(
            each.arguments for each in fleet_alarms(NAME, NAME, VARIANT, config, ReleasePolicy())
        )

    def test_a_replacement_that_serves_is_verified_and_moves_no_pointer(self, account, settle):
        champion = account.champion()
        account.config("flights-again", "champion-model")
        account.endpoint_is(config="flights-again")
        self.watched(account, "flights-again")
        result = settle(self.deployment("replace", "flights-again", model="champion-model", package=champion))
        assert result["next"] == "verify"
        assert result["incident"]["acted_at"] == result["incident"]["mitigated_at"] == NOW.isoformat()
        assert alarms(account) == []
        assert account.calls.of("PutParameter") == []
        assert account.calls.changes() == []
        (entry,) = account.table.entries()
        assert (entry.body["remedy"], entry.body["action"], entry.body["succeeded"]) == (
            "replace",
            "replace",
            True,
        )

    def test_a_replacement_that_was_sent_back_blames_no_package(self, account, settle):
        champion = account.champion()
        self.watched(account, "flights-again")
        result = settle(self.deployment("replace", "flights-again", model="champion-model", package=champion))
        assert result["next"] == "plan"
        assert "flights-first serves" in result["incident"]["notes"][0]
        assert alarms(account) == []
        package = Registry(account.sagemaker).package(champion)
        assert (package.status, package.is_quarantined) == ("Approved", False)
        (entry,) = account.table.entries()
        assert entry.body["succeeded"] is False

    def test_falling_back_moves_the_pointer_and_quarantines_nothing(self, account, settle):
        champion = account.champion()
        second = released(account)
        account.set(CHAMPION_PARAMETER, "model-two")
        self.watched(account, "flights-first")
        result = settle(
            self.deployment("fall-back", "flights-first", model="champion-model", package=champion)
        )
        assert result["next"] == "verify"
        assert result["incident"]["champion_after"] == champion
        assert pointer(account) == "champion-model"
        assert alarms(account) == []
        assert account.calls.changes() == []
        assert not Registry(account.sagemaker).package(second).is_quarantined
        assert account.table.release("flights-new").status is ReleaseStatus.PROMOTED

    def test_falling_back_that_was_not_taken_leaves_the_pointer(self, account, settle):
        champion = account.champion()
        released(account)
        account.endpoint_is(config="flights-new")
        account.set(CHAMPION_PARAMETER, "model-two")
        result = settle(
            self.deployment("fall-back", "flights-first", model="champion-model", package=champion)
        )
        assert result["next"] == "plan"
        assert pointer(account) == "model-two"

    @pytest.mark.parametrize(("instances", "goes"), [("2", "verify"), ("3", "plan")])
    def test_scaling_took_effect_once_the_instances_are_there(self, account, settle, instances, goes):
        account.champion()
        result = settle(
            {"kind": "scale", "config": "flights-first", "variant": VARIANT, "instances": instances}
        )
        assert result["next"] == goes
        assert account.calls.changes() == []
        (entry,) = account.table.entries()
        assert entry.body["succeeded"] is (goes == "verify")
        if goes == "plan":
            assert "on 2 instances serves" in entry.body["reason"]
            assert "on 3 instances was asked for" in entry.body["reason"]

    def test_scaling_that_a_release_overtook_did_not_take_effect(self, account, settle):
        account.champion()
        released(account)
        account.endpoint_is(config="flights-new")
        deployment = {"kind": "scale", "config": "flights-first", "variant": VARIANT, "instances": "2"}
        assert settle(deployment)["next"] == "plan"
