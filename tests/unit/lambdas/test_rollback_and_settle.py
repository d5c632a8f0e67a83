"""Rolling back, and settling what came to rest: only the config's name tells whether it was taken."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from selfheal.aws.controls import Stopped
from selfheal.aws.errors import EndpointBusy, LeaseLost, Missing
from selfheal.aws.registry import Registry
from selfheal.diagnose.snapshot import Release, ReleaseStatus
from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Incident, Trigger
from selfheal.record.ledger import EntryKind, actions
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.release import fleet_alarms
from selfheal.remediate.release_policy import ReleasePolicy
from unit.account import CHAMPION_PARAMETER, NAME, SWITCH_PARAMETER, VARIANT
from unit.samples import NOW

UPDATED = {"EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/flights"}


def incident(*tried):
    trigger = Trigger(kind=SignalKind.LATENCY, subject="flights-latency", at=NOW, reason="slow")
    opened = Incident.open("flights", trigger, NOW)
    return opened.with_(tried=tried or (Remedy.ROLLBACK,), blamed_release="flights-new")


@pytest.fixture
def released(account):
    """A champion, and a second package that was released after it and serves. Returns the second's ARN."""
    account.champion()
    package = account.package("two")
    account.config("flights-new", account.model("new-model", package))
    account.table.save_release(
        Release(
            config="flights-new",
            model="new-model",
            package=package,
            previous_config="flights-first",
            started_at=NOW - timedelta(hours=1),
            status=ReleaseStatus.RELEASING,
        )
    )
    account.alarms.create(
        alarm.arguments for alarm in fleet_alarms(NAME, NAME, VARIANT, "flights-new", ReleasePolicy())
    )
    account.endpoint_is(config="flights-new")
    return package


def alarms(account):
    return account.cloudwatch.describe_alarms()["MetricAlarms"]


def deployment(package, kind="release", **more):
    there = {
        "release": {"config": "flights-new", "previous": "flights-first", "model": "new-model"},
        "rollback": {"config": "flights-first", "previous": "flights-new", "model": "champion-model"},
    }[kind]
    return {"kind": kind, **there, "package": package, "released": "flights-new", **more}


