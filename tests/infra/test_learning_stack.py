"""The pipeline's resource, the roles it runs under, and the first champion."""

from __future__ import annotations

import json
import tarfile

import pytest
from cloud_assembly import Assembly, Resource


def _pipeline(account: Assembly, name: str = "flights-retraining") -> Resource:
    (found,) = [
        pipeline
        for pipeline in account.of_type("AWS::SageMaker::Pipeline")
        if pipeline.properties["PipelineName"] == name
    ]
    return found


@pytest.mark.parametrize("name", ["flights-retraining", "flights-replay"])
def test_a_pipeline_carries_a_definition(account: Assembly, name: str) -> None:
    pipeline = _pipeline(account, name)
    body = json.loads(
        account.resolve(pipeline.stack, pipeline.properties["PipelineDefinition"]["PipelineDefinitionBody"])
    )
    assert body["Version"] == "2020-12-01"
    assert body["Steps"]


def test_the_definition_names_what_the_account_has(account: Assembly) -> None:
    pipeline = _pipeline(account)
    body = account.resolve(
        pipeline.stack, pipeline.properties["PipelineDefinition"]["PipelineDefinitionBody"]
    )
    approve = account.function("flights-approve").logical_id
    for part in (
        "/sagemaker-xgboost:",
        ".dkr.ecr.<AWS::Region>.<AWS::URLSuffix>",
        f"<{approve}.Arn>",
        "<JobsRole",
    ):
        assert part in body


def test_the_pipeline_does_not_run_as_its_jobs(account: Assembly) -> None:
    pipeline = _pipeline(account)
    orchestration = account.resolve(pipeline.stack, pipeline.properties["RoleArn"])
    assert orchestration.startswith("<PipelineRole")


def _role(account: Assembly, role: str) -> dict[str, list[str]]:
    allowed: dict[str, list[str]] = {}
    for policy, statement in account.statements():
        if policy.logical_id.startswith(role):
            for action in statement["Action"]:
                allowed.setdefault(action, []).extend(statement["Resource"])
    return allowed


def test_the_pipeline_starts_only_its_own_jobs(account: Assembly) -> None:
    allowed = _role(account, "PipelineRole")
    for job in ("training-job", "processing-job"):
        kind = "".join(part.capitalize() for part in job.split("-"))
        assert [arn.rpartition(":")[2] for arn in allowed[f"sagemaker:Create{kind}"]] == [
            f"{job}/pipelines-*"
        ]
    assert "sagemaker:UpdateEndpoint" not in allowed
    assert "s3:PutObject" not in allowed


def test_jobs_read_their_inputs_and_write_the_pipelines_prefix_alone(account: Assembly) -> None:
    allowed = _role(account, "JobsRole")
    assert [arn.partition("/")[2] for arn in allowed["s3:PutObject"]] == ["pipeline/*"]
    assert not [action for action in allowed if action.startswith(("sagemaker:", "iam:", "lambda:"))]
    assets = [arn for arn in allowed["s3:GetObject"] if "cdk-hnb659fds-assets" in arn]
    assert len(assets) == 2, "the source and the seed"
    assert not [arn for arn in assets if arn.endswith("*")]


def test_the_source_is_code_without_caches_or_data(account: Assembly) -> None:
    (bundle,) = account.folder.glob("asset.*.tar.gz")
    with tarfile.open(bundle) as tar:
        members = tar.getmembers()
    names = [member.name for member in members]
    assert names == sorted(names)
    assert {name.partition("/")[0] for name in names} == {
        "selfheal",
        "pipelines",
        "workloads",
        "workload.json",
        "train.py",
        "profile_on_spark.py",
    }
    assert {name for name in names if not name.endswith(".py")} == {"workload.json"}
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}


def test_the_first_champion_waits_for_everything_it_needs(account: Assembly) -> None:
    champion = account.one("Custom::FirstChampion")
    assert champion.properties["PipelineName"] == "flights-retraining"
    needed = champion.body["DependsOn"]
    assert _pipeline(account).logical_id in needed
    assert any(logical_id.startswith("ServingRoleDefaultPolicy") for logical_id in needed)


def test_the_framework_calls_our_two_functions(account: Assembly) -> None:
    (framework,) = [
        f for f in account.of_type("AWS::Lambda::Function") if f.properties["Handler"] == "framework.onEvent"
    ]
    told = account.resolve(framework.stack, framework.properties["Environment"]["Variables"])
    for variable, function in (
        ("USER_ON_EVENT_FUNCTION_ARN", "first-champion-start"),
        ("USER_IS_COMPLETE_FUNCTION_ARN", "first-champion-check"),
    ):
        assert told[variable] == f"<{account.function(f'flights-{function}').logical_id}.Arn>"


@pytest.mark.parametrize("role", ["ServingRole", "JobsRole"])
def test_images_come_from_the_regions_account(account: Assembly, role: str) -> None:
    (arn,) = _role(account, role)["ecr:BatchGetImage"]
    assert arn.endswith(":repository/sagemaker-xgboost")
    assert "<ImageAccounts" in arn


def test_packages_go_to_one_group(account: Assembly) -> None:
    assert account.one("AWS::SageMaker::ModelPackageGroup").properties["ModelPackageGroupName"] == "flights"
