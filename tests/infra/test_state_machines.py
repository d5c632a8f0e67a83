"""The two workflows: every answer has a branch, every failure an end that is on the record."""

from __future__ import annotations

from typing import Any

import pytest
from cloud_assembly import Assembly

from selfheal.remediate.playbook import Remedy

States = dict[str, dict[str, Any]]

INCIDENT = {
    "Open": {"diagnose": "Diagnose", "attached": "Attached", "suppressed": "Record"},
    "Plan": {
        "rollback": "Rollback",
        "recalibrate": "Recalibrate",
        "reactivate": "Reactivate",
        "retrain": "Retrain",
        "quarantine": "Quarantine",
        "scale": "Scale",
        "replace": "Replace",
        "fall-back": "FallBack",
        "watch": "Verify",
        "escalate": "Record",
        "ask": "AwaitApproval",
    },
    "Rollback": {"await": "AwaitEndpoint", "plan": "Plan"},
    "Recalibrate": {"approve": "Approve", "plan": "Plan"},
    "Approve": {"release": "Release"},
    "Candidate": {"release": "Release", "plan": "Plan"},
    "Replayed": {"release": "Release", "plan": "Plan"},
    "Settle": {"verify": "Verify", "plan": "Plan"},
    "SettleRelease": {"verify": "Verify", "plan": "Plan"},
    "SettleScale": {"verify": "Verify", "plan": "Plan"},
    "SettleReplace": {"verify": "Verify", "plan": "Plan"},
    "SettleFallBack": {"verify": "Verify", "plan": "Plan"},
    "Verify": {"record": "Record", "diagnose": "Diagnose", "wait": "WaitVerify"},
}
RELEASE = {
    "Admit": {"release": "Release", "skip": "Skipped"},
    "Settle": {"verify": "Released", "plan": "RolledBack"},
}
INCIDENT_ORDER = {
    "Diagnose": "Plan",
    "AwaitEndpoint": "Settle",
    "Retrain": "AwaitPipeline",
    "AwaitPipeline": "Candidate",
    "Reactivate": "AwaitReplay",
    "AwaitReplay": "Replayed",
    "Release": "AwaitRelease",
    "AwaitRelease": "SettleRelease",
    "Quarantine": "Verify",
    "Scale": "AwaitScale",
    "AwaitScale": "SettleScale",
    "Replace": "AwaitReplace",
    "AwaitReplace": "SettleReplace",
    "FallBack": "AwaitFallBack",
    "AwaitFallBack": "SettleFallBack",
    "WaitVerify": "Verify",
    "Record": "Recorded",
    "Escalate": "Record",
    "AwaitApproval": "Answered",
}
RELEASE_ORDER = {
    "Release": "AwaitEndpoint",
    "AwaitEndpoint": "Settle",
    "Record": "Refused",
    "Escalate": "Record",
}
# An answer leads where a plan does, but to no further question; a rejected remedy is planned past.
INCIDENT["Answered"] = {**INCIDENT["Plan"], "plan": "Plan"}
del INCIDENT["Answered"]["ask"]
FUNCTIONS = {
    "AwaitApproval": "ask-approval",
    "Answered": "take-answer",
    "Approve": "approve-recalibration",
    "Open": "open-incident",
    "AwaitEndpoint": "park",
    "AwaitPipeline": "park",
    "AwaitReplay": "park",
    "Replayed": "candidate",
    "AwaitRelease": "park",
    "SettleRelease": "settle",
    "AwaitScale": "park",
    "SettleScale": "settle",
    "AwaitReplace": "park",
    "SettleReplace": "settle",
    "FallBack": "fall-back",
    "AwaitFallBack": "park",
    "SettleFallBack": "settle",
}
# States that need the endpoint at rest.
DEPLOYING = {
    *("Rollback", "Settle", "Release", "SettleRelease", "Scale", "SettleScale"),
    *("Replace", "SettleReplace", "FallBack", "SettleFallBack"),
}
FAULTS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}


