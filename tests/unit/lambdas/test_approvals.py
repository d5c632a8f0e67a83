"""What is approved, what is admitted, and the first champion."""

from __future__ import annotations

import pytest

from selfheal.aws.errors import Missing
from unit.account import BUCKET, CHAMPION_PARAMETER, NAME
from unit.lambdas.episodes import TRAINING
from unit.samples import NOW


class TestAdmit:
    @pytest.fixture
    def admit(self, function, step):
        handler = function("remediate.admit")
        return lambda event: handler(step(event))

    def event(self, package, **detail):
        return {
            "detail-type": "SageMaker Model Package State Change",
            "detail": {"ModelPackageArn": package, "ModelApprovalStatus": "Approved", **detail},
        }

    def test_an_approval_by_hand_is_a_release(self, account, admit):
        account.champion()
        package = account.package("two")
        result = admit(self.event(package, UpdatedModelPackageFields=["ModelApprovalStatus"]))
        assert (result["next"], result["package"]) == ("release", package)
        assert admit(self.event(package))["next"] == "release"
        assert account.calls.changes() == []

    def test_an_open_incident_releases_its_own_challenger(self, account, admit):
        account.champion()
        package = account.package("two", incident="i1")
        lease = account.table.open(at=NOW, incident="i1", execution="execution", body={})
        result = admit(self.event(package))
        assert result["next"] == "skip"
        assert "i1 is open and releases it itself" in result["reason"]
        account.table.close(lease.token)
        assert admit(self.event(package))["next"] == "release"

    @pytest.mark.parametrize("incident", ["by-hand", "an-incident-that-ended"])
    def test_a_retraining_by_hand_is_a_release(self, account, admit, incident):
        account.champion()
        account.table.open(at=NOW, incident="another", execution="execution", body={})
        assert admit(self.event(account.package("two", incident=incident)))["next"] == "release"

    @pytest.mark.parametrize(
        ("registered", "reason"),
        [
            ({"status": "Rejected"}, "is Rejected"),
            ({"status": "PendingManualApproval"}, "is PendingManualApproval"),
            ({"quarantined_by": "i1"}, "quarantined"),
        ],
    )
    def test_the_registry_decides_whatever_the_event_says(self, account, admit, registered, reason):
        account.champion()
        result = admit(self.event(account.package("two", **registered)))
        assert result["next"] == "skip"
        assert reason in result["reason"]

    def test_an_edit_that_is_no_approval_is_skipped(self, account, admit):
        account.champion()
        edit = self.event(account.package("two"), UpdatedModelPackageFields=["CustomerMetadataProperties"])
        assert admit(edit)["next"] == "skip"

    def test_the_champion_is_not_released_again(self, account, admit):
        assert "champion already" in admit(self.event(account.champion()))["reason"]

    def test_before_the_first_champion_nothing_is_released(self, account, admit):
        assert "no champion yet" in admit(self.event(account.package("two")))["reason"]

    @pytest.mark.parametrize("event", [{}, {"detail": {}}, {"detail": None}, {"detail": [1]}])
    def test_an_event_of_unknown_shape_is_refused(self, account, admit, event):
        with pytest.raises(Exception, match="names no model package"):
            admit(event)
        assert account.calls.changes() == []


class TestApprove:
    @pytest.fixture
    def approve(self, function):
        return function("remediate.approve")

    def evaluated(self, account, verdict="PASS", sha256=None, **changes):
        package = account.package("two", status="PendingManualApproval")
        digest = account.sagemaker.describe_model_package(ModelPackageName=package)
        evaluation = {
            "gate": {"verdict": verdict, "reason": "not better", "checks": [{"reason": "better by 0.1"}]},
            "artifact": {"sha256": sha256 or digest["CustomerMetadataProperties"]["sha256"]},
            "window": {"start": "2013-01-01", "end": "2013-02-12"},
            **changes,
        }
        account.objects.write_json("pipeline/e/evaluation.json", evaluation)
        return {"package": package, "evaluation": f"s3://{BUCKET}/pipeline/e", "incident": "i1"}

    def status(self, account, event):
        return account.sagemaker.describe_model_package(ModelPackageName=event["package"])[
            "ModelApprovalStatus"
        ]

    def test_what_passed_is_approved_with_all_that_it_must_carry(self, account, approve):
        event = self.evaluated(account)
        assert approve(event) == {"package": event["package"], "verdict": "PASS"}
        (update,) = account.calls.of("UpdateModelPackage")
        assert update["ModelApprovalStatus"] == "Approved"
        carried = update["CustomerMetadataProperties"]
        assert carried["baseline"] == f"s3://{BUCKET}/pipeline/e/baseline.json"
        assert carried["incident"] == "i1"
        assert (carried["training-window-start"], carried["training-window-end"]) == (
            "2013-01-01",
            "2013-02-12",
        )
        assert len(carried["sha256"]) == 64

    @pytest.mark.parametrize("verdict", ["FAIL", "INCONCLUSIVE", "ERROR", "pass", None])
    def test_what_did_not_pass_is_not_approved(self, account, approve, verdict):
        event = self.evaluated(account, verdict)
        with pytest.raises(Exception, match="is not approved"):
            approve(event)
        assert account.calls.changes() == []
        assert self.status(account, event) == "PendingManualApproval"

    def test_another_artifact_than_was_evaluated_is_not_approved(self, account, approve):
        event = self.evaluated(account, sha256="0" * 64)
        with pytest.raises(Exception, match="not the one that was evaluated"):
            approve(event)
        assert self.status(account, event) == "PendingManualApproval"

    @pytest.mark.parametrize("missing", ["gate", "artifact", "window"])
    def test_an_evaluation_that_is_none_is_not_trusted(self, account, approve, missing):
        event = self.evaluated(account)
        body = account.objects.read_json("pipeline/e/evaluation.json")
        del body[missing]
        account.objects.write_json("pipeline/e/evaluation.json", body)
        with pytest.raises(Missing, match=f"not an evaluation: KeyError '{missing}'"):
            approve(event)
        assert account.calls.changes() == []

    @pytest.mark.parametrize("event", [{}, {"package": "p"}, []])
    def test_arguments_of_unknown_shape_are_refused(self, account, approve, event):
        with pytest.raises(Exception, match="needs package, evaluation and incident"):
            approve(event)
        assert account.calls.made == []


