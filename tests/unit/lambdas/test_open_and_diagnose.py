"""Opening an incident, and finding out why."""

from __future__ import annotations

from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from selfheal.aws.report_store import ReportStore
from selfheal.diagnose.snapshot import Release, ReleaseStatus
from selfheal.observe.report import Report, no_data
from selfheal.observe.signals import SignalKind, Status
from selfheal.record.incident import Incident, Trigger
from selfheal.record.ledger import EntryKind, broken_at
from unit.account import MODE_PARAMETER, NAME, VARIANT
from unit.lambdas.episodes import alarm, incident, kinds
from unit.samples import NOW, signal

WORSE = (
    signal(SignalKind.DATA_DRIFT, Status.OK),
    signal(SignalKind.DATA_QUALITY, Status.OK),
    signal(SignalKind.PERFORMANCE, Status.BREACH),
)


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

    def test_its_fencing_token_is_the_place_of_its_opening_in_the_ledger(self, account, open_):
        account.table.append(at=NOW, incident="breaker", kind=EntryKind.BREAKER_CLOSED, body={})
        result = open_(alarm())
        opened = list(account.table.entries())[-1]
        lease = account.table.lease()
        assert result["incident"]["fencing_token"] == opened.seq == lease.token == 2
        assert (lease.incident, lease.execution) == (opened.incident, "execution-1")

    def test_an_execution_that_opens_twice_opens_once(self, account, open_):
        first = open_(alarm())
        assert open_(alarm(), at=NOW + timedelta(minutes=1))["incident"] == {
            **first["incident"],
            "opened_at": (NOW + timedelta(minutes=1)).isoformat(),
        }
        assert kinds(account) == [EntryKind.OPENED]

    def test_an_incident_that_another_execution_still_holds_is_not_ours(self, account, open_):
        """The same change, forgotten and found again by the sweep, gives the same incident."""
        open_(alarm())
        account.table.forget_execution("execution-1")
        assert open_(alarm(), execution="execution-2")["next"] == "attached"
        assert account.table.lease().execution == "execution-1"

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
        """The change is taken up, but the ledger's table is throttled."""
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

    def report(self, account, *signals, at=NOW, champion="champion", performance=None):
        report = Report(
            endpoint=NAME, champion=champion, at=at, signals=signals, performance=performance or {}
        )
        ReportStore(account.objects, NAME).save(report, {})

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
        assert result["incident"]["blamed_release"] == (config if cause == "bad-release" else None)
        (entry,) = account.table.entries()
        assert entry.body["blamed_release"] == result["incident"]["blamed_release"]

    def test_a_release_that_opened_the_incident_is_blamed_whichever_was_the_last(self, account, diagnose):
        package = account.champion()
        for minutes, config, status in (
            (60, "flights-sent-back", ReleaseStatus.ROLLED_BACK),
            (30, "flights-first", ReleaseStatus.PROMOTED),
        ):
            began = NOW - timedelta(minutes=minutes)
            account.table.save_release(
                Release(
                    config=config,
                    model="champion-model",
                    package=package,
                    previous_config="flights-before",
                    started_at=began,
                    ended_at=began,
                    status=status,
                )
            )
        trigger = Trigger(
            kind=SignalKind.RELEASE, subject="flights-sent-back", at=NOW, reason="it did not hold"
        )
        opened = Incident.open(NAME, trigger, NOW)
        result = diagnose({"incident": opened.to_json()})
        assert result["incident"]["cause"] == "bad-release"
        assert result["incident"]["blamed_release"] == "flights-sent-back"

    def test_without_a_report_nobody_is_blamed_but_the_monitor(self, account, diagnose):
        account.champion()
        result = diagnose({"incident": incident(SignalKind.DATA_DRIFT).to_json()})
        assert result["incident"]["cause"] == "monitoring-blind"
        assert result["incident"]["evidence"] == ["observe left no report within 24 h"]

    def test_a_report_of_no_data_blames_nobody(self, account, diagnose):
        account.champion()
        self.report(account, *no_data("too few rows"))
        result = diagnose({"incident": incident(SignalKind.DATA_DRIFT).to_json()})
        assert result["incident"]["cause"] == "unknown"
        assert "too few rows" in result["incident"]["evidence"]
        assert account.calls.changes() == []

    def test_a_report_without_a_champion_says_why_observe_is_blind(self, account, diagnose):
        account.champion()
        self.report(account, *no_data("the baseline is not JSON"), champion=None)
        result = diagnose({"incident": incident(SignalKind.DATA_DRIFT).to_json()})
        assert result["incident"]["cause"] == "monitoring-blind"
        assert result["incident"]["evidence"] == [
            "observe could not judge anything: the baseline is not JSON"
        ]

    def test_harmful_drift(self, account, diagnose):
        account.champion()
        breach = [signal(kind, Status.BREACH) for kind in (SignalKind.DATA_DRIFT, SignalKind.PERFORMANCE)]
        self.report(account, *breach, signal(SignalKind.DATA_QUALITY, Status.OK))
        result = diagnose({"incident": incident(SignalKind.DATA_DRIFT).to_json()})
        assert result["incident"]["cause"] == "harmful-covariate-drift"

    @pytest.mark.parametrize("hours", [4, 48])
    def test_an_old_report_says_nothing_about_now(self, account, diagnose, hours):
        account.champion()
        self.report(account, signal(SignalKind.DATA_QUALITY, Status.BREACH), at=NOW - timedelta(hours=hours))
        result = diagnose({"incident": incident(SignalKind.DATA_QUALITY).to_json()})
        assert result["incident"]["cause"] == "monitoring-blind"

    def test_other_endpoints_are_looked_at(self, account, diagnose):
        account.champion()
        account.calls.answers["DescribeAlarms"] = {
            "MetricAlarms": [
                {
                    "AlarmName": f"{endpoint}-errors",
                    "Namespace": "AWS/SageMaker",
                    "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
                    "StateTransitionedTimestamp": NOW,
                }
                for endpoint in ("trains", NAME, "buses")
            ]
        }
        result = diagnose({"incident": incident(SignalKind.ERRORS).to_json()})
        assert result["incident"]["cause"] == "shared-cause"
        assert [line.partition(":")[0] for line in result["incident"]["evidence"][1:]] == ["buses", "trains"]

    def test_requests_without_a_captured_file(self, account, diagnose):
        account.champion()
        self.report(account, *WORSE)
        dimensions = {"EndpointName": NAME, "VariantName": VARIANT}
        account.cloudwatch.put_metric_data(
            Namespace="AWS/SageMaker",
            MetricData=[
                {
                    "MetricName": "Invocations",
                    "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                    "Timestamp": NOW - timedelta(hours=3),
                    "Value": 500,
                }
            ],
        )
        result = diagnose({"incident": incident(SignalKind.PERFORMANCE).to_json()})
        assert result["incident"]["cause"] == "monitoring-blind"
        assert result["incident"]["evidence"][0].startswith("500 requests since")

    def test_the_retrainings_before_are_in_the_ledger(self, account, diagnose):
        account.champion()
        self.report(account, *WORSE)
        for number in range(2):
            self.refused_retraining(account, f"incident-{number}")
        result = diagnose({"incident": incident(SignalKind.PERFORMANCE).to_json()})
        assert result["incident"]["cause"] == "training-fails"
        assert all(line.endswith(": the gate refused") for line in result["incident"]["evidence"])

    def refused_retraining(self, account, name):
        account.table.append(at=NOW, incident=name, kind=EntryKind.INTENT, body={"remedy": "retrain"})
        body = {"remedy": "retrain", "succeeded": False, "reason": "the gate refused"}
        account.table.append(at=NOW, incident=name, kind=EntryKind.OUTCOME, body=body)

    def test_the_ranking_is_that_of_the_report_that_says_what_suffers(self, account, diagnose):
        account.champion()
        realized = {"value": 0.7, "low": 0.69, "high": 0.71, "rows": 5000}
        measured = {"metrics": {"auc": {"realized": realized, "promised": 0.7}}}
        shifted = (*WORSE, signal(SignalKind.PREDICTION_DRIFT, Status.WARN))
        self.report(account, *shifted, at=NOW - timedelta(hours=1), performance=measured)
        state = {"incident": incident(SignalKind.PERFORMANCE).to_json()}
        assert diagnose(state)["incident"]["cause"] == "label-shift"
        # Another hour, of other labels: how the model ranks them is not known.
        self.report(account, *shifted)
        assert diagnose(state)["incident"]["cause"] == "concept-drift"

    def test_what_the_model_relies_on_lies_beside_the_packages_baseline(self, account, diagnose):
        account.champion()
        (baseline,) = [key for key in account.keys("packages/") if key.endswith("baseline.json")]
        account.objects.write_json(baseline.replace("baseline", "importance"), {"x": 0.9, "c": 0.1})
        moved = [
            signal(SignalKind.DATA_DRIFT, Status.BREACH, name, value=0.3, low=0.2, threshold=0.1)
            for name in ("c", "x")
        ]
        self.report(account, *moved, *WORSE[1:])
        result = diagnose({"incident": incident(SignalKind.DATA_DRIFT).to_json()})
        said = [line for line in result["incident"]["evidence"] if "explains" in line]
        assert [line.partition(" of the drift")[0] for line in said] == [
            "x explains 90 %",
            "c explains 10 %",
        ]

    @pytest.mark.parametrize("operation", ["GetMetricStatistics", "DescribeModelPackage"])
    def test_what_may_not_be_read_is_not_known_and_stops_nothing(self, account, diagnose, operation):
        account.champion()
        account.alarm("flights-errors")
        account.calls.answers[operation] = ClientError(
            {"Error": {"Code": "AccessDenied", "Message": "no"}}, operation
        )
        result = diagnose({"incident": incident(SignalKind.ERRORS).to_json()})
        assert result["incident"]["cause"] == "infrastructure"

    def test_what_may_not_be_read_is_never_taken_for_fine(self, account, diagnose):
        account.champion()
        self.report(account, *WORSE)
        account.calls.answers["GetMetricStatistics"] = ClientError(
            {"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetMetricStatistics"
        )
        result = diagnose({"incident": incident(SignalKind.PERFORMANCE).to_json()})
        assert result["incident"]["cause"] == "unknown"
        assert "monitoring-blind: whether traffic is captured is not known" in result["incident"]["ruled_out"]

    def test_without_its_own_alarms_there_is_no_diagnosis(self, account, diagnose):
        account.champion()
        account.calls.answers["DescribeAlarms"] = ClientError(
            {"Error": {"Code": "Throttling", "Message": "slow down"}}, "DescribeAlarms"
        )
        with pytest.raises(ClientError):
            diagnose({"incident": incident(SignalKind.ERRORS).to_json()})
        assert kinds(account) == []

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
    account.set(MODE_PARAMETER, "recommend")
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
