"""Planning a remedy; retraining, and what it brought."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from selfheal.aws.controls import Stopped
from selfheal.aws.errors import Missing
from selfheal.diagnose.causes import Cause
from selfheal.observe.signals import SignalKind
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy
from unit.account import BUCKET, CHAMPION_PARAMETER, MODE_PARAMETER, SWITCH_PARAMETER
from unit.lambdas.episodes import TRAINING, incident, kinds
from unit.samples import NOW


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
            step({"incident": incident(**{"training": TRAINING, **more}).to_json()})
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
        with pytest.raises(ValueError, match="no retraining to look at"):
            take(training=None)
        assert kinds(account) == []
