"""The jobs that profile large hours: as whom they run, who starts them, and what their end wakes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from aws_cdk.assertions import Template
from cloud_assembly import Assembly

from infra.account import new_app
from infra.constructs.spark_image import ACCOUNTS
from infra.constructs.xgboost_image import ACCOUNTS as XGBOOST_ACCOUNTS
from infra.stacks.data import DataStack
from infra.stacks.serving import ServingStack
from selfheal.settings import Settings
from selfheal.settings_file import load


def _role(account: Assembly) -> tuple[str, dict[str, Any]]:
    """Logical id of the jobs' role and what its policy allows: actions → resources."""
    (policy,) = [
        policy
        for policy in account.of_type("AWS::IAM::Policy")
        if policy.logical_id.startswith("ProfileJobsRole")
    ]
    allowed: dict[str, set[str]] = {}
    for statement in account.resolve(policy.stack, policy.properties["PolicyDocument"])["Statement"]:
        resources = statement["Resource"]
        for action in [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]:
            allowed.setdefault(action, set()).update([resources] if isinstance(resources, str) else resources)
    return policy.properties["Roles"][0]["Ref"], allowed


def _told(account: Assembly) -> dict[str, Any]:
    function = account.function("flights-observe")
    text = account.resolve(
        function.stack, function.properties["Environment"]["Variables"]["SELFHEAL_PROFILE_JOB"]
    )
    return json.loads(text)


def test_the_function_starts_jobs_of_its_own_name_alone(account: Assembly) -> None:
    allowed = account.allowed("flights-observe")
    for verb in ("Create", "Describe"):
        (resource,) = allowed[f"sagemaker:{verb}ProcessingJob"]
        assert resource.endswith(":processing-job/flights-profile-*")
    role, _ = _role(account)
    assert allowed["iam:PassRole"] == [f"<{role}.Arn>"]


def test_a_job_reads_traffic_and_writes_what_it_found(account: Assembly) -> None:
    _, allowed = _role(account)

    def prefixes(action: str) -> set[str]:
        ours = {arn for arn in allowed[action] if arn.endswith("/*")}
        return {arn.rpartition("/")[0].rpartition("/")[2] for arn in ours}

    assert prefixes("s3:GetObject") == {"capture", "profiling"}
    assert prefixes("s3:PutObject") == {"profiling", "rejected"}
    assert not [
        action for action in allowed if action.startswith(("sagemaker:", "iam:", "dynamodb:", "ssm:"))
    ]


def test_what_the_function_is_told_is_what_was_set(account: Assembly) -> None:
    told = _told(account)
    role, _ = _role(account)
    assert told["role_arn"] == f"<{role}.Arn>"
    assert (told["instance_type"], told["volume_gb"], told["max_run_minutes"]) == ("ml.m5.2xlarge", 100, 50)
    assert told["volume_kms_key_arn"] == told["kms_key_arn"]
    assert told["source_uri"].startswith("s3://")
    assert "/sagemaker-spark-processing:3.5-cpu-py312-" in told["spark_image_uri"]


def test_a_type_with_local_disks_is_given_no_key_for_them(settings_file: Path) -> None:
    settings = load(settings_file)
    profiling = settings.profiling.model_copy(update={"instance_type": "ml.m5d.2xlarge"})
    told = _variables(settings.model_copy(update={"profiling": profiling}))["SELFHEAL_PROFILE_JOB"]
    assert "ml.m5d.2xlarge" in str(told)
    assert "volume_kms_key_arn" not in str(told)
    assert "kms_key_arn" in str(told)


def test_the_volume_reaches_the_function(settings_file: Path) -> None:
    settings = load(settings_file)
    observe = replace(settings.observe, volume=replace(settings.observe.volume, processing_from_mb=7.5))
    policy = json.loads(
        _variables(settings.model_copy(update={"observe": observe}))["SELFHEAL_OBSERVE_POLICY"]
    )
    assert policy["volume"]["processing_from_mb"] == 7.5


def test_the_end_of_a_job_wakes_the_function(account: Assembly) -> None:
    (rule,) = [r for r in account.of_type("AWS::Events::Rule") if r.properties["Name"] == "flights-profile"]
    assert rule.properties["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Processing Job State Change"],
        "detail": {
            "ProcessingJobName": [{"prefix": "flights-profile-"}],
            "ProcessingJobStatus": ["Completed", "Failed", "Stopped"],
        },
    }


def test_spark_is_wherever_the_rest_is() -> None:
    assert set(ACCOUNTS) == set(XGBOOST_ACCOUNTS)


def _variables(settings: Settings) -> dict[str, Any]:
    app = new_app()
    data = DataStack(app, "flights-data", settings=settings)
    serving = ServingStack(app, "flights-serving", settings=settings, stores=data.stores)
    resources = Template.from_stack(serving).to_json()["Resources"].values()
    (observe,) = [
        body["Properties"]
        for body in resources
        if body["Type"] == "AWS::Lambda::Function" and body["Properties"]["FunctionName"] == "flights-observe"
    ]
    variables: dict[str, Any] = observe["Environment"]["Variables"]
    return variables