CREATED = {"RequestType": "Create", "RequestId": "r1", "Data": {"Execution": TRAINING}}


class TestFirstChampion:
    @pytest.fixture
    def on_event(self, account, function):
        account.calls.answers["StartPipelineExecution"] = {"PipelineExecutionArn": TRAINING}
        return function("remediate.first_champion", "on_event")

    @pytest.fixture
    def is_complete(self, function):
        return function("remediate.first_champion", "is_complete")

    def ended(self, account, status, package=None):
        account.calls.answers["DescribePipelineExecution"] = {"PipelineExecutionStatus": status}
        steps = [{"StepName": "Train", "Metadata": {}, "FailureReason": "no capacity"}]
        if package:
            steps = [{"StepName": "Register", "Metadata": {"RegisterModel": {"Arn": package}}}]
        account.calls.answers["ListPipelineExecutionSteps"] = {"PipelineExecutionSteps": steps}

    def test_creation_starts_the_pipeline_once_with_one_token(self, account, on_event):
        assert on_event(CREATED)["Data"] == {"Execution": TRAINING}
        (first,) = account.calls.of("StartPipelineExecution")
        on_event(CREATED)
        (second,) = account.calls.of("StartPipelineExecution")
        assert first["ClientRequestToken"] == second["ClientRequestToken"]
        assert 32 <= len(first["ClientRequestToken"]) <= 128
        # A SageMaker job refuses an empty input folder.
        assert account.keys("capture/") == [f"capture/{NAME}/about.txt"]
        assert account.keys("ground-truth/") == [f"ground-truth/{NAME}/about.txt"]
        assert account.keys("quarantine/") == ["quarantine/about.txt"]

    def test_a_champion_that_is_there_is_kept(self, account, on_event):
        account.set(CHAMPION_PARAMETER, "kept")
        assert on_event(CREATED)["Data"] == {"Execution": "", "Model": "kept"}
        assert account.calls.changes() == []

    @pytest.mark.parametrize("request_type", ["Update", "Delete"])
    def test_only_creation_trains(self, account, on_event, is_complete, request_type):
        event = {"RequestType": request_type, "PhysicalResourceId": "id", "Data": {}}
        assert on_event(event) == {"PhysicalResourceId": "id"}
        assert is_complete(event) == {"IsComplete": True}
        assert account.calls.changes() == []

    def test_while_it_trains_it_is_asked_again(self, account, is_complete):
        self.ended(account, "Executing")
        assert is_complete(CREATED) == {"IsComplete": False}

    def test_an_approved_package_becomes_the_champion(self, account, is_complete):
        package = account.package("first")
        self.ended(account, "Succeeded", package)
        result = is_complete(CREATED)
        assert result["IsComplete"] is True
        pointer = account.ssm.get_parameter(Name=CHAMPION_PARAMETER)["Parameter"]["Value"]
        assert pointer == result["Data"]["Model"]
        assert account.calls.changes() == ["CreateModel"]

    def refused(self, account, is_complete, message):
        with pytest.raises(Exception, match=message):
            is_complete(CREATED)
        assert account.calls.changes() == []
        assert account.ssm.get_parameter(Name=CHAMPION_PARAMETER)["Parameter"]["Value"] == "none"

    def test_a_training_that_failed_fails_the_stack_and_says_why(self, account, is_complete):
        self.ended(account, "Failed")
        self.refused(account, is_complete, "Failed: Train: no capacity")

    def test_a_training_without_a_model_fails_the_stack(self, account, is_complete):
        self.ended(account, "Succeeded")
        self.refused(account, is_complete, "registered no model")

    def test_an_artifact_that_was_changed_fails_the_stack(self, account, is_complete):
        package = account.package("first")
        account.s3.put_object(Bucket=BUCKET, Key="packages/first/model.tar.gz", Body=b"forged")
        self.ended(account, "Succeeded", package)
        self.refused(account, is_complete, "is not what was registered")

    def test_a_package_that_is_not_approved_fails_the_stack(self, account, is_complete):
        self.ended(account, "Succeeded", account.package("first", status="PendingManualApproval"))
        self.refused(account, is_complete, "PendingManualApproval")