def _machine(account: Assembly, name: str) -> dict[str, Any]:
    (found,) = [
        machine
        for machine in account.of_type("AWS::StepFunctions::StateMachine")
        if machine.properties.get("StateMachineName") == name
    ]
    return account.definition(found)


@pytest.fixture(scope="module")
def incident(account: Assembly) -> States:
    return _machine(account, "flights-incident")["States"]


@pytest.fixture(scope="module")
def release(account: Assembly) -> States:
    return _machine(account, "flights-release")["States"]


@pytest.fixture(params=["flights-incident", "flights-release"])
def states(request: pytest.FixtureRequest, account: Assembly) -> States:
    return _machine(account, request.param)["States"]


def _tasks(states: States) -> States:
    return {name: state for name, state in states.items() if state["Type"] == "Task"}


def _branches(states: States, task: str) -> dict[str, str]:
    choice = states[states[task]["Next"]]
    return {rule["StringEquals"]: rule["Next"] for rule in choice["Choices"] if "StringEquals" in rule}


@pytest.mark.parametrize("task", INCIDENT)
def test_every_answer_within_an_incident_has_its_branch(incident: States, task: str) -> None:
    assert _branches(incident, task) == INCIDENT[task]


@pytest.mark.parametrize("task", RELEASE)
def test_every_answer_within_a_release_has_its_branch(release: States, task: str) -> None:
    assert _branches(release, task) == RELEASE[task]


def test_every_remedy_has_a_branch_and_no_branch_lacks_a_remedy(incident: States) -> None:
    assert set(_branches(incident, "Plan")) - {"ask"} == {remedy.value for remedy in Remedy}
    assert set(_branches(incident, "Answered")) - {"plan"} == {remedy.value for remedy in Remedy}


def test_the_order_between_the_choices(incident: States, release: States) -> None:
    assert {name: incident[name]["Next"] for name in INCIDENT_ORDER} == INCIDENT_ORDER
    assert {name: release[name]["Next"] for name in RELEASE_ORDER} == RELEASE_ORDER


def test_where_they_start_and_end(account: Assembly, incident: States, release: States) -> None:
    assert _machine(account, "flights-incident")["StartAt"] == "Open"
    assert _machine(account, "flights-release")["StartAt"] == "Admit"
    ends = {"Succeed", "Fail"}
    assert {n for n, s in incident.items() if s["Type"] in ends} == {"Attached", "Recorded"}
    assert {n: s["Type"] for n, s in release.items() if s["Type"] in ends} == {
        "Skipped": "Succeed",
        "Released": "Succeed",
        "RolledBack": "Succeed",
        "Refused": "Fail",
    }


def test_an_unknown_or_missing_answer_escalates(states: States) -> None:
    choices = [state for state in states.values() if state["Type"] == "Choice"]
    assert choices
    for choice in choices:
        assert choice["Default"] == "Escalate"
        assert choice["Choices"][0] == {"Variable": "$.next", "IsPresent": False, "Next": "Escalate"}
    escalate = states["Escalate"]
    assert escalate["ResultPath"] == "$.error"
    assert escalate["Parameters"] == {"Error": "UnknownAnswer", "Cause.$": "States.JsonToString($)"}


def test_every_failure_is_recorded(states: States) -> None:
    for name, task in _tasks(states).items():
        if name == "Record":
            assert "Catch" not in task, "nothing is left to record a failure to record"
        else:
            late = {"ErrorEquals": ["States.Timeout"], "ResultPath": "$.error", "Next": "Answered"}
            failed = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Record"}
            assert task["Catch"] == ([late] if name == "AwaitApproval" else []) + [failed], name


def test_every_task_outlives_lambdas_own_faults(states: States) -> None:
    for name, task in _tasks(states).items():
        (faults,) = [retry for retry in task["Retry"] if set(retry["ErrorEquals"]) == FAULTS]
        assert (faults["IntervalSeconds"], faults["BackoffRate"], faults["MaxAttempts"]) == (2, 2, 6), name
        assert faults["JitterStrategy"] == "FULL"


