"""Definitions run: real scripts, both sides of the gate, failures, retries, caching, stopping, events."""

from __future__ import annotations

import copy
import inspect
import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from moto.sagemaker.models import FakePipeline
from moto.sagemaker.responses import SageMakerResponse

from tests.twin.sagemaker_account import (
    BUCKET,
    IMAGE,
    ROLE,
    START,
    account,
    processing_request,
    source_archive,
    training_request,
)
from twin.interfaces import TwinError
from twin.jobs import Conditions

PIPELINE = "flights-retrain"
APPROVE = "arn:aws:lambda:us-east-1:123456789012:function:approve"

ASSEMBLE = """
import pathlib, sys
source, target, limit = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
rows = [row for path in sorted(source.glob("*.csv")) for row in path.read_text().split()]
if not rows[:limit]:
    sys.exit("no rows")
(target / "rows.csv").write_text("\\n".join(rows[:limit]))
"""
TRAIN = """
import os, pathlib
rows = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "rows.csv").read_text().split()
pathlib.Path(os.environ["SM_MODEL_DIR"], "mean").write_text(str(sum(map(float, rows)) / len(rows)))
"""
EVALUATE = """
import json, pathlib, sys, tarfile
with tarfile.open(pathlib.Path(sys.argv[1], "model.tar.gz")) as archive:
    mean = float(archive.extractfile("mean").read())
report = {"binary": {"auc": {"value": mean}}}
pathlib.Path(sys.argv[2], "evaluation.json").write_text(json.dumps(report))
"""
IN, OUT = "/opt/ml/processing/in", "/opt/ml/processing/out"


def arguments(request, name):
    return {member: value for member, value in request.items() if member != name}


