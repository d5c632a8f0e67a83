"""Planning a remedy; retraining, and what it brought."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from selfheal.aws.controls import Stopped
from selfheal.aws.errors import AwsError, LeaseLost, Missing, Refused
from selfheal.aws.registry import Registry
from selfheal.aws.report_store import ReportStore
from selfheal.diagnose.causes import Cause
from selfheal.diagnose.snapshot import Release, ReleaseStatus
from selfheal.observe.report import Report
from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Incident, Outcome
from selfheal.record.ledger import EntryKind, actions
from selfheal.record.notice import closed_notice
from selfheal.remediate.economics import Economics
from selfheal.remediate.plan import Controls, next_remedy
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.rails import Mode, Rails
from selfheal.remediate.service import Service
from selfheal.remediate.value_policy import ValuePolicy
from selfheal.settings import policy_json
from unit.account import BUCKET, CHAMPION_PARAMETER, MODE_PARAMETER, NAME, SWITCH_PARAMETER
from unit.lambdas.episodes import TRAINING, incident, kinds
from unit.samples import NOW, signal


class TestPlan:
    @pytest.fixture
    def plan(self, function, step):
        handler = function("remediate.plan")
        return lambda state: handler(step(state))

    def state(self, cause, *tried):
        return {"incident": incident(cause=cause, tried=tried).to_json()}

    def test_the_next_rung_is_written_down_before_it_is_taken(self, account, plan):
        result = plan(self.state(Cause.BAD_RELEASE))
        assert result["next"] == "rollback"
        assert result["incident"]["tried"] == ["rollback"]
        (entry,) = account.table.entries()
        assert (entry.kind, entry.body["remedy"]) == (EntryKind.PLANNED, "rollback")

    def test_a_rung_is_never_taken_twice(self, plan):
        assert plan(self.state(Cause.BAD_RELEASE, Remedy.ROLLBACK))["next"] == "escalate"

    def test_what_is_not_diagnosed_goes_to_a_person(self, plan):
        assert plan({"incident": incident().to_json()})["next"] == "escalate"

    @pytest.mark.parametrize(
        ("parameter", "value"), [(MODE_PARAMETER, "recommend"), (SWITCH_PARAMETER, "bob: no")]
    )
    def test_people_stop_it_and_the_incident_says_so(self, account, plan, parameter, value):
        account.set(parameter, value)
        result = plan(self.state(Cause.BAD_RELEASE))
        assert result["next"] == "escalate"
        assert any(value in note for note in result["incident"]["notes"])

    def test_the_budget_is_what_the_ledger_says(self, account, plan):
        for number in range(2):
            at = NOW - timedelta(hours=5 - number)
            account.table.append(
                at=at, incident=f"i{number}", kind=EntryKind.INTENT, body={"remedy": "rollback"}
            )
        result = plan(self.state(Cause.BAD_RELEASE))
        assert result["next"] == "escalate"
        assert "budget" in result["incident"]["notes"][0]

    def test_watching_acts_at_once(self, plan):
        result = plan(self.state(Cause.HARMLESS_DRIFT))
        assert result["next"] == "watch"
        assert result["incident"]["acted_at"] == NOW.isoformat()

    def test_what_cannot_be_retrained_reads_no_reports(self, account, plan):
        plan(self.state(Cause.BAD_RELEASE))
        (entry,) = account.table.entries()
        assert entry.body["economics"] is None
        assert account.calls.of("ListObjectsV2") == []

    def test_a_kill_switch_whose_time_is_over_lets_it_act(self, account, plan):
        account.set(SWITCH_PARAMETER, json.dumps({"who": "ann", "why": "audit", "until": NOW.isoformat()}))
        assert plan(self.state(Cause.BAD_RELEASE))["next"] == "rollback"

    @pytest.mark.parametrize(
        ("cause", "tried", "mode"),
        [
            (Cause.BAD_RELEASE, (), "act"),
            (Cause.CONCEPT_DRIFT, (), "act"),
            (Cause.CONCEPT_DRIFT, (Remedy.RETRAIN,), "act"),
            (Cause.HARMFUL_DRIFT, (), "recommend"),
            (Cause.HARMLESS_DRIFT, (), "observe"),
            (None, (), "act"),
        ],
    )
    def test_the_ledger_alone_makes_the_decision_again(self, account, plan, cause, tried, mode):
        account.champion()
        account.set(MODE_PARAMETER, mode)
        account.table.append(
            at=NOW - timedelta(hours=1), incident="i0", kind=EntryKind.INTENT, body={"remedy": "retrain"}
        )
        plan(self.state(cause, *tried))
        *before, entry = account.table.entries()
        body, history = entry.body, actions(before)
        cause = Cause(body["cause"])
        found = next_remedy(
            cause,
            [Remedy(remedy) for remedy in body["tried"]],
            playbook={cause: tuple(Remedy(remedy) for remedy in body["playbook"])},
            rails=Rails(**body["rails"]),
            controls=Controls(mode=Mode(body["mode"]), kill_switch=body["kill_switch"]),
            history=history,
            now=entry.at,
            recurring=body["recurring"],
            economics=Economics.from_json(body["economics"]) if body["economics"] else None,
            changing=body["changing"],
            service=Service.from_json(body["service"]) if body["service"] else None,
        )
        assert len(history) == body["history"] == 1
        assert (found.remedy.value, found.reason, list(found.stopped)) == (
            body["remedy"],
            body["reason"],
            body["stopped"],
        )

    def others(self, account, *statuses):
        """Other endpoints of the account, each in one of these states."""
        model = account.model("other-model", None)
        account.config("other-config", model)
        for number, status in enumerate(statuses):
            name = f"other-{number}"
            account.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName="other-config")
            account.endpoint_is(status, name=name)

    def test_as_many_changes_at_once_as_the_fleet_may_have_stop_another(self, account, plan):
        self.others(account, "Updating", "RollingBack", "Updating")
        result = plan(self.state(Cause.BAD_RELEASE))
        assert result["next"] == "escalate"
        assert any("fleet: other-0, other-1, other-2" in note for note in result["incident"]["notes"])
        entry = list(account.table.entries())[-1]
        assert entry.body["changing"] == ["other-0", "other-1", "other-2"]
        assert entry.body["stopped"] == result["incident"]["notes"]

    def test_what_is_not_being_changed_and_the_endpoint_itself_do_not_count(self, account, plan):
        account.champion()
        account.endpoint_is("Updating")
        self.others(account, "Updating", "RollingBack", "InService", "Failed", "Creating", "SystemUpdating")
        assert plan(self.state(Cause.BAD_RELEASE))["next"] == "rollback"

    def test_where_nothing_would_be_changed_nobody_asks_for_the_fleet(self, account, plan):
        self.others(account, "Updating", "Updating", "Updating")
        assert plan(self.state(Cause.HARMLESS_DRIFT))["next"] == "watch"
        assert account.calls.of("ListEndpoints") == []

    def test_a_fleet_that_cannot_be_seen_is_no_quiet_one(self, account, plan):
        denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "ListEndpoints")
        account.calls.answers["ListEndpoints"] = denied
        with pytest.raises(ClientError):
            plan(self.state(Cause.BAD_RELEASE))
        assert kinds(account) == []


class TestFlapping:
    @pytest.fixture
    def plan(self, function, step):
        handler = function("remediate.plan")
        return lambda: handler(step({"incident": incident(cause=Cause.BAD_RELEASE).to_json()}))

    def opened(self, account, name, hours_ago, kind=SignalKind.LATENCY):
        trigger = incident(kind).trigger
        at = NOW - timedelta(hours=hours_ago)
        account.table.append(at=at, incident=name, kind=EntryKind.OPENED, body=trigger.to_json())

    def test_the_third_incident_of_one_alarm_goes_to_a_person_and_the_notice_says_why(self, account, plan):
        self.opened(account, "i1", 23)
        self.opened(account, "i2", 5)
        self.opened(account, incident().id, 0)
        result = plan()
        assert result["next"] == "escalate"
        assert list(account.table.entries())[-1].body["recurring"] == 3
        closed = Incident.from_json(result["incident"]).with_(outcome=Outcome.ESCALATED)
        assert "rollback: flapping: 3 incidents of this alarm within 24 h" in closed_notice(closed).text

    def test_other_alarms_other_days_and_attached_changes_do_not_count(self, account, plan):
        self.opened(account, "i1", 24)
        self.opened(account, "i2", 5, SignalKind.ERRORS)
        for name in ("i3", "i4"):
            body = incident().trigger.to_json()
            account.table.append(at=NOW, incident=name, kind=EntryKind.ATTACHED, body=body)
        assert plan()["next"] == "rollback"
        assert list(account.table.entries())[-1].body["recurring"] == 1


class TestEconomics:
    """A log loss that is worse by 0.1 for certain, at 0.02 USD each, against a retraining of 55 USD."""

    PRICES = ValuePolicy(per_prediction_usd=0.02, horizon_days=30, training_usd=40, rollout_usd=15)

    @pytest.fixture
    def plan(self, function, step):
        def run(value=self.PRICES, **environment):
            handler = function("remediate.plan", value_policy=policy_json(value), **environment)
            return handler(step({"incident": incident(cause=Cause.HARMFUL_DRIFT).to_json()}))

        return run

    def report(self, account, hours=24, rows=40, sooner=0):
        """Reports of the last hours, each of an hour of so many rows; the performance is in the last."""
        worse = signal(SignalKind.PERFORMANCE, statistic="log_loss", value=0.7, low=0.6, threshold=0.575)
        for ago in range(hours):
            at = NOW - timedelta(hours=ago + sooner)
            report = Report(endpoint=NAME, champion=None, at=at, signals=(worse,) if ago == 0 else ())
            files = {"statistics": {"dataset": {"item_count": rows}}, "constraint_violations": {}}
            ReportStore(account.objects, NAME).save(report, files)

    def economics(self, account):
        return list(account.table.entries())[-1].body["economics"]

    def test_a_retraining_that_pays_is_planned_with_its_numbers(self, account, plan):
        self.report(account)
        assert plan()["next"] == "retrain"
        numbers = self.economics(account)
        assert (numbers["verdict"], numbers["predictions_per_day"]) == ("PASS", 960)
        assert numbers["lost_usd"] == pytest.approx(0.1 * 0.02 * 960 * 30)
        assert numbers["cost_usd"] == 55

    def test_one_that_does_not_pay_is_not_done_and_people_are_told(self, account, plan):
        self.report(account, rows=30)
        result = plan()
        assert result["next"] == "escalate"
        assert self.economics(account)["verdict"] == "FAIL"
        closed = Incident.from_json(result["incident"]).with_(outcome=Outcome.ESCALATED)
        assert "retrain: a retraining does not pay: log_loss is worse by 0.1" in closed_notice(closed).text

    def test_what_capture_leaves_out_counts(self, account, plan):
        self.report(account, rows=4)
        assert plan(sampling_percent="10")["next"] == "retrain"
        assert self.economics(account)["predictions_per_day"] == 960

    def test_the_rate_is_that_of_a_day_and_an_hour_without_a_report_counts_as_none(self, account, plan):
        self.report(account, hours=30)
        plan()
        assert self.economics(account)["predictions_per_day"] == 960
        for key in account.keys("reports/"):
            if "/2013/03/01/0" in key:
                account.s3.delete_object(Bucket=BUCKET, Key=key)
        plan()
        assert self.economics(account)["predictions_per_day"] == 14 * 40

    @pytest.mark.parametrize(("hours", "sooner"), [(0, 0), (5, 40)])
    def test_without_reports_of_the_last_day_it_holds(self, account, plan, hours, sooner):
        self.report(account, hours=hours, sooner=sooner)
        result = plan()
        assert result["next"] == "escalate"
        assert "is not known: observe reported no performance within a day" in result["incident"]["notes"][0]
        assert self.economics(account)["verdict"] == "INCONCLUSIVE"

    def test_without_a_value_it_is_done_unweighed_and_the_ledger_says_so(self, account, plan):
        assert plan(ValuePolicy())["next"] == "retrain"
        assert "not stated" in self.economics(account)["reason"]
        assert account.calls.of("ListObjectsV2") == []

    def test_the_cap_on_money_counts_what_the_ledger_says_was_begun(self, account, plan):
        self.report(account)
        rails = policy_json(Rails(money_usd_per_30_days=100))
        at = NOW - timedelta(days=29)
        account.table.append(at=at, incident="i1", kind=EntryKind.INTENT, body={"remedy": "retrain"})
        result = plan(rails=rails)
        assert result["next"] == "escalate"
        assert "money: retrainings cost 55.00 USD in 30 d" in result["incident"]["notes"][0]
        assert Rails.from_json(list(account.table.entries())[-1].body["rails"]) == Rails(
            money_usd_per_30_days=100
        )

    @pytest.mark.parametrize("body", [{}, {"dataset": {"item_count": None}}, []])
    def test_a_report_that_observe_did_not_write_is_named(self, account, plan, body):
        self.report(account)
        account.objects.write_json(f"reports/{NAME}/2013/03/01/05/statistics.json", body)
        with pytest.raises(AwsError, match=r"reports/flights/2013/03/01/05/statistics.json holds no dataset"):
            plan()


class TestRetrain:
    @pytest.fixture
    def retrain(self, account, function, step):
        account.calls.answers["StartPipelineExecution"] = {"PipelineExecutionArn": TRAINING}
        handler = function("remediate.retrain")
        return lambda state: handler(step(state))

    def test_the_pipeline_starts_with_the_request_and_a_token(self, account, retrain):
        champion = account.champion()
        tried = incident(SignalKind.PERFORMANCE, tried=(Remedy.RETRAIN,))
        result = retrain({"incident": tried.to_json()})
        assert result["next"] == "await"
        assert result["training"] == result["incident"]["training"] == TRAINING
        (start,) = account.calls.of("StartPipelineExecution")
        token = start["ClientRequestToken"]
        assert token == tried.idempotency_key("retrain")
        assert start["PipelineName"] == "flights-retraining"
        assert {p["Name"]: p["Value"] for p in start["PipelineParameters"]} == {
            "RequestUri": f"s3://{BUCKET}/retraining/{token}",
            "Incident": tried.id,
        }
        assert json.loads(account.text(f"retraining/{token}/request.json"))["champion"] == champion
        assert kinds(account) == [EntryKind.INTENT]

    def test_a_workflow_that_lost_its_lease_starts_nothing(self, account, retrain):
        account.champion()
        lost = incident(tried=(Remedy.RETRAIN,), fencing_token=1).to_json()
        account.hold(lost, token=2)
        with pytest.raises(LeaseLost, match="with token 2"):
            retrain({"incident": lost})
        assert account.calls.changes() == []
        assert account.keys("retraining/") == []
        assert kinds(account) == []

    def test_asking_twice_uses_one_token(self, account, retrain):
        account.champion()
        state = {"incident": incident(tried=(Remedy.RETRAIN,)).to_json()}
        retrain(state)
        (first,) = account.calls.of("StartPipelineExecution")
        retrain(state)
        (second,) = account.calls.of("StartPipelineExecution")
        assert first == second

    @pytest.mark.parametrize(
        ("parameter", "value"), [(MODE_PARAMETER, "observe"), (SWITCH_PARAMETER, "ann: stop")]
    )
    def test_nothing_is_started_while_people_do_not_want_it(self, account, retrain, parameter, value):
        account.champion()
        account.set(parameter, value)
        with pytest.raises(Stopped):
            retrain({"incident": incident().to_json()})
        assert account.calls.changes() == []
        assert account.keys("retraining/") == []
        assert kinds(account) == []

    def test_a_champion_of_no_package_is_refused(self, account, retrain):
        account.set(CHAMPION_PARAMETER, account.model("by-hand", None))
        with pytest.raises(Missing, match="names no model package"):
            retrain({"incident": incident().to_json()})
        assert account.calls.changes() == []


class TestCandidate:
    @pytest.fixture
    def take(self, function, step):
        handler = function("remediate.candidate")
        return lambda **more: handler(
            step(
                {"incident": incident(**{"training": TRAINING, "tried": (Remedy.RETRAIN,), **more}).to_json()}
            )
        )

    def pipeline(self, account, status="Succeeded", package=None, failure=None):
        account.calls.answers["DescribePipelineExecution"] = {"PipelineExecutionStatus": status}
        metadata = {"RegisterModel": {"Arn": package}} if package else {}
        step = {"StepName": "Register" if package else "Refuse", "Metadata": metadata}
        if failure:
            step["FailureReason"] = failure
        account.calls.answers["ListPipelineExecutionSteps"] = {"PipelineExecutionSteps": [step]}

    def test_an_approved_challenger_goes_on_to_its_release(self, account, take):
        package = account.package("two")
        self.pipeline(account, package=package)
        result = take()
        assert (result["next"], result["package"]) == ("release", package)
        assert result["incident"]["candidate"] == package
        assert kinds(account) == []

    @pytest.mark.parametrize("status", ["Failed", "Stopped"])
    def test_a_training_that_failed_says_why(self, account, take, status):
        self.pipeline(account, status, failure="the gate did not let it pass")
        result = take()
        assert result["next"] == "plan"
        assert result["incident"]["notes"] == ["retrain: Refuse: the gate did not let it pass"]
        (entry,) = account.table.entries()
        assert entry.body["succeeded"] is False

    def test_a_package_that_is_not_approved_is_no_challenger(self, account, take):
        self.pipeline(account, package=account.package("two", status="PendingManualApproval"))
        assert take()["next"] == "plan"

    def test_a_success_without_a_model_is_no_success(self, account, take):
        self.pipeline(account)
        assert "without registering a model" in take()["incident"]["notes"][0]

    def test_an_incident_without_a_training_is_refused(self, account, take):
        with pytest.raises(ValueError, match="no pipeline execution to look at"):
            take(training=None)
        assert kinds(account) == []

    @pytest.mark.parametrize(("status", "following"), [("Approved", "release"), ("Rejected", "plan")])
    def test_of_a_replay_it_is_the_model_that_was_replayed(self, account, take, status, following):
        package = account.package("first", status=status)
        self.pipeline(account)
        result = take(tried=(Remedy.REACTIVATE,), candidate=package)
        assert result["next"] == following
        assert result["incident"]["candidate"] == (package if following == "release" else None)

    def test_a_replay_that_answers_no_has_failed_at_nothing(self, account, take):
        account.table.append(at=NOW, incident="i1", kind=EntryKind.INTENT, body={"remedy": "reactivate"})
        package = account.package("first")
        self.pipeline(account, "Failed", failure="the gate did not let it pass")
        result = take(id="i1", tried=(Remedy.REACTIVATE,), candidate=package)
        assert (result["next"], result["incident"]["candidate"]) == ("plan", None)
        assert result["incident"]["notes"] == ["reactivate: Refuse: the gate did not let it pass"]
        (action,) = actions(account.table.entries())
        assert (action.remedy, action.succeeded) == (Remedy.REACTIVATE, None)


class TestReactivate:
    @pytest.fixture
    def first(self, account):
        """The champion that served before the one that serves."""
        first = account.champion()
        package = account.package("two")
        account.config("flights-two", account.model("model-two", package))
        release = Release(
            config="flights-two",
            model="model-two",
            package=package,
            previous_config="flights-first",
            started_at=NOW - timedelta(days=2),
            ended_at=NOW - timedelta(days=2),
            status=ReleaseStatus.PROMOTED,
        )
        account.table.save_release(release)
        account.endpoint_is(config="flights-two")
        account.set(CHAMPION_PARAMETER, "model-two")
        return first

    @pytest.fixture
    def reactivate(self, account, function, step):
        account.calls.answers["StartPipelineExecution"] = {"PipelineExecutionArn": TRAINING}
        handler = function("remediate.reactivate", pipeline="flights-replay")
        state = {"incident": incident(tried=(Remedy.REACTIVATE,)).to_json()}
        return lambda: handler(step(state))

    def test_what_served_before_is_replayed_beside_the_champion(self, account, first, reactivate):
        result = reactivate()
        assert (result["next"], result["training"]) == ("await", TRAINING)
        assert (result["incident"]["training"], result["incident"]["candidate"]) == (TRAINING, first)
        (start,) = account.calls.of("StartPipelineExecution")
        assert start["PipelineName"] == "flights-replay"
        folder = f"retraining/{start['ClientRequestToken']}"
        request = json.loads(account.text(f"{folder}/request.json"))
        champion = account.table.release("flights-two").package
        assert (request["previous"], request["champion"]) == (first, champion)
        assert {f"{folder}/{name}/model.tar.gz" for name in ("champion", "previous")} < set(
            account.keys(folder)
        )
        (entry,) = account.table.entries()
        assert (entry.kind, entry.body["package"]) == (EntryKind.INTENT, first)

    def test_asking_twice_asks_for_the_same(self, account, first, reactivate):
        reactivate()
        (before,) = account.calls.of("StartPipelineExecution")
        account.table.save_release(
            replace(account.table.release("flights-two"), previous_config="flights-two")
        )
        assert reactivate()["incident"]["candidate"] == first
        (again,) = account.calls.of("StartPipelineExecution")
        assert before == again

    def test_what_was_rejected_does_not_return(self, account, first, reactivate):
        Registry(account.sagemaker).quarantine(first, "ann", "it was wrong")
        with pytest.raises(Refused, match="no previous champion of flights may return: flights-first: "):
            reactivate()
        assert account.calls.of("StartPipelineExecution") == []
        assert kinds(account) == []

    @pytest.mark.parametrize(
        ("parameter", "value"), [(MODE_PARAMETER, "observe"), (SWITCH_PARAMETER, "ann: stop")]
    )
    def test_nothing_is_started_while_people_do_not_want_it(
        self, account, first, reactivate, parameter, value
    ):
        account.set(parameter, value)
        with pytest.raises(Stopped):
            reactivate()
        assert account.calls.of("StartPipelineExecution") == []
        assert account.keys("retraining/") == []
        assert kinds(account) == []