class TestRollback:
    @pytest.fixture
    def roll_back(self, function, step):
        rollback = function("remediate.rollback")
        return lambda **state: rollback(step({"incident": incident().to_json(), **state}))

    def test_a_workflow_that_lost_its_lease_changes_nothing(self, account, released, roll_back):
        lost = incident().with_(fencing_token=1).to_json()
        account.hold(lost, token=2)
        account.calls.answers["UpdateEndpoint"] = AssertionError("the endpoint was touched")
        with pytest.raises(LeaseLost, match="with token 2"):
            roll_back(incident=lost)
        assert list(account.table.entries()) == []

    def test_the_last_good_config_is_asked_for_all_at_once(self, account, released, roll_back):
        account.calls.answers["UpdateEndpoint"] = UPDATED
        result = roll_back()
        (update,) = account.calls.of("UpdateEndpoint")
        assert update["EndpointConfigName"] == "flights-first"
        assert "DeploymentConfig" not in update
        assert result["next"] == "await"
        assert result["deployment"] == deployment(released, "rollback")
        assert account.calls.changes() == ["UpdateEndpoint"]

    def test_the_intent_is_written_first(self, account, released, roll_back):
        account.calls.answers["UpdateEndpoint"] = RuntimeError("the line went dead")
        with pytest.raises(RuntimeError, match="line went dead"):
            roll_back()
        (action,) = actions(account.table.entries())
        assert (action.remedy, action.succeeded) == (Remedy.ROLLBACK, None)

    def test_where_the_guardrails_went_back_there_is_nothing_to_ask(self, account, released, roll_back):
        account.endpoint_is(config="flights-first")
        assert roll_back()["deployment"]["config"] == "flights-first"
        assert account.calls.changes() == []

    def passed_over(self, account, result):
        """Nothing was changed; the next rung is planned, and the ledger and people are told why. Returns the reason."""
        assert result["next"] == "plan"
        assert account.calls.changes() == []
        (entry,) = account.table.entries()
        assert (entry.kind, entry.body["succeeded"]) == (EntryKind.OUTCOME, False)
        assert result["incident"]["notes"] == [f"rollback: {entry.body['reason']}"]
        assert actions([entry]) == []
        return entry.body["reason"]

    @pytest.mark.parametrize("blamed", [None, "flights-unknown"])
    def test_without_a_release_to_blame_there_is_nothing_to_undo(self, account, released, roll_back, blamed):
        result = roll_back(incident=incident().with_(blamed_release=blamed).to_json())
        assert "release" in self.passed_over(account, result)

    def later_release(self, account):
        """Somebody has released another package since; returns it."""
        package = account.package("three")
        account.config("flights-later", account.model("later-model", package))
        account.table.save_release(
            Release(
                config="flights-later",
                model="later-model",
                package=package,
                previous_config="flights-new",
                started_at=NOW,
                status=ReleaseStatus.PROMOTED,
            )
        )
        return package

    def test_what_somebody_has_deployed_since_is_not_undone(self, account, released, roll_back):
        self.later_release(account)
        account.endpoint_is(config="flights-later")
        reason = self.passed_over(account, roll_back())
        assert reason.startswith("flights-later serves, not flights-new")

    def test_the_release_that_is_blamed_is_undone_whichever_was_the_last(self, account, released, roll_back):
        self.later_release(account)
        account.calls.answers["UpdateEndpoint"] = UPDATED
        assert roll_back()["deployment"] == deployment(released, "rollback")

    def test_a_config_that_is_gone_cannot_be_returned_to(self, account, released, roll_back):
        account.sagemaker.delete_endpoint_config(EndpointConfigName="flights-first")
        with pytest.raises(Missing, match="flights-first does not exist"):
            roll_back()
        assert account.calls.changes() == []

    def test_a_deployment_that_runs_is_not_disturbed(self, account, released, roll_back):
        account.endpoint_is("Updating")
        with pytest.raises(EndpointBusy):
            roll_back()
        assert account.calls.changes() == []
        assert list(account.table.entries()) == []

    def test_without_permission_nothing_is_touched_and_no_attempt_is_written_down(
        self, account, released, roll_back
    ):
        account.set(SWITCH_PARAMETER, "ann: stop")
        with pytest.raises(Stopped, match="ann: stop"):
            roll_back()
        assert account.calls.changes() == []
        assert list(account.table.entries()) == []

    def test_where_there_is_nothing_to_ask_no_permission_is_needed(self, account, released, roll_back):
        account.set(SWITCH_PARAMETER, "ann: stop")
        account.endpoint_is(config="flights-first")
        assert roll_back()["next"] == "await"
        assert account.calls.changes() == []

    def test_a_state_without_an_incident_is_refused(self, account, released, roll_back):
        with pytest.raises(Exception, match="carries no incident"):
            roll_back(incident=None)
        assert account.calls.changes() == []