def test_only_those_who_need_the_endpoint_at_rest_wait_for_it(incident: States, release: States) -> None:
    busy = {"ErrorEquals": ["EndpointBusy"], "IntervalSeconds": 300, "BackoffRate": 1, "MaxAttempts": 72}
    for states, expected in (
        (incident, DEPLOYING),
        (release, {"Release", "Settle"}),
    ):
        assert {name for name, task in _tasks(states).items() if busy in task["Retry"]} == expected
        assert not [
            t for t in _tasks(states).values() for r in t["Retry"] if "States.ALL" in r["ErrorEquals"]
        ]


def test_tasks_call_their_function_and_go_on_with_its_answer(account: Assembly, states: States) -> None:
    for name, task in _tasks(states).items():
        parameters = task["Parameters"]
        function = FUNCTIONS.get(name, name.lower())
        assert parameters["FunctionName"] == f"<{account.function(f'flights-{function}').logical_id}.Arn>", (
            name
        )
        envelope = {"at.$": "$$.State.EnteredTime", "execution.$": "$$.Execution.Id", "input.$": "$"}
        if name == "AwaitApproval":
            assert parameters["Payload"] == {**envelope, "token.$": "$$.Task.Token"}
            assert task["Resource"].endswith(":states:::lambda:invoke.waitForTaskToken")
            assert task["ResultPath"] == "$.answer"
        elif name.startswith("Await"):
            kind = "pipeline" if name in ("AwaitPipeline", "AwaitReplay") else "endpoint"
            assert parameters["Payload"] == {**envelope, "token.$": "$$.Task.Token", "kind": kind}
            assert task["Resource"].endswith(":states:::lambda:invoke.waitForTaskToken")
            assert task["ResultPath"] is None, "what woke it does not replace the incident"
        else:
            assert parameters["Payload"] == envelope
            assert task["Resource"].endswith(":states:::lambda:invoke")
            assert task["OutputPath"] == "$.Payload"


def test_waits_end_after_what_they_wait_for(incident: States, release: States) -> None:
    for wait in (incident["AwaitEndpoint"], incident["AwaitRelease"], release["AwaitEndpoint"]):
        assert wait["TimeoutSeconds"] == 6 * 3600
    for wait in (incident["AwaitPipeline"], incident["AwaitReplay"]):
        assert wait["TimeoutSeconds"] == (40 + 6 * 60) * 60
    assert incident["AwaitApproval"]["TimeoutSeconds"] == 24 * 3600
    assert incident["WaitVerify"]["SecondsPath"] == "$.wait_seconds"


def test_every_state_can_be_reached(states: States, account: Assembly) -> None:
    reached = {"Open", "Admit"} & set(states)
    frontier = set(reached)
    while frontier:
        frontier = {n for name in frontier for n in _successors(states[name])} - reached
        reached |= frontier
    assert reached == set(states)


def test_the_machines_are_traced_and_log_no_data(account: Assembly) -> None:
    ours = [
        m for m in account.of_type("AWS::StepFunctions::StateMachine") if "StateMachineName" in m.properties
    ]
    assert len(ours) == 2
    for machine in ours:
        assert machine.properties["StateMachineType"] == "STANDARD"
        assert machine.properties["TracingConfiguration"] == {"Enabled": True}
        logging = machine.properties["LoggingConfiguration"]
        assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)
        assert "QueryLanguage" not in account.definition(machine) or (
            account.definition(machine)["QueryLanguage"] == "JSONPath"
        )


def _successors(state: dict[str, Any]) -> set[str]:
    rules = [*state.get("Choices", []), *state.get("Catch", [])]
    names = {rule["Next"] for rule in rules} | {state.get("Next"), state.get("Default")}
    return {name for name in names if name}
