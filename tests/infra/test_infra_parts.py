"""The pure parts: guardrails, instance types, assets, names."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from cloud_assembly import ROOT

from infra import assets
from infra.constructs.patience import endpoint_patience, pipeline_patience
from infra.guardrails import deployment_config
from infra.instances import has_local_nvme
from infra.names import TRIGGERS_OF, Trigger
from selfheal.remediate.release_policy import ReleasePolicy, Strategy
from selfheal.settings import Training


@pytest.mark.parametrize(
    "type_",
    [
        "ml.g4dn.xlarge",
        "ml.g5.2xlarge",
        "ml.g6.xlarge",
        "ml.p4d.24xlarge",
        "ml.m5d.large",
        "ml.c6gd.xlarge",
        "ml.r5dn.large",
    ],
)
def test_local_disks(type_: str) -> None:
    assert has_local_nvme(type_)


@pytest.mark.parametrize(
    "type_",
    ["ml.m5.large", "ml.c5.xlarge", "ml.c7g.large", "ml.p3.2xlarge", "ml.inf2.xlarge", "ml.t2.medium"],
)
def test_network_disks(type_: str) -> None:
    assert not has_local_nvme(type_)


@pytest.mark.parametrize("type_", ["m5.large", "ml.m5", "", "ml.M5.large"])
def test_what_is_no_instance_type(type_: str) -> None:
    with pytest.raises(ValueError, match="not an instance type"):
        has_local_nvme(type_)


def test_a_canary() -> None:
    policy = deployment_config(
        ReleasePolicy(canary_percent=10, bake_minutes=10), ["a"]
    ).blue_green_update_policy
    routing = policy.traffic_routing_configuration
    assert (routing.type, routing.wait_interval_in_seconds) == ("CANARY", 600)
    assert (routing.canary_size.type, routing.canary_size.value) == ("CAPACITY_PERCENT", 10)
    assert routing.linear_step_size is None


def test_linear_steps() -> None:
    linear = ReleasePolicy(strategy=Strategy.LINEAR, canary_percent=25, bake_minutes=5)
    routing = deployment_config(linear, ["a"]).blue_green_update_policy.traffic_routing_configuration
    assert (routing.type, routing.linear_step_size.value, routing.canary_size) == ("LINEAR", 25, None)


def test_all_at_once_has_no_steps_but_still_bakes() -> None:
    policy = ReleasePolicy(strategy=Strategy.ALL_AT_ONCE, bake_minutes=10)
    routing = deployment_config(policy, ["a"]).blue_green_update_policy.traffic_routing_configuration
    assert (routing.type, routing.wait_interval_in_seconds) == ("ALL_AT_ONCE", 600)
    assert routing.canary_size is routing.linear_step_size is None


@pytest.mark.parametrize("alarms", [[], [str(n) for n in range(11)]])
def test_guardrails_need_alarms(alarms: list[str]) -> None:
    with pytest.raises(ValueError, match="1 to 10 alarms"):
        deployment_config(ReleasePolicy(), alarms)


def test_every_strategy_is_known_to_the_guardrails() -> None:
    for strategy in Strategy:
        deployment_config(ReleasePolicy(strategy=strategy, bake_minutes=5), ["a"])


@pytest.mark.parametrize("minutes", [30, 240, 480])
def test_patience_outlasts_the_deployment(minutes: int) -> None:
    assert endpoint_patience(ReleasePolicy(timeout_minutes=minutes)).to_minutes() > minutes


def test_patience_outlasts_spot() -> None:
    training = Training(spot=True, max_run_minutes=60, max_wait_minutes=4320)
    assert pipeline_patience(training).to_minutes() > 4320


def test_every_trigger_belongs_to_one_delivery() -> None:
    belonging = [trigger for triggers in TRIGGERS_OF.values() for trigger in triggers]
    assert sorted(belonging) == sorted(Trigger)


def _project(root: Path) -> Path:
    for name in (
        "lambdas/a/handler.py",
        "selfheal/b.py",
        "selfheal/__pycache__/b.pyc",
        "selfheal/.hidden/c.py",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def test_staging_takes_source_alone_and_is_named_after_it(tmp_path: Path) -> None:
    project = _project(tmp_path / "project")
    staged = assets.function_source(project, tmp_path / "staging")
    found = {path.relative_to(staged.path).as_posix() for path in staged.path.rglob("*") if path.is_file()}
    assert found == {"lambdas/a/handler.py", "selfheal/b.py"}
    assert assets.function_source(project, tmp_path / "staging") == staged
    (project / "selfheal/b.py").write_text("changed")
    assert assets.function_source(project, tmp_path / "staging").path != staged.path
    assert [path.name for path in (tmp_path / "staging").iterdir() if path.name.startswith(".")] == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="lambdas"):
        assets.function_source(tmp_path, tmp_path / "staging")


def test_a_digest_tells_names_from_contents() -> None:
    assert assets.digest_of({"a": b"bc"}) != assets.digest_of({"ab": b"c"})
    assert assets.digest_of({"a": b"1", "b": b"2"}) == assets.digest_of({"b": b"2", "a": b"1"})


def test_an_archive_depends_on_its_files_alone() -> None:
    files = {"b.py": b"2", "a/a.py": b"1"}
    packed = assets.archive(files)
    assert packed == assets.archive(dict(reversed(files.items())))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert {m.name: tar.extractfile(m).read() for m in tar.getmembers()} == files


@pytest.mark.parametrize("name", ["core", "science"])
def test_an_unbuilt_layer_is_its_lock_under_the_same_digest(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = []

    def install(command: list[str], *, check: bool) -> None:
        installed.append(command)
        Path(command[command.index("--target") + 1]).mkdir()

    monkeypatch.setattr(subprocess, "run", install)
    unbuilt = assets.layer(name, build=False, staging=tmp_path)
    assert [path.name for path in unbuilt.path.iterdir()] == [f"{name}.lock"]
    assert not installed

    built = assets.layer(name, build=True, staging=tmp_path)
    assert built.digest == unbuilt.digest
    assert built.path != unbuilt.path
    (command,) = installed
    assert {"--require-hashes", "aarch64-manylinux_2_28", "3.13"} <= set(command)
    # Lambda finds a layer's packages below python/.
    assert [path.name for path in built.path.iterdir()] == ["python"]


@pytest.mark.parametrize("name", ["core", "science"])
def test_layers_carry_the_versions_that_the_tests_ran_with(name: str) -> None:
    pinned = _pins(ROOT / "requirements.lock")
    layer = _pins(ROOT / "infra" / "layers" / f"{name}.lock")
    wanted = {line for line in _lines(ROOT / "infra" / "layers" / f"{name}.in") if not line.startswith("#")}
    assert wanted <= set(layer)
    assert {package: pinned[package] for package in layer} == layer


@pytest.mark.parametrize("name", ["core", "science"])
def test_layers_lock_every_package_by_hash_and_no_address(name: str) -> None:
    text = (ROOT / "infra" / "layers" / f"{name}.lock").read_text()
    for package in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in package, package
    assert "http" not in text


def _lines(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1]


def _pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", path.read_text(), flags=re.MULTILINE))
