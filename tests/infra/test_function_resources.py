"""The functions: their code is there, their surroundings are as declared."""

from __future__ import annotations

import importlib
import json
from dataclasses import fields

import pytest
from cloud_assembly import ROOT, Assembly, Resource

from lambdas.runtime import Environment

HANDLERS = {
    "observe": "lambdas.observe.observe.handler.handle",
    "sweep": "lambdas.observe.sweep.handler.handle",
    "open-incident": "lambdas.diagnose.open_incident.handler.handle",
    "diagnose": "lambdas.diagnose.diagnose.handler.handle",
    "plan": "lambdas.remediate.plan.handler.handle",
    "rollback": "lambdas.remediate.rollback.handler.handle",
    "recalibrate": "lambdas.remediate.recalibrate.handler.handle",
    "approve-recalibration": "lambdas.remediate.approve.handler.handle_step",
    "reactivate": "lambdas.remediate.reactivate.handler.handle",
    "retrain": "lambdas.remediate.retrain.handler.handle",
    "ask-approval": "lambdas.remediate.ask_approval.handler.handle",
    "take-answer": "lambdas.remediate.take_answer.handler.handle",
    "quarantine": "lambdas.remediate.quarantine.handler.handle",
    "scale": "lambdas.remediate.scale.handler.handle",
    "replace": "lambdas.remediate.replace.handler.handle",
    "fall-back": "lambdas.remediate.fall_back.handler.handle",
    "candidate": "lambdas.remediate.candidate.handler.handle",
    "admit": "lambdas.remediate.admit.handler.handle",
    "release": "lambdas.remediate.release.handler.handle",
    "park": "lambdas.remediate.park.handler.handle",
    "settle": "lambdas.remediate.settle.handler.handle",
    "approve": "lambdas.remediate.approve.handler.handle",
    "first-champion-start": "lambdas.remediate.first_champion.handler.on_event",
    "first-champion-check": "lambdas.remediate.first_champion.handler.is_complete",
    "verify": "lambdas.verify.verify.handler.handle",
    "record": "lambdas.record.record.handler.handle",
}
# Lambda's limit on all of a function's variables together.
ENVIRONMENT_BYTES = 4096


def _ours(account: Assembly) -> list[Resource]:
    return [f for f in account.of_type("AWS::Lambda::Function") if f.properties.get("FunctionName")]


def test_functions_and_their_handlers(account: Assembly) -> None:
    found = {f.properties["FunctionName"]: f.properties["Handler"] for f in _ours(account)}
    assert found == {f"flights-{name}": handler for name, handler in HANDLERS.items()}


@pytest.mark.parametrize("handler", sorted(HANDLERS.values()))
def test_every_handler_is_a_function_of_the_source(handler: str) -> None:
    module, _, entry = handler.rpartition(".")
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    assert path.is_file(), f"{path.relative_to(ROOT)} is missing"
    assert f"{entry}" in path.read_text()


def test_they_run_on_one_source_without_caches(account: Assembly) -> None:
    keys = {f.properties["Code"]["S3Key"] for f in _ours(account)}
    assert len(keys) == 1
    folder = account.folder / f"asset.{keys.pop().removesuffix('.zip')}"
    assert {path.name for path in folder.iterdir()} == {"lambdas", "selfheal"}
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".py"}


def test_runtime_tracing_and_architecture(account: Assembly) -> None:
    for function in _ours(account):
        assert function.properties["Runtime"] == "python3.13"
        assert function.properties["Architectures"] == ["arm64"]
        assert function.properties["TracingConfig"] == {"Mode": "Active"}


def test_only_who_calculates_carries_science(account: Assembly) -> None:
    layers = {f.properties["FunctionName"]: len(f.properties["Layers"]) for f in _ours(account)}
    assert {name for name, count in layers.items() if count == 2} == {
        "flights-observe",
        "flights-verify",
        "flights-recalibrate",
    }
    assert set(layers.values()) == {1, 2}


def test_environments_fit_and_say_what_every_function_is_told(account: Assembly) -> None:
    for function in _ours(account):
        variables = account.resolve(function.stack, function.properties["Environment"]["Variables"])
        assert sum(len(name) + len(value) for name, value in variables.items()) < ENVIRONMENT_BYTES, function
        assert variables["SELFHEAL_ENDPOINT"] == variables["POWERTOOLS_SERVICE_NAME"] == "flights"
        assert variables["SELFHEAL_VARIANT"] == "AllTraffic"
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "Selfheal"
        assert {"SELFHEAL_TABLE", "SELFHEAL_BUCKET", "POWERTOOLS_LOG_LEVEL"} <= set(variables)


@pytest.mark.parametrize(
    ("function", "variable", "section"),
    [
        ("observe", "SELFHEAL_OBSERVE_POLICY", "confirmations"),
        ("plan", "SELFHEAL_PLAYBOOK", "bad-release"),
        ("plan", "SELFHEAL_RAILS", "rollbacks_per_day"),
        ("release", "SELFHEAL_RELEASE_POLICY", "bake_minutes"),
        ("verify", "SELFHEAL_RECOVERY_POLICY", "clear_minutes"),
    ],
)
def test_policies_travel_as_json(account: Assembly, function: str, variable: str, section: str) -> None:
    variables = account.function(f"flights-{function}").properties["Environment"]["Variables"]
    assert section in json.loads(variables[variable])


def test_the_playbook_travels_in_plain_words(account: Assembly) -> None:
    variables = account.function("flights-plan").properties["Environment"]["Variables"]
    assert json.loads(variables["SELFHEAL_PLAYBOOK"])["bad-release"] == ["rollback", "escalate"]


@pytest.mark.parametrize(("name", "handler"), sorted(HANDLERS.items()))
def test_every_function_is_told_what_its_handler_asks_for(account: Assembly, name: str, handler: str) -> None:
    module = importlib.import_module(handler.rpartition(".")[0])
    told = account.function(f"flights-{name}").properties["Environment"]["Variables"]
    for model in vars(module).values():
        if isinstance(model, type) and issubclass(model, Environment):
            asked = {f"SELFHEAL_{field.name.upper()}" for field in fields(model)}
            assert asked <= set(told), f"{model.__name__} asks for {sorted(asked - set(told))}"


def test_names_of_machines_and_pipelines(account: Assembly) -> None:
    for name in ("sweep", "settle"):
        function = account.function(f"flights-{name}")
        arn = account.resolve(
            function.stack, function.properties["Environment"]["Variables"]["SELFHEAL_INCIDENT_MACHINE"]
        )
        assert arn.endswith(":stateMachine:flights-incident")
    there = {pipeline.properties["PipelineName"] for pipeline in account.of_type("AWS::SageMaker::Pipeline")}
    for name, pipeline in (("retrain", "flights-retraining"), ("reactivate", "flights-replay")):
        variables = account.function(f"flights-{name}").properties["Environment"]["Variables"]
        assert variables["SELFHEAL_PIPELINE"] == pipeline
        assert pipeline in there


def test_asynchronous_functions_keep_what_they_failed_on(account: Assembly) -> None:
    with_letters = {
        f.properties["FunctionName"] for f in _ours(account) if "DeadLetterConfig" in f.properties
    }
    assert with_letters == {"flights-observe", "flights-sweep"}
