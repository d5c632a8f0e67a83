"""Custom resources: the Provider framework's calls, made to handlers that answer from a script."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from twin.interfaces import ACCOUNT_ID, REGION, Invocation, TwinError
from twin.template import Account, Loader, PackagedCode, Stack

FIXTURES = Path(__file__).with_name("fixtures_template")


class Scripted:
    """Functions that answer from a list; an exception in it is a handler that raised."""

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), []

    def invoke(self, name, payload):
        function = name.rsplit(":", 1)[1]
        self.calls.append((function, json.loads(payload)))
        answer = self.answers.pop(0)
        errored = isinstance(answer, Exception)
        if errored:
            answer = {"errorType": type(answer).__name__, "errorMessage": str(answer)}
        return Invocation(
            function=function,
            payload=payload,
            result=json.dumps(answer).encode(),
            errored=errored,
            log="a log",
        )


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield boto3.Session(region_name=REGION)


def custom_resource(session, functions, *, waits=None, **properties):
    """Deploy a custom resource as CDK's Provider framework makes it, with handlers from a script."""
    code, key = PackagedCode(), {"S3Bucket": "assets", "S3Key": "framework.zip"}
    session.client("s3").create_bucket(Bucket="assets")
    session.client("s3").put_object(Bucket="assets", Key="framework.zip", Body=b"")
    code.publish("assets", "framework.zip", FIXTURES)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function"
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 120, "MaxAttempts": 3, "BackoffRate": 1}
    task = {"Type": "Task", "Resource": f"{arn}:wait", "End": True, "Retry": [retry]}
    definition = {"StartAt": "framework-isComplete-task", "States": {"framework-isComplete-task": task}}
    variables = {"USER_ON_EVENT_FUNCTION_ARN": f"{arn}:start"}
    if waits is not None:
        variables["USER_IS_COMPLETE_FUNCTION_ARN"] = f"{arn}:done"
        variables["WAITER_STATE_MACHINE_ARN"] = {"Ref": "Waiter"}
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}},
        "Waiter": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "DefinitionString": json.dumps(definition),
            },
        },
        "Framework": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": key,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Handler": "framework.onEvent",
                "Runtime": "nodejs24.x",
                "Environment": {"Variables": variables},
            },
        },
        "First": {
            "Type": "Custom::First",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Framework", "Arn"]}, **properties},
        },
    }
    outputs = {"Id": {"Value": {"Ref": "First"}}, "Model": {"Value": {"Fn::GetAtt": ["First", "Model"]}}}
    waits = [] if waits is None else waits
    account = Account(session=session, functions=functions, code=code, wait=waits.append)
    template = {"Resources": resources, "Outputs": outputs}
    return Loader(account).deploy(Stack(name="flights", template=template, parameters={}, assets=())).outputs


def test_a_custom_resource_without_is_complete_is_done_at_once(session):
    functions = Scripted({"Data": {"Model": "m-1"}})
    outputs = custom_resource(session, functions, Rows=3, On=True, List=[{"A": 1.5}])
    ((name, request),) = functions.calls
    assert name == "start"
    assert request["RequestType"] == "Create"
    # Without an id from the handler, the framework takes the request's.
    assert outputs == {"Id": request["RequestId"], "Model": "m-1"}
    properties = request["ResourceProperties"]
    assert ":function:flights-Framework-" in properties.pop("ServiceToken")
    assert properties == {"Rows": "3", "On": "true", "List": [{"A": "1.5"}]}


def test_is_complete_gets_what_on_event_returned_and_adds_to_it(session):
    waits = []
    started = {"PhysicalResourceId": "p", "Data": {"Execution": "e"}, "Extra": "x"}
    functions = Scripted(
        started, {"IsComplete": False}, {"IsComplete": False}, {"IsComplete": True, "Data": {"Model": "m"}}
    )
    assert custom_resource(session, functions, waits=waits) == {"Id": "p", "Model": "m"}
    assert [name for name, _ in functions.calls] == ["start", "done", "done", "done"]
    first, *asked = [request for _, request in functions.calls]
    assert all(request == {**first, **started} for request in asked)
    assert waits == [timedelta(minutes=2)] * 2


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([ValueError("no seed data")], r"flights\.First .*start: ValueError: no seed data"),
        ([{}, KeyError("execution")], r"flights\.First .*done: KeyError: 'execution'"),
        ([{}] + [{"IsComplete": False}] * 9, "not complete after 0:06:00"),
        ([{}, {"IsComplete": False, "Data": {"A": 1}}], '"Data" is not allowed'),
        (["text"], "answered 'text', and no object"),
        ([{}, {"IsComplete": True}], r"Outputs\.Model: First has no attribute Model"),
    ],
)
def test_a_custom_resource_that_fails_fails_the_stack(session, answers, message):
    with pytest.raises(TwinError, match=message):
        custom_resource(session, Scripted(*answers), waits=[])


def test_a_service_timeout_of_the_resource_wins(session):
    answers = [{}] + [{"IsComplete": False}] * 9
    with pytest.raises(TwinError, match="not complete after 0:02:00"):
        custom_resource(session, Scripted(*answers), waits=[], ServiceTimeout=60)
