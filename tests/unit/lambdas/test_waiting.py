"""Workflows that wait, and the sweep that wakes them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from selfheal.aws.errors import Missing
from selfheal.aws.ledger_table import Wait
from selfheal.record.ledger import EntryKind
from unit.account import NAME
from unit.lambdas.episodes import TRAINING, incident
from unit.samples import NOW


class TestPark:
    @pytest.fixture
    def park(self, function, step):
        handler = function("remediate.park")
        return lambda kind, token="token", **more: handler(
            step({"incident": incident(**more).to_json()}, token=token, kind=kind)
        )

    def test_what_moves_is_waited_for(self, account, park):
        account.champion()
        account.endpoint_is("Updating")
        assert park("endpoint") == {"parked": True}
        assert account.table.waits() == [Wait(token="token", kind="endpoint", target=NAME, since=NOW)]
        assert account.calls.of("SendTaskSuccess") == []

    def test_what_rests_already_goes_on_at_once(self, account, park):
        account.champion()
        account.calls.answers["SendTaskSuccess"] = {}
        assert park("endpoint") == {"parked": False}
        assert [call["taskToken"] for call in account.calls.of("SendTaskSuccess")] == ["token"]
        assert account.table.waits() == []

    def test_a_pipeline_is_waited_for_by_its_arn(self, account, park):
        account.calls.answers["DescribePipelineExecution"] = {"PipelineExecutionStatus": "Executing"}
        park("pipeline", training=TRAINING)
        assert [wait.target for wait in account.table.waits()] == [TRAINING]

    @pytest.mark.parametrize(
        ("kind", "token"), [("weather", "token"), ("pipeline", "token"), ("endpoint", None)]
    )
    def test_what_cannot_be_waited_for_is_refused(self, account, park, kind, token):
        account.champion()
        with pytest.raises(Exception, match=r"cannot wait for|task token"):
            park(kind, token)
        assert account.table.waits() == []


class TestSweep:
    @pytest.fixture
    def machine(self, account):
        return account.state_machine()

    @pytest.fixture
    def topic(self, account):
        return account.topic()

    @pytest.fixture
    def told(self, topic):
        return topic[1]

    @pytest.fixture
    def sweep(self, function, machine, topic):
        handler = function("observe.sweep", incident_machine=machine, topic=topic[0])
        return lambda at=NOW: handler({"time": at.isoformat()})

    def wait(self, account, kind="endpoint", since=NOW, token="token"):
        target = NAME if kind == "endpoint" else TRAINING
        account.table.park(Wait(token=token, kind=kind, target=target, since=since))

    def test_a_quiet_account_is_left_alone(self, account, sweep, machine):
        account.champion()
        assert sweep() == {"resumed": 0, "started": 0}
        assert account.executions(machine) == []
        assert account.calls.changes() == []

    def test_a_workflow_goes_on_when_its_target_rests(self, account, sweep):
        account.champion()
        self.wait(account)
        account.calls.answers["SendTaskSuccess"] = {}
        assert sweep()["resumed"] == 1
        assert account.table.waits() == []

    def test_a_workflow_waits_while_its_target_moves(self, account, sweep):
        account.champion()
        account.endpoint_is("Updating")
        self.wait(account)
        assert sweep(NOW + timedelta(hours=6)) == {"resumed": 0, "started": 0}
        assert len(account.table.waits()) == 1

    @pytest.mark.parametrize("kind", ["endpoint", "pipeline"])
    def test_how_long_to_wait_is_the_workflows_own_business(self, account, sweep, kind):
        account.champion()
        account.endpoint_is("Updating")
        account.calls.answers["DescribePipelineExecution"] = {"PipelineExecutionStatus": "Executing"}
        self.wait(account, kind)
        assert sweep(NOW + timedelta(days=30)) == {"resumed": 0, "started": 0}
        assert len(account.table.waits()) == 1
        assert account.calls.changes("SFN") == []

    @pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped"])
    def test_a_pipeline_that_rests_is_told_of_however_it_ended(self, account, sweep, status):
        account.champion()
        account.calls.answers["DescribePipelineExecution"] = {"PipelineExecutionStatus": status}
        account.calls.answers["SendTaskSuccess"] = {}
        self.wait(account, "pipeline")
        assert sweep()["resumed"] == 1
        (look,) = account.calls.of("DescribePipelineExecution")
        assert look["PipelineExecutionArn"] == TRAINING
        assert account.table.waits() == []

    @pytest.mark.parametrize("gone", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
    def test_a_workflow_that_no_longer_waits_is_forgotten(self, account, sweep, gone):
        account.champion()
        self.wait(account)
        account.calls.answers["SendTaskSuccess"] = ClientError({"Error": {"Code": gone}}, "SendTaskSuccess")
        sweep()
        assert account.table.waits() == []

    def test_a_workflow_that_could_not_be_reached_is_kept(self, account, sweep):
        account.champion()
        self.wait(account)
        account.calls.answers["SendTaskSuccess"] = ClientError(
            {"Error": {"Code": "ThrottlingException"}}, "SendTaskSuccess"
        )
        with pytest.raises(ClientError):
            sweep()
        assert len(account.table.waits()) == 1

    def test_a_wait_that_cannot_be_looked_at_hides_neither_others_nor_the_alarms(
        self, account, sweep, machine
    ):
        account.champion()
        account.alarm("flights-latency")
        self.wait(account, "pipeline", token="broken")
        self.wait(account, "endpoint", token="sound")
        account.calls.answers["DescribePipelineExecution"] = ClientError(
            {"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "DescribePipelineExecution"
        )
        account.calls.answers["SendTaskSuccess"] = {}
        with pytest.raises(ClientError, match="slow down"):
            sweep()
        assert [call["taskToken"] for call in account.calls.of("SendTaskSuccess")] == ["sound"]
        assert [wait.token for wait in account.table.waits()] == ["broken"]
        assert len(account.executions(machine)) == 1

    def test_an_endpoint_that_is_gone_is_said_and_its_wait_is_kept(self, account, sweep, machine):
        account.alarm("flights-latency")
        self.wait(account)
        with pytest.raises(Missing):
            sweep()
        assert len(account.table.waits()) == len(account.executions(machine)) == 1

    def test_an_alarm_that_nobody_took_up_starts_one_incident(self, account, sweep, machine):
        account.champion()
        account.alarm("flights-latency")
        assert sweep()["started"] == 1
        sweep()  # in the same minute, and so under the same name
        assert len(account.executions(machine)) == 1

    def test_an_alarm_that_was_taken_up_starts_none(self, account, sweep, machine):
        account.champion()
        account.alarm("flights-latency")
        (firing,) = account.alarms.firing()
        account.table.take_up(f"flights-latency@{firing.since:%Y-%m-%dT%H:%M:%S}", "i1", NOW)
        assert sweep()["started"] == 0
        assert account.executions(machine) == []

    def test_the_alarms_of_a_release_start_none(self, account, sweep, machine):
        account.champion()
        account.alarm("flights-release-0a1b-errors")
        assert sweep()["started"] == 0

    @pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
    def test_an_incident_whose_workflow_ended_without_closing_it_is_given_up(self, account, sweep, status):
        """Otherwise every later change would be attached to an incident that nobody heals."""
        account.table.take_up("its own", "execution", NOW)
        account.table.take_up("attached", "another", NOW)
        account.table.attach("attached", "i1")
        account.table.open(at=NOW - timedelta(minutes=15), incident="i1", execution="execution", body={})
        account.calls.answers["DescribeExecution"] = {"status": status}
        sweep()
        assert account.table.open_incident() is None
        assert not account.table.knows("its own")
        assert not account.table.knows("attached")
        _, entry = account.table.entries()
        assert (entry.kind, entry.incident, entry.body["status"]) == (EntryKind.ABANDONED, "i1", status)

    def abandoned(self, account):
        """An incident whose workflow has ended, and whose lease has expired."""
        body = incident().trigger.to_json()
        opened_at = NOW - timedelta(minutes=15)
        account.table.open(at=opened_at, incident="i1", execution="execution", body=body)
        account.calls.answers["DescribeExecution"] = {"status": "TIMED_OUT"}

    def test_people_are_told_of_what_is_given_up(self, account, sweep, told):
        self.abandoned(account)
        sweep()
        (notice,) = told()
        assert "i1" in notice["Message"]
        assert "timed out" in notice["Message"]
        assert "slow" in notice["Message"]

    def test_what_could_not_be_told_is_given_up_by_the_next_sweep(self, account, sweep, told):
        self.abandoned(account)
        account.calls.answers["Publish"] = ClientError({"Error": {"Code": "Throttled"}}, "Publish")
        with pytest.raises(ClientError):
            sweep()
        assert account.table.open_incident() == "i1"
        assert told() == []
        del account.calls.answers["Publish"]
        sweep()
        assert account.table.open_incident() is None
        assert len(told()) == 1

    def test_nobody_is_told_of_what_is_not_given_up(self, account, sweep, told):
        self.abandoned(account)
        account.calls.answers["DescribeExecution"] = {"status": "RUNNING"}
        sweep()
        sweep(NOW + timedelta(days=2))
        assert told() == []

    def test_what_an_ended_workflow_began_may_still_run_so_its_lease_must_expire_first(self, account, sweep):
        account.table.open(at=NOW - timedelta(minutes=14), incident="i1", execution="execution", body={})
        account.table.take_up("its own", "execution", NOW)
        account.calls.answers["DescribeExecution"] = {"status": "ABORTED"}
        sweep()
        assert account.table.open_incident() == "i1"
        assert account.table.knows("its own")

    def test_an_incident_that_is_being_healed_is_left_alone(self, account, sweep):
        """However long its lease has expired: waits last hours."""
        account.table.open(at=NOW - timedelta(days=2), incident="i1", execution="execution", body={})
        account.calls.answers["DescribeExecution"] = {"status": "RUNNING"}
        sweep()
        assert account.table.open_incident() == "i1"
        assert [entry.kind for entry in account.table.entries()] == [EntryKind.OPENED]
