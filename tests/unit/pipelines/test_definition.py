"""The pipeline's definition: every argument as the service's own model has it, every reference to something."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from pipelines.definition import replay
from pipelines.definition.builder import (
    Condition,
    Definition,
    Fail,
    LambdaCall,
    Parameter,
    Processing,
    PropertyFile,
    join,
    json_get,
    parameter,
    property_of,
)
from pipelines.definition.jobs import PipelineInputs
from pipelines.definition.retraining import definition
from selfheal.aws.registry import GOLDEN_DIGEST, GOLDEN_SET
from selfheal.settings_file import load

FLIGHTS = Path(__file__).parents[3] / "workloads" / "flights" / "selfheal.yaml"
EXPRESSIONS = {"Get", "Std:Join", "Std:JsonGet"}
OPERATIONS = {
    "Processing": ("CreateProcessingJob", "ProcessingJobName"),
    "Training": ("CreateTrainingJob", "TrainingJobName"),
    "RegisterModel": ("CreateModelPackage", None),
}
# Outputs that a step's properties have, as SageMaker's Describe calls name them.
JOB_LIMIT = 256


def inputs(settings):
    return PipelineInputs(
        settings=settings,
        image_uri="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        role_arn="arn:aws:iam::123456789012:role/learning",
        bucket="flights-data",
        source_uri="s3://assets/source.tar.gz",
        seed_uri="s3://assets/seed.csv.gz",
        package_group="flights",
        approve_function_arn="arn:aws:lambda:us-east-1:123456789012:function:flights-approve",
        kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/0a1b",
    )


@pytest.fixture(scope="module")
def pipeline():
    return definition(inputs(load(FLIGHTS)))


@pytest.fixture(scope="module", params=[definition, replay.definition], ids=["retraining", "replay"])
def either(request):
    return request.param(inputs(load(FLIGHTS)))


def defined(tmp_path, **training):
    body = yaml.safe_load(FLIGHTS.read_text(encoding="utf-8"))
    body["training"] |= training
    body["training"] = {name: value for name, value in body["training"].items() if value is not None}
    path = tmp_path / "selfheal.yaml"
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    return definition(inputs(load(path)))


def steps_of(steps):
    """All steps at whatever depth, with the names of those that are done when they begin."""
    done = []
    for step in steps:
        yield step, tuple(done)
        for branch in ("IfSteps", "ElseSteps"):
            for inner, before in steps_of(step.get("Arguments", {}).get(branch, [])):
                yield inner, (*done, *before)
        done.append(step["Name"])


def by_name(pipeline):
    return {step["Name"]: step for step, _ in steps_of(pipeline["Steps"])}


def is_expression(value):
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in EXPRESSIONS


def resolved(value):
    """Expressions replaced by text, as the service does before it calls its own API."""
    if is_expression(value):
        return "s3://placeholder/of/an/expression"
    if isinstance(value, dict):
        return {key: resolved(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner) for inner in value]
    return value


def expressions(value):
    if is_expression(value):
        yield value
    if isinstance(value, dict):
        for inner in value.values():
            yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)


def test_the_steps_are_those_of_the_story(pipeline):
    assert [(s["Name"], s["Type"]) for s, _ in steps_of(pipeline["Steps"])] == [
        ("Assemble", "Processing"),
        ("Train", "Training"),
        ("Evaluate", "Processing"),
        ("Gate", "Condition"),
        ("Register", "RegisterModel"),
        ("Approve", "Lambda"),
        ("Refuse", "Fail"),
    ]


def test_a_replay_trains_and_registers_nothing():
    steps = steps_of(replay.definition(inputs(load(FLIGHTS)))["Steps"])
    assert [(step["Name"], step["Type"]) for step, _ in steps] == [
        ("Assemble", "Processing"),
        ("Replay", "Processing"),
        ("Gate", "Condition"),
        ("Refuse", "Fail"),
    ]


@pytest.mark.parametrize("name", ["Assemble", "Train", "Evaluate", "Register", "Replay"])
def test_the_api_takes_the_arguments_of_a_job(pipeline, name):
    step = {**by_name(pipeline), **by_name(replay.definition(inputs(load(FLIGHTS))))}[name]
    operation, job_name = OPERATIONS[step["Type"]]
    arguments = resolved(step["Arguments"])
    if job_name:
        assert job_name not in arguments
        arguments[job_name] = "placeholder"
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model(operation).input_shape
    assert ParamValidator().validate(arguments, shape).generate_report() == ""
    assert not enum_errors(arguments, shape)


def enum_errors(value, shape, path=""):
    """Values that are none of their enumeration: botocore itself does not look."""
    if shape.type_name == "structure":
        return [
            e
            for name, inner in value.items()
            for e in enum_errors(inner, shape.members[name], f"{path}.{name}")
        ]
    if shape.type_name == "list":
        return [error for inner in value for error in enum_errors(inner, shape.member, f"{path}[]")]
    enum = getattr(shape, "enum", None)
    return [f"{path}: {value}"] if enum and value not in enum else []


def test_the_container_gets_no_argument_that_is_too_long(either):
    jobs = [step for step in by_name(either).values() if step["Type"] == "Processing"]
    assert len(jobs) == 2
    for job in jobs:
        specification = job["Arguments"]["AppSpecification"]
        for item in [*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", [])]:
            assert 1 <= len(item) <= JOB_LIMIT


def test_hyperparameters_are_text_of_a_length_that_is_taken(pipeline):
    hyperparameters = by_name(pipeline)["Train"]["Arguments"]["HyperParameters"]
    assert hyperparameters["max_depth"] == "5"
    assert all(isinstance(v, str) and len(v) <= 2500 for v in hyperparameters.values())


def reference(expression):
    """What an expression refers to, as text; "" where it refers to nothing itself."""
    if "Get" in expression:
        return expression["Get"]
    return expression.get("Std:JsonGet", {}).get("PropertyFile", {}).get("Get", "")


def test_every_reference_is_to_something_that_is_there_by_then(either):
    parameters = {p["Name"] for p in either["Parameters"]}
    steps = by_name(either)
    seen = set()
    for step, done in steps_of(either["Steps"]):
        own = {k: v for k, v in step["Arguments"].items() if k not in ("IfSteps", "ElseSteps")}
        for expression in expressions(own):
            kind, _, rest = reference(expression).partition(".")
            seen.add(kind)
            if kind == "Parameters":
                assert rest in parameters
            elif kind == "Steps":
                name = rest.split(".")[0]
                assert name in done, f"{step['Name']} refers to {name}, which has not run by then"
                assert_property(steps[name], rest.removeprefix(f"{name}."))
            elif kind == "Execution":
                assert rest in ("PipelineExecutionId", "PipelineName")
            else:
                assert kind == ""
    assert seen == {"Parameters", "Steps", "Execution", ""}


def assert_property(step, path):
    if path.startswith("PropertyFiles."):
        files = {file["PropertyFileName"]: file for file in step["PropertyFiles"]}
        output = files[path.removeprefix("PropertyFiles.")]["OutputName"]
        assert output in outputs_of(step)
    elif match := re.fullmatch(r"ProcessingOutputConfig\.Outputs\['(\w+)'\]\.S3Output\.S3Uri", path):
        assert match[1] in outputs_of(step)
    else:
        model = botocore.session.get_session().get_service_model("sagemaker")
        describe = OPERATIONS[step["Type"]][0].replace("Create", "Describe")
        shape = model.operation_model(describe).output_shape
        for part in path.split("."):
            shape = shape.members[part]


def outputs_of(step):
    return {output["OutputName"] for output in step["Arguments"]["ProcessingOutputConfig"]["Outputs"]}


def test_what_a_step_reads_lies_where_its_program_looks(pipeline):
    both = {**by_name(pipeline), **by_name(replay.definition(inputs(load(FLIGHTS))))}
    for name, expected in {
        "Assemble": {"source", "seed", "request", "capture", "labels", "quarantine"},
        "Evaluate": {"source", "request", "train", "holdout", "model"},
        "Replay": {"source", "request", "holdout"},
    }.items():
        found = both[name]["Arguments"]["ProcessingInputs"]
        assert {item["InputName"] for item in found} == expected
        for item in found:
            assert item["S3Input"]["LocalPath"] == f"/opt/ml/processing/input/{item['InputName']}"


def test_only_pass_goes_through_the_gate(either):
    gate = by_name(either)["Gate"]["Arguments"]
    (condition,) = gate["Conditions"]
    assert condition["Type"] == "Equals"
    assert condition["RightValue"] == "PASS"
    assert [step["Name"] for step in gate["IfSteps"]] in (["Register", "Approve"], [])
    assert [step["Type"] for step in gate["ElseSteps"]] == ["Fail"]


def test_a_package_is_not_approved_by_registering_it(pipeline):
    assert by_name(pipeline)["Register"]["Arguments"]["ModelApprovalStatus"] == "PendingManualApproval"


def test_a_package_carries_its_golden_set_with_the_digest_that_was_evaluated(pipeline):
    carried = by_name(pipeline)["Register"]["Arguments"]["CustomerMetadataProperties"]
    assert set(carried) == {GOLDEN_SET, GOLDEN_DIGEST}
    assert carried[GOLDEN_SET]["Std:Join"]["Values"][-1] == "golden.json"
    assert carried[GOLDEN_DIGEST]["Std:JsonGet"]["Path"] == "golden.sha256"


def test_spot_training_has_checkpoints_and_a_maximum_wait(pipeline):
    arguments = by_name(pipeline)["Train"]["Arguments"]
    assert arguments["EnableManagedSpotTraining"] is True
    assert arguments["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800, "MaxWaitTimeInSeconds": 2400}
    assert arguments["CheckpointConfig"]["LocalPath"] == "/opt/ml/checkpoints"


def test_without_spot_there_is_no_maximum_wait(tmp_path):
    arguments = by_name(defined(tmp_path, spot=False, max_wait_minutes=None))["Train"]["Arguments"]
    assert arguments["EnableManagedSpotTraining"] is False
    assert arguments["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800}


def test_a_gpu_with_a_disk_of_its_own_gets_no_key_that_it_refuses(pipeline):
    resources = by_name(pipeline)["Train"]["Arguments"]["ResourceConfig"]
    assert resources["InstanceType"] == "ml.g4dn.xlarge"
    assert "VolumeKmsKeyId" not in resources


def test_what_a_job_writes_is_encrypted(either):
    for step in by_name(either).values():
        if step["Type"] == "Processing":
            assert step["Arguments"]["ProcessingOutputConfig"]["KmsKeyId"].startswith("arn:aws:kms")
        if step["Type"] == "Training":
            assert step["Arguments"]["OutputDataConfig"]["KmsKeyId"].startswith("arn:aws:kms")


def test_what_is_worth_a_second_try_gets_one(either):
    for step in by_name(either).values():
        assert ("RetryPolicies" in step) is (step["Type"] not in ("Condition", "Lambda", "Fail"))
        for policy in step.get("RetryPolicies", []):
            assert ("MaxAttempts" in policy) != ("ExpireAfterMin" in policy)
            assert 1 <= policy["IntervalSeconds"] <= 43200
            assert policy.get("MaxAttempts", 1) <= 20


def test_the_same_settings_give_the_same_bytes(pipeline):
    again = definition(inputs(load(FLIGHTS)))
    assert json.dumps(again) == json.dumps(pipeline)


def test_a_definition_does_not_share_what_could_be_changed(pipeline):
    before = copy.deepcopy(pipeline)
    changed = definition(inputs(load(FLIGHTS)))
    changed["Steps"][0]["Arguments"]["RoleArn"] = "another"
    assert pipeline == before


def test_it_fits_what_the_service_takes_in_one_piece(either):
    assert len(json.dumps(either)) < 1_048_576
    assert either["Version"] == "2020-12-01"
    assert {"Name": "RequestUri", "Type": "String"} in either["Parameters"]


def test_steps_of_one_name_are_refused():
    inner = Fail(name="Twice", message="no")
    fork = Condition(name="Fork", left="a", right="b", then=(inner,), otherwise=(inner,))
    with pytest.raises(ValueError, match="Twice is used twice"):
        Definition(parameters=(), steps=(fork,)).to_json()


def test_expressions_are_as_the_service_reads_them():
    assert parameter("P") == {"Get": "Parameters.P"}
    assert property_of("S", "A.B") == {"Get": "Steps.S.A.B"}
    assert join("/", ["a", parameter("P")]) == {
        "Std:Join": {"On": "/", "Values": ["a", {"Get": "Parameters.P"}]}
    }
    assert json_get("S", "F", "a.b") == {
        "Std:JsonGet": {"PropertyFile": {"Get": "Steps.S.PropertyFiles.F"}, "Path": "a.b"}
    }


def test_what_is_not_given_is_left_out():
    assert Parameter("P").to_json() == {"Name": "P", "Type": "String"}
    assert Parameter("P", "").to_json()["DefaultValue"] == ""
    bare = Processing(name="S", arguments={}).to_json()
    assert "PropertyFiles" not in bare
    assert "Description" not in bare
    files = Processing(name="S", arguments={}, property_files=(PropertyFile("F", "out", "f.json"),)).to_json()
    assert files["PropertyFiles"] == [{"PropertyFileName": "F", "OutputName": "out", "FilePath": "f.json"}]
    call = LambdaCall(name="L", function_arn="arn", arguments={}, outputs=("a",), depends_on=("S",)).to_json()
    assert call["OutputParameters"] == [{"OutputName": "a", "OutputType": "String"}]
    assert call["DependsOn"] == ["S"]