def definition(twin):
    """Assemble → Train → Evaluate → Gate → Register → Approve, or Fail."""
    data = f"s3://{BUCKET}"
    assemble = processing_request(
        "x",
        twin.put("code/assemble.py", ASSEMBLE),
        inputs={"flights": ({"Get": "Parameters.Flights"}, IN)},
        outputs={
            "train": (
                {"Std:Join": {"On": "/", "Values": [data, {"Get": "Execution.PipelineExecutionId"}, "rows"]}},
                OUT,
            )
        },
        arguments=[IN, OUT, {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Rows"}]}}],
    )
    train = training_request(
        "x",
        twin.put("code/source.tar.gz", source_archive(train__py=TRAIN)),
        channels={"train": {"Get": "Steps.Assemble.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}},
    )
    model = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    evaluate = processing_request(
        "x",
        twin.put("code/evaluate.py", EVALUATE),
        inputs={"model": (model, IN)},
        outputs={"report": (f"{data}/reports", OUT)},
        arguments=[IN, OUT],
    )
    auc = {
        "Std:JsonGet": {
            "PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"},
            "Path": "binary.auc['value']",
        }
    }
    register = {
        "ModelPackageGroupName": "flights",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {"Containers": [{"Image": IMAGE, "ModelDataUrl": model}]},
    }
    gate = {
        "Conditions": [
            {"Type": "GreaterThanOrEqualTo", "LeftValue": auc, "RightValue": {"Get": "Parameters.Floor"}}
        ],
        "IfSteps": [
            {"Name": "Register", "Type": "RegisterModel", "Arguments": register},
            {
                "Name": "Approve",
                "Type": "Lambda",
                "FunctionArn": APPROVE,
                "Arguments": {"package": {"Get": "Steps.Register.ModelPackageArn"}},
                "OutputParameters": [{"OutputName": "status", "OutputType": "String"}],
            },
        ],
        "ElseSteps": [
            {
                "Name": "Reject",
                "Type": "Fail",
                "Arguments": {"ErrorMessage": {"Std:Join": {"On": " ", "Values": ["AUC is only", auc]}}},
            }
        ],
    }
    return {
        "Version": "2020-12-01",
        "Parameters": [
            {"Name": "Flights", "Type": "String", "DefaultValue": f"{data}/flights"},
            {"Name": "Rows", "Type": "Integer", "DefaultValue": 100},
            {"Name": "Floor", "Type": "Float", "DefaultValue": 0.6},
        ],
        "Steps": [
            {"Name": "Gate", "Type": "Condition", "Arguments": gate},
            {
                "Name": "Evaluate",
                "Type": "Processing",
                "Arguments": arguments(evaluate, "ProcessingJobName"),
                "PropertyFiles": [
                    {"PropertyFileName": "Report", "OutputName": "report", "FilePath": "evaluation.json"}
                ],
            },
            {"Name": "Train", "Type": "Training", "Arguments": arguments(train, "TrainingJobName")},
            {"Name": "Assemble", "Type": "Processing", "Arguments": arguments(assemble, "ProcessingJobName")},
        ],
    }


def prepare(twin):
    twin.put("flights/a.csv", "0.5\n0.7\n0.9")
    twin.sagemaker.create_model_package_group(ModelPackageGroupName="flights")
    twin.functions.handlers["approve"] = lambda event: approve(twin, event)


def approve(twin, event):
    twin.sagemaker.update_model_package(ModelPackageArn=event["package"], ModelApprovalStatus="Approved")
    return {"status": "Approved"}


@pytest.fixture
def twin(tmp_path):
    with account(tmp_path) as twin:
        prepare(twin)
        yield twin


def create(twin, document):
    twin.sagemaker.create_pipeline(
        PipelineName=PIPELINE,
        PipelineDefinition=json.dumps(document),
        RoleArn=ROLE,
        ClientRequestToken="c" * 32,
    )


def start(twin, token="t", **parameters):
    given = [{"Name": name, "Value": value} for name, value in parameters.items()]
    return twin.sagemaker.start_pipeline_execution(
        PipelineName=PIPELINE,
        ClientRequestToken=token * 32,
        **({"PipelineParameters": given} if given else {}),
    )["PipelineExecutionArn"]


def run(twin, document, *, minutes=30, **options):
    create(twin, document)
    arn = start(twin, **options)
    twin.advance(minutes=minutes)
    return arn


def describe(twin, arn):
    return twin.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)


def steps(twin, arn):
    listed = twin.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
    return {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}


def statuses(twin, arn):
    return {name: step["StepStatus"] for name, step in steps(twin, arn).items()}


def refusal(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"], str(caught.value)


class TestBothSidesOfTheGate:
    def test_a_good_challenger_is_registered_and_approved(self, twin):
        arn = run(twin, definition(twin))
        assert describe(twin, arn)["PipelineExecutionStatus"] == "Succeeded"
        told = steps(twin, arn)
        assert list(told) == ["Assemble", "Train", "Evaluate", "Gate", "Register", "Approve"]
        assert {step["StepStatus"] for step in told.values()} == {"Succeeded"}
        assert told["Gate"]["Metadata"] == {"Condition": {"Outcome": "True"}}
        package = told["Register"]["Metadata"]["RegisterModel"]["Arn"]
        assert twin.functions.invoked == [("approve", {"package": package})]
        assert told["Approve"]["Metadata"]["Lambda"] == {
            "Arn": APPROVE,
            "OutputParameters": [{"Name": "status", "Value": "Approved"}],
        }
        described = twin.sagemaker.describe_model_package(ModelPackageName=package)
        assert described["ModelApprovalStatus"] == "Approved"
        model = described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        assert twin.read(model.removeprefix(f"s3://{BUCKET}/"))

    def test_a_poor_challenger_is_rejected_and_nothing_registered(self, twin):
        arn = run(twin, definition(twin), Floor="0.75")
        described = describe(twin, arn)
        assert described["PipelineExecutionStatus"] == "Failed"
        assert described["FailureReason"] == "Step failure: One or multiple steps failed."
        told = steps(twin, arn)
        assert "Register" not in told
        assert "Approve" not in told
        assert told["Gate"]["Metadata"]["Condition"]["Outcome"] == "False"
        assert told["Reject"]["FailureReason"].startswith("AUC is only 0.7")
        assert (
            twin.sagemaker.list_model_packages(ModelPackageGroupName="flights")["ModelPackageSummaryList"]
            == []
        )

    def test_parameters_reach_the_scripts(self, twin):
        arn = run(twin, definition(twin), Rows="1", Floor="0.5")
        assert describe(twin, arn)["PipelineExecutionStatus"] == "Succeeded"
        report = json.loads(twin.read("reports/evaluation.json"))
        assert report["binary"]["auc"]["value"] == 0.5


class TestTime:
    def test_nothing_has_happened_when_the_call_returns(self, twin):
        create(twin, definition(twin))
        arn = start(twin)
        assert describe(twin, arn)["PipelineExecutionStatus"] == "Executing"
        assert steps(twin, arn) == {}

    def test_steps_take_virtual_minutes_one_after_another(self, twin):
        create(twin, definition(twin))
        arn = start(twin)
        twin.advance(minutes=3)
        assert statuses(twin, arn) == {"Assemble": "Executing"}
        twin.advance(minutes=4)
        assert statuses(twin, arn) == {"Assemble": "Succeeded", "Train": "Executing"}
        twin.advance(minutes=13)
        told = steps(twin, arn)
        assert told["Train"]["StartTime"] - START >= timedelta(minutes=4)
        assert told["Evaluate"]["StartTime"] >= told["Train"]["EndTime"]
        assert describe(twin, arn)["PipelineExecutionStatus"] == "Succeeded"

    def test_independent_steps_share_their_time(self, twin):
        document = definition(twin)
        assemble = document["Steps"][3]
        document["Steps"] = [{**assemble, "Name": name} for name in ("One", "Two")]
        arn = run(twin, document, minutes=5)
        assert statuses(twin, arn) == {"One": "Succeeded", "Two": "Succeeded"}

    def test_parallelism_is_limited_on_request(self, twin):
        document = definition(twin)
        assemble = document["Steps"][3]
        document["Steps"] = [{**assemble, "Name": name} for name in ("One", "Two")]
        create(twin, document)
        arn = twin.sagemaker.start_pipeline_execution(
            PipelineName=PIPELINE,
            ClientRequestToken="p" * 32,
            ParallelismConfiguration={"MaxParallelExecutionSteps": 1},
        )["PipelineExecutionArn"]
        twin.advance(minutes=3)
        assert statuses(twin, arn) == {"One": "Executing"}


class TestStarting:
    def test_a_token_starts_one_execution(self, twin):
        create(twin, definition(twin))
        assert start(twin, "a") == start(twin, "a")
        assert start(twin, "b") != start(twin, "a")
        listed = twin.sagemaker.list_pipeline_executions(PipelineName=PIPELINE)
        assert len(listed["PipelineExecutionSummaries"]) == 2

    def test_a_token_with_other_parameters_is_a_conflict(self, twin):
        create(twin, definition(twin))
        start(twin, "a")
        with pytest.raises(ClientError, match="ConflictException"):
            start(twin, "a", Rows="2")

    @pytest.mark.parametrize(
        ("name", "value", "complaint"),
        [("Rowz", "1", "Unknown pipeline parameters"), ("Rows", "many", "must be of type Integer")],
    )
    def test_bad_parameters_start_nothing(self, twin, name, value, complaint):
        create(twin, definition(twin))
        code, message = refusal(start, twin=twin, **{name: value})
        assert code == "ValidationException"
        assert complaint in message
        listed = twin.sagemaker.list_pipeline_executions(PipelineName=PIPELINE)
        assert listed["PipelineExecutionSummaries"] == []

    def test_a_parameter_without_default_must_be_given(self, twin):
        document = definition(twin)
        del document["Parameters"][0]["DefaultValue"]
        create(twin, document)
        assert "Flights" in refusal(start, twin=twin)[1]

    def test_an_unknown_pipeline_or_execution_is_not_found(self, twin):
        assert refusal(start, twin=twin)[0] == "ResourceNotFound"
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{PIPELINE}/execution/none"
        assert refusal(describe, twin=twin, arn=arn)[0] == "ResourceNotFound"

    def test_the_definition_and_parameters_of_an_execution_are_its_own(self, twin):
        document = definition(twin)
        create(twin, document)
        arn = start(twin, Rows="2")
        changed = copy.deepcopy(document)
        changed["Parameters"][1]["DefaultValue"] = 5
        twin.sagemaker.update_pipeline(PipelineName=PIPELINE, PipelineDefinition=json.dumps(changed))
        told = twin.sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
        assert json.loads(told["PipelineDefinition"]) == document
        told = twin.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
        assert {"Name": "Rows", "Value": "2"} in told["PipelineParameters"]

    def test_a_definition_from_s3_is_checked_and_kept_as_text(self, twin):
        document = definition(twin)
        twin.put("pipeline.json", json.dumps(document))
        where = {"Bucket": BUCKET, "ObjectKey": "pipeline.json"}
        twin.sagemaker.create_pipeline(
            PipelineName=PIPELINE,
            PipelineDefinitionS3Location=where,
            RoleArn=ROLE,
            ClientRequestToken="c" * 32,
        )
        told = twin.sagemaker.describe_pipeline(PipelineName=PIPELINE)
        assert json.loads(told["PipelineDefinition"]) == document

    def test_a_pipeline_with_a_broken_definition_is_not_made(self, twin):
        code, _ = refusal(create, twin=twin, document={"Version": "2020-12-01", "Steps": []})
        assert code == "ValidationException"
        assert twin.sagemaker.list_pipelines()["PipelineSummaries"] == []

    def test_what_the_twin_does_not_act_on_is_named(self, twin):
        create(twin, definition(twin))
        with pytest.raises(TwinError, match="SelectiveExecutionConfig"):
            twin.sagemaker.start_pipeline_execution(
                PipelineName=PIPELINE, SelectiveExecutionConfig={"SelectedSteps": [{"StepName": "Train"}]}
            )


class TestFailures:
    def test_a_failing_script_fails_the_execution_with_its_reason(self, twin):
        arn = run(twin, definition(twin), Rows="0")
        assert describe(twin, arn)["PipelineExecutionStatus"] == "Failed"
        assert statuses(twin, arn) == {"Assemble": "Failed"}
        assert steps(twin, arn)["Assemble"]["FailureReason"] == "AlgorithmError: no rows, exit code: 1"

    def test_an_argument_that_no_service_takes_fails_the_step(self, twin):
        document = definition(twin)
        document["Steps"][3]["Arguments"]["AppSpecification"]["ContainerArguments"][2] = {
            "Get": "Parameters.Rows"
        }
        arn = run(twin, document)
        assert "ContainerArguments" in steps(twin, arn)["Assemble"]["FailureReason"]

    def test_a_path_that_the_report_lacks_fails_the_gate(self, twin):
        document = definition(twin)
        gate = document["Steps"][0]["Arguments"]
        gate["Conditions"][0]["LeftValue"]["Std:JsonGet"]["Path"] = "binary.f1"
        gate["ElseSteps"] = []
        arn = run(twin, document)
        assert statuses(twin, arn)["Gate"] == "Failed"
        assert "'f1'" in steps(twin, arn)["Gate"]["FailureReason"]

    def test_a_failing_function_fails_its_step(self, twin):
        def broken(_event):
            raise RuntimeError("boom")

        twin.functions.handlers["approve"] = broken
        arn = run(twin, definition(twin))
        assert "boom" in steps(twin, arn)["Approve"]["FailureReason"]
        assert describe(twin, arn)["PipelineExecutionStatus"] == "Failed"

    @pytest.mark.parametrize("answer", [{}, {"status": 1}, None])
    def test_an_output_that_is_missing_or_mistyped_fails_its_step(self, twin, answer):
        twin.functions.handlers["approve"] = lambda _event: answer
        arn = run(twin, definition(twin))
        assert "status" in steps(twin, arn)["Approve"]["FailureReason"]


class TestRetries:
    POLICY = {  # noqa: RUF012 - read only
        "ExceptionType": ["SageMaker.CAPACITY_ERROR"],
        "IntervalSeconds": 60,
        "BackoffRate": 1.0,
        "MaxAttempts": 3,
    }

    def execution(self, twin, **policy):
        document = definition(twin)
        document["Steps"] = [{**document["Steps"][3], "RetryPolicies": [self.POLICY | policy]}]
        return run(twin, document)

    def account(self, tmp_path, faults):
        remaining = iter(faults)
        return account(tmp_path, conditions=Conditions(service_faults=lambda _job: next(remaining, None)))

    def test_want_of_capacity_is_tried_again_with_a_new_job(self, tmp_path):
        with self.account(tmp_path, ["CapacityError: no capacity"] * 2) as twin:
            prepare(twin)
            arn = self.execution(twin)
            assert statuses(twin, arn) == {"Assemble": "Succeeded"}
            assert steps(twin, arn)["Assemble"]["AttemptCount"] == 3
            assert len(twin.sagemaker.list_processing_jobs()["ProcessingJobSummaries"]) == 3

    def test_attempts_run_out(self, tmp_path):
        with self.account(tmp_path, ["CapacityError: no capacity"] * 9) as twin:
            prepare(twin)
            arn = self.execution(twin)
            assert steps(twin, arn)["Assemble"]["AttemptCount"] == 3
            assert steps(twin, arn)["Assemble"]["FailureReason"] == "CapacityError: no capacity"

    def test_other_failures_are_not_tried_again(self, tmp_path):
        with self.account(tmp_path, ["InternalServerError: sorry"]) as twin:
            prepare(twin)
            arn = self.execution(twin)
            assert statuses(twin, arn) == {"Assemble": "Failed"}
            assert len(twin.sagemaker.list_processing_jobs()["ProcessingJobSummaries"]) == 1


class TestCaching:
    def document(self, twin, **cache):
        document = definition(twin)
        assemble = document["Steps"][3]
        output = assemble["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
        output["S3Uri"] = f"s3://{BUCKET}/rows"
        document["Steps"] = [{**assemble, **({"CacheConfig": cache} if cache else {})}]
        return document

    def jobs(self, twin):
        return len(twin.sagemaker.list_processing_jobs()["ProcessingJobSummaries"])

    def test_the_same_arguments_within_the_time_use_the_earlier_result(self, twin):
        first = run(twin, self.document(twin, Enabled=True, ExpireAfter="T1H"), token="a")
        second = start(twin, "b")
        twin.advance(minutes=5)
        step = steps(twin, second)["Assemble"]
        assert step["StepStatus"] == "Succeeded"
        assert step["CacheHitResult"] == {"SourcePipelineExecutionArn": first}
        assert step["Metadata"] == steps(twin, first)["Assemble"]["Metadata"]
        assert self.jobs(twin) == 1

    def test_other_arguments_run(self, twin):
        run(twin, self.document(twin, Enabled=True, ExpireAfter="T1H"), token="a")
        second = start(twin, "b", Rows="2")
        twin.advance(minutes=5)
        assert "CacheHitResult" not in steps(twin, second)["Assemble"]
        assert self.jobs(twin) == 2

    def test_an_old_result_is_not_used(self, twin):
        run(twin, self.document(twin, Enabled=True, ExpireAfter="T1H"), token="a")
        twin.advance(hours=2)
        start(twin, "b")
        twin.advance(minutes=5)
        assert self.jobs(twin) == 2

    def test_without_caching_everything_runs(self, twin):
        run(twin, self.document(twin), token="a")
        start(twin, "b")
        twin.advance(minutes=5)
        assert self.jobs(twin) == 2


class TestStopping:
    def test_stopping_stops_the_job_and_starts_nothing_more(self, twin):
        create(twin, definition(twin))
        arn = start(twin)
        twin.advance(minutes=6)
        twin.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
        assert describe(twin, arn)["PipelineExecutionStatus"] == "Stopping"
        twin.advance(minutes=10)
        assert describe(twin, arn)["PipelineExecutionStatus"] == "Stopped"
        assert statuses(twin, arn) == {"Assemble": "Succeeded", "Train": "Stopped"}
        (job,) = twin.sagemaker.list_training_jobs()["TrainingJobSummaries"]
        assert job["TrainingJobStatus"] == "Stopped"

    def test_stopping_before_the_first_step(self, twin):
        create(twin, definition(twin))
        arn = start(twin)
        twin.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
        twin.advance(minutes=1)
        assert describe(twin, arn)["PipelineExecutionStatus"] == "Stopped"
        assert twin.sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == []

    def test_stopping_while_a_step_waits_for_its_next_attempt(self, tmp_path):
        weather = Conditions(service_faults=lambda _job: "CapacityError: no capacity")
        with account(tmp_path, conditions=weather) as twin:
            prepare(twin)
            document = definition(twin)
            policy = {**TestRetries.POLICY, "IntervalSeconds": 600}
            document["Steps"] = [{**document["Steps"][3], "RetryPolicies": [policy]}]
            arn = run(twin, document, minutes=5)
            twin.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
            twin.advance(minutes=15)
            assert statuses(twin, arn) == {"Assemble": "Stopped"}
            assert describe(twin, arn)["PipelineExecutionStatus"] == "Stopped"
            assert len(twin.sagemaker.list_processing_jobs()["ProcessingJobSummaries"]) == 1

    def test_what_is_over_cannot_be_stopped(self, twin):
        arn = run(twin, definition(twin))
        code, message = refusal(
            twin.sagemaker.stop_pipeline_execution, PipelineExecutionArn=arn, ClientRequestToken="s" * 32
        )
        assert code == "ValidationException"
        assert "Succeeded" in message


class TestEvents:
    def test_an_execution_tells_its_statuses_in_camel_case(self, twin):
        arn = run(twin, definition(twin))
        details = twin.bus.details("SageMaker Model Building Pipeline Execution Status Change")
        assert [detail["currentPipelineExecutionStatus"] for detail in details] == ["Executing", "Succeeded"]
        assert details[-1] | {"executionEndTime": None} == {
            "pipelineArn": arn.partition("/execution/")[0],
            "pipelineExecutionArn": arn,
            "previousPipelineExecutionStatus": "Executing",
            "currentPipelineExecutionStatus": "Succeeded",
            "executionStartTime": "2013-02-12T00:00:00Z",
            "executionEndTime": None,
        }
        assert details[-1]["executionEndTime"] > "2013-02-12T00:14:00Z"

    def test_steps_tell_their_statuses_and_jobs(self, twin):
        arn = run(twin, definition(twin), Rows="0")
        details = twin.bus.details("SageMaker Model Building Pipeline Execution Step Status Change")
        told = [(detail["previousStepStatus"], detail["currentStepStatus"]) for detail in details]
        assert told == [("Starting", "Starting"), ("Starting", "Executing"), ("Executing", "Failed")]
        last = details[-1]
        assert (last["stepName"], last["stepType"]) == ("Assemble", "Processing")
        assert last["pipelineExecutionArn"] == arn
        assert last["failureReason"] == "AlgorithmError: no rows, exit code: 1"
        job = steps(twin, arn)["Assemble"]["Metadata"]["ProcessingJob"]["Arn"]
        assert last["metadata"] == {"processingJob": {"arn": job}}
        assert f"processing-job/pipelines-{arn.rpartition('/')[2]}-assemble-" in job

    def test_listeners_hear_every_change(self, twin):
        heard = []
        twin.pipelines.listen(heard.append)
        run(twin, definition(twin))
        assert [change.step for change in heard if change.status == "Succeeded"] == [
            "Assemble",
            "Train",
            "Evaluate",
            "Gate",
            "Register",
            "Approve",
        ]


class TestMotoContract:
    """What the patches of moto rely on."""

    @pytest.mark.parametrize(
        "operation",
        [
            "start_pipeline_execution",
            "describe_pipeline_execution",
            "describe_pipeline_definition_for_execution",
            "list_pipeline_parameters_for_execution",
            "list_pipeline_executions",
            "create_pipeline",
            "update_pipeline",
        ],
    )
    def test_operations_take_the_response_object_alone(self, operation):
        assert list(inspect.signature(getattr(SageMakerResponse, operation)).parameters) == ["self"]

    @pytest.mark.parametrize("operation", ["list_pipeline_execution_steps", "stop_pipeline_execution"])
    def test_operations_that_the_twin_adds_are_still_missing(self, operation):
        assert not hasattr(SageMakerResponse, operation)

    def test_a_pipeline_keeps_what_an_execution_reads(self):
        pipeline = FakePipeline("p", "", "{}", "", ROLE, [], "123456789012", "us-east-1", {})
        assert pipeline.arn == "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p"
        assert (pipeline.pipeline_name, pipeline.pipeline_definition) == ("p", "{}")
        assert pipeline.last_execution_time is None
        assert pipeline.parallelism_configuration == {}
