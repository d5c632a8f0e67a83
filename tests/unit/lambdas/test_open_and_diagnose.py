"""Opening an incident, and finding out why."""

from __future__ import annotations

from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from selfheal.diagnose.snapshot import Release, ReleaseStatus
from selfheal.observe.report import Report, no_data
from selfheal.observe.signals import SignalKind, Status
from selfheal.record.ledger import EntryKind, broken_at
from unit.account import NAME
from unit.lambdas.episodes import alarm, incident, kinds
from unit.samples import NOW, signal


class TestOpen:
    @pytest.fixture
    def open_(self, function, step):
        handler = function("diagnose.open_incident")
        return lambda event, **more: handler(step(event, **more))

    def test_a_change_opens_an_incident(self, account, open_):
        result = open_(alarm())
        assert result["next"] == "diagnose"
        assert result["incident"]["id"] == account.table.open_incident() == incident().id
        assert kinds(account) == [EntryKind.OPENED]

    def test_the_same_change_again_is_suppressed(self, account, open_):
        open_(alarm())
        result = open_(alarm(), execution="execution-2")
        assert (result["next"], result["incident"]) == ("suppressed", None)
        assert "taken up already" in result["reason"]
        assert kinds(account) == [EntryKind.OPENED]

    def test_another_change_is_attached_to_the_open_incident(self, account, open_):
        first = open_(alarm())["incident"]["id"]
        result = open_(alarm("flights-errors"))
        assert result["next"] == "attached"
        assert first in result["reason"]
        assert [entry.incident for entry in account.table.entries()] == [first, first]
        assert account.table.open_incident() == first

    def test_what_is_well_again_opens_nothing(self, account, open_):
        assert open_(alarm(value="OK"))["next"] == "suppressed"
        assert account.table.open_incident() is None
        assert kinds(account) == []

    @pytest.mark.parametrize(
        "event", [{}, {"detail-type": "SageMaker Endpoint State Change"}, alarm("other-alarm")]
    )
    def test_an_event_of_unknown_shape_is_refused(self, account, open_, event):
        with pytest.raises(Exception, match=r"announces nothing|not one of"):
            open_(event)
        assert account.table.open_incident() is None
        assert kinds(account) == []

    def fail_halfway(self, account, open_):
        """The change is taken up and the lease is held, but the ledger's table is throttled."""
        account.calls.answers["Query"] = ClientError(
            {"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "Query"
        )
        with pytest.raises(ClientError):
            open_(alarm())
        del account.calls.answers["Query"]

    def test_a_step_that_failed_halfway_is_taken_up_by_its_retry(self, account, open_):
        self.fail_halfway(account, open_)
        result = open_(alarm(), at=NOW + timedelta(minutes=3))
        assert result["next"] == "diagnose"
        assert result["incident"]["id"] == account.table.open_incident() == incident().id
        assert kinds(account) == [EntryKind.OPENED]

    def test_no_other_execution_takes_up_what_failed_halfway(self, account, open_):
        self.fail_halfway(account, open_)
        assert open_(alarm(), execution="execution-2")["next"] == "suppressed"
        assert kinds(account) == []


class TestDiagnose:
    @pytest.fixture
    def diagnose(self, function, step):
        handler = function("diagnose.diagnose")
        return lambda state: handler(step(state))

    def report(self, account, *signals, at=NOW):
        body = Report(endpoint=NAME, champion=None, at=at, signals=signals).to_json()
        account.objects.write_json(f"reports/{NAME}/{at:%Y/%m/%d/%H}/signals.json", body)

    def test_alarms_and_signals_are_read(self, account, diagnose):
        package = account.champion()
        account.alarm("flights-errors")
        result = diagnose({"incident": incident(SignalKind.ERRORS).to_json()})
        assert result["next"] == "plan"
        assert result["incident"]["cause"] == "infrastructure"
        assert result["incident"]["champion_before"] == package
        assert kinds(account) == [EntryKind.DIAGNOSED]

    @pytest.mark.parametrize(
        ("config", "minutes_after", "cause"),
        [
            ("flights-first", 30, "bad-release"),
            ("flights-first", -30, "infrastructure"),
            ("flights-other", 30, "infrastructure"),
        ],
        ids=["it serves", "it came later", "another serves"],
    )
    def test_a_release_is_blamed_for_what_began_on_its_probation(
        self, account, diagnose, config, minutes_after, cause
    ):
        package = account.champion()
        ended = NOW - timedelta(hours=1)
        account.table.save_release(
            Release(
                config=config,
                model="champion-model",
                package=package,
                previous_config="flights-before",
                started_at=ended - timedelta(hours=1),
                ended_at=ended,
                status=ReleaseStatus.PROMOTED,
            )
        )
        since = ended + timedelta(minutes=minutes_after)
        account.calls.answers["DescribeAlarms"] = {
            "MetricAlarms": [
                {
                    "AlarmName": "flights-errors",
                    "StateTransitionedTimestamp": since,
                    "StateUpdatedTimestamp": NOW,
                }
            ]
        }
        # The alarm that opened the incident has its own date: NOW, which is within probation.
        result = diagnose({"incident": incident(SignalKind.ERRORS).to_json()})
        assert result["incident"]["cause"] == cause

    def test_without_a_report_the_cause_is_unknown(self, account, diagnose):
        account.champion()
        result = diagnose({"incident": incident(SignalKind.DATA_DRIFT).to_json()})
        assert result["incident"]["cause"] == "unknown"

    def test_a_report_of_no_data_blames_nobody(self, account, diagnose):
        account.champion()
        self.report(account, *no_data("there is no baseline"))
        result = diagnose({"incident": incident(SignalKind.DATA_DRIFT).to_json()})
        assert result["incident"]["cause"] == "unknown"
        assert "there is no baseline" in result["incident"]["evidence"]
        assert account.calls.changes() == []

    def test_harmful_drift(self, account, diagnose):
        account.champion()
        breach = [signal(kind, Status.BREACH) for kind in (SignalKind.DATA_DRIFT, SignalKind.PERFORMANCE)]
        self.report(account, *breach, signal(SignalKind.DATA_QUALITY, Status.OK))
        result = diagnose({"incident": incident(SignalKind.DATA_DRIFT).to_json()})
        assert result["incident"]["cause"] == "harmful-covariate-drift"

    def test_a_report_of_the_day_before_yesterday_says_nothing_about_now(self, account, diagnose):
        account.champion()
        self.report(account, signal(SignalKind.DATA_QUALITY, Status.BREACH), at=NOW - timedelta(hours=48))
        result = diagnose({"incident": incident(SignalKind.DATA_QUALITY).to_json()})
        assert result["incident"]["cause"] == "unknown"
        assert result["incident"]["evidence"] == []

    def test_a_model_made_by_hand_is_no_reason_to_fail(self, account, diagnose):
        account.serve("flights-first", account.model("by-hand", None))
        result = diagnose({"incident": incident().to_json()})
        assert result["incident"]["champion_before"] is None

    def test_a_state_without_an_incident_is_refused(self, account, diagnose):
        with pytest.raises(Exception, match="carries no incident"):
            diagnose({})
        assert kinds(account) == []


def test_the_ledger_of_a_whole_incident_is_one_chain(account, function, step):
    account.champion()
    account.alarm("flights-latency")
    topic, _ = account.topic()
    opened = function("diagnose.open_incident")(step(alarm()))
    diagnosed = function("diagnose.diagnose")(step(opened))
    planned = function("remediate.plan")(step(diagnosed))
    assert planned["next"] == "escalate"
    function("record.record", topic=topic)(step(planned))
    assert kinds(account) == [EntryKind.OPENED, EntryKind.DIAGNOSED, EntryKind.PLANNED, EntryKind.CLOSED]
    assert broken_at(account.table.entries()) is None
    assert account.calls.changes() == []
    assert (
        boto3.client("sagemaker").describe_endpoint(EndpointName=NAME)["EndpointConfigName"]
        == "flights-first"
    )