class TestSettle:
    @pytest.fixture
    def machine(self, account):
        return account.state_machine()

    @pytest.fixture
    def settle(self, function, step, machine):
        function_ = function("remediate.settle", incident_machine=machine)
        return lambda **state: function_(step(state))

    def test_a_release_that_serves_makes_the_champion(self, account, released, settle):
        state = incident(Remedy.RETRAIN).to_json()
        result = settle(deployment=deployment(released), incident=state)
        assert result["next"] == "verify"
        assert account.ssm.get_parameter(Name=CHAMPION_PARAMETER)["Parameter"]["Value"] == "new-model"
        assert account.table.release("flights-new").status is ReleaseStatus.PROMOTED
        assert account.table.release("flights-new").ended_at == NOW
        assert result["incident"]["champion_after"] == released
        assert result["incident"]["acted_at"] == result["incident"]["mitigated_at"] == NOW.isoformat()
        assert alarms(account) == []
        assert account.calls.changes() == []
        (entry,) = account.table.entries()
        assert (entry.kind, entry.body["succeeded"], entry.body["remedy"]) == (
            EntryKind.OUTCOME,
            True,
            "retrain",
        )

    def test_in_service_on_the_old_config_is_a_release_that_did_not_hold(self, account, released, settle):
        # What SageMaker says after its guardrails rolled back: InService, without a reason.
        account.endpoint_is("InService", "flights-first")
        result = settle(deployment=deployment(released), incident=incident(Remedy.RETRAIN).to_json())
        assert result["next"] == "plan"
        assert account.ssm.get_parameter(Name=CHAMPION_PARAMETER)["Parameter"]["Value"] == "champion-model"
        assert account.table.release("flights-new").status is ReleaseStatus.ROLLED_BACK
        assert Registry(account.sagemaker).package(released).is_quarantined
        assert alarms(account) == []
        (entry,) = account.table.entries()
        assert entry.body["succeeded"] is False
        assert "flights-first serves" in result["incident"]["notes"][0]

    @pytest.mark.parametrize(("found", "held"), [("flights-new", True), ("flights-first", False)])
    def test_a_release_that_the_next_one_found_in_service_held(self, account, released, settle, found, held):
        """Another workflow deployed between the end of the release and this look at it."""
        account.table.save_release(
            Release(
                config="flights-next",
                model="next-model",
                package=account.package("three"),
                previous_config=found,
                started_at=NOW,
                status=ReleaseStatus.RELEASING,
            )
        )
        account.endpoint_is(config="flights-next")
        assert settle(deployment=deployment(released))["next"] == ("verify" if held else "plan")
        assert Registry(account.sagemaker).package(released).is_quarantined is not held
        pointer = account.ssm.get_parameter(Name=CHAMPION_PARAMETER)["Parameter"]["Value"]
        assert pointer == "champion-model", "what serves now is another's to write down"

    @pytest.mark.parametrize("status", ["Failed", "UpdateRollbackFailed", "OutOfService"])
    def test_the_right_config_in_any_other_state_is_not_enough(self, account, released, settle, status):
        account.endpoint_is(status, "flights-new")
        result = settle(deployment=deployment(released), incident=incident(Remedy.RETRAIN).to_json())
        assert result["next"] == "plan"
        assert account.ssm.get_parameter(Name=CHAMPION_PARAMETER)["Parameter"]["Value"] == "champion-model"

    def test_a_rollback_that_serves_quarantines_what_was_released(self, account, released, settle):
        account.endpoint_is(config="flights-first")
        account.set(CHAMPION_PARAMETER, "new-model")
        result = settle(deployment=deployment(released, "rollback"), incident=incident().to_json())
        assert result["next"] == "verify"
        assert account.ssm.get_parameter(Name=CHAMPION_PARAMETER)["Parameter"]["Value"] == "champion-model"
        package = Registry(account.sagemaker).package(released)
        assert package.status == "Rejected"
        assert package.metadata["quarantined-by"] == incident().id
        assert account.table.release("flights-new").status is ReleaseStatus.ROLLED_BACK

    def test_a_rollback_that_was_not_taken_quarantines_nothing(self, account, released, settle):
        result = settle(deployment=deployment(released, "rollback"), incident=incident().to_json())
        assert result["next"] == "plan"
        assert not Registry(account.sagemaker).package(released).is_quarantined
        assert account.calls.changes() == []

    def test_a_release_by_hand_that_did_not_hold_opens_one_incident(self, account, released, settle, machine):
        account.endpoint_is("InService", "flights-first")
        for _ in range(2):
            assert settle(deployment=deployment(released))["next"] == "plan"
        (name,) = account.executions(machine)
        arn = account.workflows.list_executions(stateMachineArn=machine)["executions"][0]["executionArn"]
        event = json.loads(account.workflows.describe_execution(executionArn=arn)["input"])
        assert name.startswith("release-")
        assert event["detail"]["config"] == "flights-new"

    def test_a_release_by_hand_that_holds_opens_none(self, account, released, settle, machine):
        assert settle(deployment=deployment(released))["incident"] is None
        assert account.executions(machine) == []

    @pytest.mark.parametrize("status", ["Updating", "RollingBack"])
    def test_what_still_moves_is_not_settled(self, account, released, settle, status):
        account.endpoint_is(status)
        with pytest.raises(EndpointBusy, match=f"still {status}"):
            settle(deployment=deployment(released))
        assert account.calls.changes() == []
        assert list(account.table.entries()) == []

    @pytest.mark.parametrize("state", [{}, {"deployment": None}, {"deployment": "flights-new"}])
    def test_a_state_without_a_deployment_is_refused(self, account, released, settle, state):
        with pytest.raises(Exception, match="no deployment to settle"):
            settle(**state)
        assert account.calls.changes() == []
        assert account.table.release("flights-new").status is ReleaseStatus.RELEASING
