"""Step Functions on virtual time, and the whole chain from a metric to a finished workflow."""

import inspect
import io
import json
import threading
import time
import zipfile
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from moto import mock_aws
from moto.awslambda.models import LambdaFunction
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.program import program as program_module
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state import state as state_module
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
    inline_iteration_component as map_module,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import (
    IterationWorker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobPool
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branch_worker import BranchWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branches_decl import BranchWorkerPool
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback as callback_module,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackEndpoint, CallbackPoolManager
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from twin.alarms import Alarms
from twin.asynchronous import AsyncInvocations
from twin.clock import VirtualClock
from twin.events import ONCE, TWICE, EventBus
from twin.interfaces import Invocation, TwinError
from twin.metrics import MetricStore
from twin.patching import Patches
from twin.workflows import Workflows

START = datetime(2013, 1, 1, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
ROLE = "arn:aws:iam::123456789012:role/engine"


class FakeFunctions:
    """Functions by name: Python callables from an event to a result; an exception is a function error."""

    def __init__(self):
        self.handlers = {}
        self.calls = []

    def invoke(self, name, payload):
        event = json.loads(payload)
        self.calls.append((name, event, datetime.now(timezone.utc)))
        try:
            result, errored = self.handlers[name](event), False
        except RuntimeError as error:
            result, errored = {"errorType": "RuntimeError", "errorMessage": str(error)}, True
        return Invocation(
            function=name, payload=payload, result=json.dumps(result).encode(), errored=errored, log=""
        )


class World:
    def __init__(self, clock, patches):
        self.clock = clock
        self.functions = FakeFunctions()
        self.invocations = AsyncInvocations(clock, self.functions)
        self.bus = EventBus(clock, self.invocations)
        self.workflows = Workflows(clock, self.bus)
        self.metrics = MetricStore()
        self.alarms = Alarms(self.metrics, self.bus, self.invocations.invoke)
        for part in (self.invocations, self.bus, self.workflows, self.metrics, self.alarms):
            part.attach(patches)
        functions = self.functions

        def invoke(function, event=None):
            done = functions.invoke(function.function_name, json.dumps(event).encode())
            return done.result.decode(), done.errored, done.log

        patches.replace(LambdaFunction, "_invoke_lambda", invoke)
        self.sfn = boto3.client("stepfunctions", region_name="us-east-1")
        self.entered = []
        self.workflows.listen(lambda *args: self.entered.append(args))

    def function(self, name, handler):
        self.functions.handlers[name] = handler
        iam = boto3.client("iam", region_name="us-east-1")
        if not any(role["RoleName"] == "engine" for role in iam.list_roles()["Roles"]):
            iam.create_role(RoleName="engine", AssumeRolePolicyDocument="{}")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("handler.py", "")
        boto3.client("lambda", region_name="us-east-1").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=ROLE,
            Handler="handler.handler",
            Code={"ZipFile": archive.getvalue()},
        )

    def machine(self, states, name="machine", **top):
        definition = {"StartAt": next(iter(states)), "States": states, **top}
        return self.sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)[
            "stateMachineArn"
        ]

    def start(self, machine, name="run", **event):
        return self.sfn.start_execution(stateMachineArn=machine, name=name, input=json.dumps(event))[
            "executionArn"
        ]

    def run(self, states, until=timedelta(days=1), **event):
        """Start the states and let `until` of virtual time pass; what became of the execution."""
        execution = self.start(self.machine(states), **event)
        self.workflows.settle(10)
        self.until(START + until)
        return self.described(execution)

    def until(self, when):
        """Move from appointment to appointment, settling in between, as the account does."""
        while (due := self.clock.next_due()) is not None and due <= when:
            self.clock.advance_to(max(due, self.clock.now))
            self.settle()
        self.clock.advance_to(when)
        self.settle()

    def settle(self):
        self.workflows.settle(10)
        while self.bus.pending:
            self.bus.deliver()
            self.workflows.settle(10)

    def described(self, execution):
        return self.sfn.describe_execution(executionArn=execution)

    def output(self, states, **event):
        described = self.run(states, **event)
        assert described["status"] == "SUCCEEDED", described
        return json.loads(described["output"])

    def times(self):
        return [(state, (at - START).total_seconds()) for _, _, state, at in self.entered]


@pytest.fixture
def world():
    patches = Patches()
    with (
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}}),
        VirtualClock(START) as clock,
    ):
        yield World(clock, patches)
        patches.undo()


def invoke(name, **more):
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": name, "Payload.$": "$"},
        **more,
    }


def ask(name, **more):
    parameters = {"FunctionName": name, "Payload": {"token.$": "$$.Task.Token"}}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": parameters,
        **more,
    }


def test_waits_take_virtual_time_and_no_real_time(world):
    begin = time.perf_counter()
    described = world.run(
        {
            "A": {"Type": "Wait", "Seconds": 3600, "Next": "B"},
            "B": {"Type": "Wait", "SecondsPath": "$.more", "Next": "C"},
            "C": {"Type": "Wait", "Timestamp": "2013-01-01T03:00:00Z", "Next": "D"},
            "D": {"Type": "Pass", "End": True},
        },
        more=1800,
    )
    assert time.perf_counter() - begin < 2
    assert described["status"] == "SUCCEEDED"
    assert described["startDate"] == START
    assert described["stopDate"] == START + timedelta(hours=3)
    assert world.times() == [("A", 0), ("B", 3600), ("C", 5400), ("D", 10800)]


def test_a_coarse_tick_keeps_the_times_of_the_states_within_it(world):
    world.function("slow", lambda event: time.sleep(0.02))
    waits = {f"W{n}": {"Type": "Wait", "Seconds": 10, "Next": f"T{n}"} for n in range(3)}
    tasks = {f"T{n}": invoke("slow", Next=f"W{n + 1}") for n in range(3)}
    world.start(world.machine({**waits, **tasks, "W3": {"Type": "Pass", "End": True}}))
    world.workflows.settle(10)
    world.clock.advance_to(START + timedelta(hours=1))
    assert world.times()[-1] == ("W3", 30)


def test_the_context_shows_virtual_time_as_iso_z(world):
    output = world.output(
        {
            "A": {"Type": "Wait", "Seconds": 60, "Next": "B"},
            "B": {
                "Type": "Pass",
                "Parameters": {"entered.$": "$$.State.EnteredTime", "started.$": "$$.Execution.StartTime"},
                "End": True,
            },
        }
    )
    assert output == {"entered": "2013-01-01T00:01:00.000Z", "started": "2013-01-01T00:00:00.000Z"}


def test_lambda_results_and_choices(world):
    world.function("add", lambda event: {"sum": event["a"] + event["b"]})
    output = world.output(
        {
            "Add": invoke("add", ResultSelector={"sum.$": "$.Payload.sum"}, ResultPath="$.out", Next="Big"),
            "Big": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.out.sum", "NumericGreaterThan": 2, "Next": "Yes"}],
                "Default": "No",
            },
            "Yes": {"Type": "Pass", "Result": "yes", "End": True},
            "No": {"Type": "Pass", "Result": "no", "End": True},
        },
        a=1,
        b=2,
    )
    assert output == "yes"


def test_retries_wait_virtually_with_backoff_up_to_the_limit(world):
    def fail(event):
        raise RuntimeError("no")

    world.function("fail", fail)
    retry = {
        "ErrorEquals": ["RuntimeError"],
        "IntervalSeconds": 10,
        "BackoffRate": 3,
        "MaxDelaySeconds": 60,
        "MaxAttempts": 3,
    }
    catch = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}
    output = world.output(
        {
            "Try": invoke("fail", Retry=[retry], Catch=[catch], End=True),
            "Caught": {"Type": "Pass", "End": True},
        }
    )
    assert [(at - START).total_seconds() for _, _, at in world.functions.calls] == [0, 10, 40, 100]
    assert output["error"]["Error"] == "RuntimeError"


def test_a_task_token_resumes_with_its_answer(world):
    tokens = []
    world.function("ask", lambda event: tokens.append(event["token"]))
    execution = world.start(world.machine({"Ask": ask("ask", End=True)}))
    world.workflows.settle(10)
    (waiting,) = world.workflows.waiting()
    assert (waiting.state, waiting.what, waiting.until) == ("Ask", "a task token", None)
    world.until(START + timedelta(days=3))
    world.sfn.send_task_success(taskToken=tokens[0], output='{"answer": 42}')
    world.settle()
    described = world.described(execution)
    assert json.loads(described["output"]) == {"answer": 42}
    assert described["stopDate"] == START + timedelta(days=3)


def test_a_token_may_be_answered_before_its_function_returns(world):
    world.function(
        "ask", lambda event: world.sfn.send_task_success(taskToken=event["token"], output="1") and None
    )
    assert world.output({"Ask": ask("ask", End=True)}) == 1


def test_a_failure_brings_its_error_and_cause(world):
    tokens = []
    world.function("ask", lambda event: tokens.append(event["token"]))
    catch = {"ErrorEquals": ["Refused"], "Next": "Caught"}
    execution = world.start(
        world.machine({"Ask": ask("ask", Catch=[catch], End=True), "Caught": {"Type": "Pass", "End": True}})
    )
    world.settle()
    world.sfn.send_task_failure(taskToken=tokens[0], error="Refused", cause="by hand")
    world.settle()
    assert json.loads(world.described(execution)["output"]) == {"Error": "Refused", "Cause": "by hand"}


def test_a_retried_task_has_a_new_token(world):
    tokens = []
    world.function("ask", lambda event: tokens.append(event["token"]))
    retry = {"ErrorEquals": ["Again"], "IntervalSeconds": 60}
    execution = world.start(world.machine({"Ask": ask("ask", Retry=[retry], End=True)}))
    world.settle()
    world.sfn.send_task_failure(taskToken=tokens[0], error="Again")
    world.settle()
    world.until(START + MINUTE)
    assert len(set(tokens)) == 2
    world.sfn.send_task_success(taskToken=tokens[1], output='["second"]')
    world.settle()
    assert json.loads(world.described(execution)["output"]) == ["second"]


def test_late_and_invented_tokens_are_refused(world):
    tokens = []
    world.function("ask", lambda event: tokens.append(event["token"]))
    world.start(world.machine({"Ask": ask("ask", End=True)}))
    world.settle()
    world.sfn.send_task_success(taskToken=tokens[0], output="1")
    for send in (
        lambda: world.sfn.send_task_success(taskToken=tokens[0], output="2"),
        lambda: world.sfn.send_task_failure(taskToken=tokens[0], error="x"),
        lambda: world.sfn.send_task_heartbeat(taskToken=tokens[0]),
    ):
        with pytest.raises(world.sfn.exceptions.TaskTimedOut):
            send()
    with pytest.raises(world.sfn.exceptions.InvalidToken):
        world.sfn.send_task_success(taskToken="made-up", output="1")
    with pytest.raises(world.sfn.exceptions.InvalidOutput):
        world.sfn.send_task_success(taskToken=tokens[0], output="no json")
    world.settle()


def test_a_task_times_out_in_virtual_time_and_its_token_with_it(world):
    tokens = []
    world.function("ask", lambda event: tokens.append(event["token"]))
    catch = {"ErrorEquals": ["States.Timeout"], "Next": "Late"}
    described = world.run(
        {
            "Ask": ask("ask", TimeoutSeconds=900, Catch=[catch], End=True),
            "Late": {"Type": "Pass", "Result": ["late"], "End": True},
        }
    )
    assert json.loads(described["output"]) == ["late"]
    assert described["stopDate"] == START + 15 * MINUTE
    with pytest.raises(world.sfn.exceptions.TaskTimedOut):
        world.sfn.send_task_success(taskToken=tokens[0], output="1")


def test_heartbeats_keep_a_task_alive_beyond_a_minute(world):
    tokens = []
    world.function("ask", lambda event: tokens.append(event["token"]))
    execution = world.start(world.machine({"Ask": ask("ask", HeartbeatSeconds=300, End=True)}))
    world.settle()
    for minutes in (4, 8, 12):
        world.until(START + minutes * MINUTE)
        world.sfn.send_task_heartbeat(taskToken=tokens[0])
        world.settle()
    assert world.described(execution)["status"] == "RUNNING"
    world.until(START + 30 * MINUTE)
    described = world.described(execution)
    assert described["status"] == "FAILED"
    assert described["stopDate"] == START + 17 * MINUTE


def test_parallel_branches_wait_side_by_side(world):
    def branch(seconds):
        return {
            "StartAt": f"W{seconds}",
            "States": {f"W{seconds}": {"Type": "Wait", "Seconds": seconds, "End": True}},
        }

    described = world.run({"Both": {"Type": "Parallel", "Branches": [branch(60), branch(90)], "End": True}})
    assert described["status"] == "SUCCEEDED"
    assert described["stopDate"] == START + timedelta(seconds=90)


def test_a_failing_branch_ends_its_waiting_sibling(world):
    fails = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Broken", "Cause": "it is"}}}
    waits = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9999, "End": True}}}
    catch = {"ErrorEquals": ["States.ALL"], "Next": "Caught"}
    described = world.run(
        {
            "Both": {"Type": "Parallel", "Branches": [waits, fails], "Catch": [catch], "End": True},
            "Caught": {"Type": "Pass", "End": True},
        }
    )
    assert described["stopDate"] == START
    assert json.loads(described["output"])["Error"] == "Broken"
    assert world.workflows.waiting() == []


def test_map_iterates_inline(world):
    world.function("double", lambda event: event["n"] * 2)
    states = {
        "Wait": {"Type": "Wait", "SecondsPath": "$.n", "Next": "Double"},
        "Double": invoke("double", OutputPath="$.Payload", End=True),
    }
    each = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemProcessor": {"StartAt": "Wait", "States": states},
        "End": True,
    }
    assert world.output({"Each": each}, items=[{"n": 3}, {"n": 1}]) == [6, 2]
    assert sorted((at - START).total_seconds() for _, _, at in world.functions.calls) == [1, 3]


def test_sdk_integrations_and_dynamodb(world):
    boto3.client("dynamodb", region_name="us-east-1").create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    boto3.client("ssm", region_name="us-east-1").put_parameter(Name="/mode", Value="act", Type="String")
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "Parameters": {"TableName": "ledger", "Item": {"id": {"S.$": "$.id"}}},
        "ResultPath": None,
        "Next": "Mode",
    }
    read = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter",
        "Parameters": {"Name": "/mode"},
        "OutputPath": "$.Parameter",
        "End": True,
    }
    assert world.output({"Put": put, "Mode": read}, id="i-1")["Value"] == "act"
    items = boto3.client("dynamodb", region_name="us-east-1").scan(TableName="ledger")["Items"]
    assert items == [{"id": {"S": "i-1"}}]


def test_an_execution_times_out_in_virtual_time(world):
    machine = world.machine({"W": {"Type": "Wait", "Seconds": 9999, "End": True}}, TimeoutSeconds=600)
    execution = world.start(machine)
    world.settle()
    world.until(START + timedelta(hours=1))
    described = world.described(execution)
    assert described["status"] == "TIMED_OUT"
    assert described["stopDate"] == START + 10 * MINUTE
    history = world.sfn.get_execution_history(executionArn=execution)["events"]
    assert history[-1]["type"] == "ExecutionTimedOut"


def test_a_stopped_execution_ends_at_once(world):
    execution = world.start(world.machine({"W": {"Type": "Wait", "Seconds": 9999, "End": True}}))
    world.settle()
    world.sfn.stop_execution(executionArn=execution)
    world.settle()
    assert world.described(execution)["status"] == "ABORTED"
    assert world.workflows.waiting() == []


def test_start_execution_is_idempotent_by_name_and_input_while_it_runs(world):
    machine = world.machine({"W": {"Type": "Wait", "Seconds": 60, "End": True}})
    assert world.start(machine, a=1) == world.start(machine, a=1)
    world.settle()
    assert len(world.entered) == 1
    with pytest.raises(world.sfn.exceptions.ExecutionAlreadyExists):
        world.start(machine, a=2)
    world.until(START + MINUTE)
    with pytest.raises(world.sfn.exceptions.ExecutionAlreadyExists):
        world.start(machine, a=1)


def test_status_changes_are_events(world):
    events = []
    world.bus.listen(events.append)
    execution = world.start(
        world.machine(
            {"W": {"Type": "Wait", "Seconds": 60, "Next": "F"}, "F": {"Type": "Fail", "Error": "No"}}
        )
    )
    world.until(START + MINUTE)
    assert [(event["detail"]["status"], event["time"]) for event in events] == [
        ("RUNNING", "2013-01-01T00:00:00Z"),
        ("FAILED", "2013-01-01T00:01:00Z"),
    ]
    last = events[-1]
    assert (last["source"], last["detail-type"]) == ("aws.states", "Step Functions Execution Status Change")
    assert last["resources"] == [execution]
    assert (last["detail"]["error"], last["detail"]["stopDate"]) == ("No", 1356998460000)


def test_each_arrival_of_an_event_starts_an_execution_named_after_it(world):
    machine = world.machine({"P": {"Type": "Pass", "OutputPath": "$.n", "End": True}})
    events = boto3.client("events", region_name="us-east-1")
    events.put_rule(Name="rule", EventPattern='{"source": ["test"]}')
    events.put_targets(Rule="rule", Targets=[{"Id": "t", "Arn": machine, "InputPath": "$.detail"}])
    world.bus.faults = lambda event: TWICE if event["source"] == "test" else ONCE
    sent = []
    world.bus.listen(sent.append)
    world.bus.emit("test", "Thing", {"n": 7})
    world.settle()
    found = world.sfn.list_executions(stateMachineArn=machine)["executions"]
    assert {each["name"].split("_")[0] for each in found} == {sent[0]["id"]}
    assert [world.described(each["executionArn"])["output"] for each in found] == ["7", "7"]


def test_settle_names_what_still_works(world):
    release = threading.Event()
    world.function("slow", lambda event: release.wait(10) and None)
    world.start(world.machine({"Slow": invoke("slow", End=True)}))
    with pytest.raises(TwinError, match=r"machine:run in Slow"):
        world.workflows.settle(0.2)
    release.set()
    world.settle()


def test_errors_of_the_twin_come_out_of_settle(world):
    def broken(event):
        raise TwinError("no such thing")

    world.function("broken", broken)
    catch = {"ErrorEquals": ["States.ALL"], "Next": "Caught"}
    world.start(
        world.machine(
            {"B": invoke("broken", Catch=[catch], End=True), "Caught": {"Type": "Pass", "End": True}}
        )
    )
    with pytest.raises(TwinError, match="no such thing"):
        world.workflows.settle(10)


@pytest.mark.parametrize(
    ("state", "named"),
    [
        (
            {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "Parameters": {}},
            "sync",
        ),
        ({"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a"}, "activity"),
        (
            {
                "Type": "Map",
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "P",
                    "States": {"P": {"Type": "Pass", "End": True}},
                },
            },
            "distributed",
        ),
    ],
)
def test_what_the_engine_cannot_do_is_refused_at_creation(world, state, named):
    with pytest.raises(TwinError, match=named):
        world.machine({"S": {**state, "End": True}})


def test_jsonata_is_refused(world):
    with pytest.raises(TwinError, match="JSONata"):
        world.machine({"S": {"Type": "Pass", "End": True}}, QueryLanguage="JSONata")


def test_many_executions_side_by_side_leave_no_thread(world):
    before = threading.active_count()
    machine = world.machine(
        {"W": {"Type": "Wait", "SecondsPath": "$.n", "Next": "P"}, "P": {"Type": "Pass", "End": True}}
    )
    executions = [world.start(machine, name=f"run-{n}", n=n) for n in range(1, 31)]
    world.settle()
    world.until(START + MINUTE)
    assert {world.described(each)["status"] for each in executions} == {"SUCCEEDED"}
    assert [at for _, _, state, at in world.entered if state == "P"] == [
        START + timedelta(seconds=n) for n in range(1, 31)
    ]
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(1)
    assert threading.active_count() <= before


def healing(world):
    """Wait → diagnose → ask for approval by token → done, started by the alarm's event."""
    tokens = []
    world.function("diagnose", lambda event: {"cause": "errors of " + event["detail"]["alarmName"]})
    world.function("approve", lambda event: tokens.append(event["token"]))
    states = {
        "Confirm": {"Type": "Wait", "Seconds": 1800, "Next": "Diagnose"},
        "Diagnose": invoke(
            "diagnose", ResultSelector={"cause.$": "$.Payload.cause"}, ResultPath="$.found", Next="Approve"
        ),
        "Approve": ask("approve", TimeoutSeconds=86400, ResultPath="$.approval", Next="Done"),
        "Done": {
            "Type": "Pass",
            "Parameters": {"cause.$": "$.found.cause", "by.$": "$.approval.by"},
            "End": True,
        },
    }
    machine = world.machine(states, name="healing")
    events = boto3.client("events", region_name="us-east-1")
    events.put_rule(
        Name="on-alarm",
        EventPattern=json.dumps(
            {
                "source": ["aws.cloudwatch"],
                "detail-type": ["CloudWatch Alarm State Change"],
                "detail": {"alarmName": [{"prefix": "flights-"}], "state": {"value": ["ALARM"]}},
            }
        ),
    )
    events.put_targets(Rule="on-alarm", Targets=[{"Id": "sfn", "Arn": machine, "RoleArn": ROLE}])
    boto3.client("cloudwatch", region_name="us-east-1").put_metric_alarm(
        AlarmName="flights-errors",
        Namespace="AWS/SageMaker",
        MetricName="Errors",
        Period=60,
        Statistic="Sum",
        EvaluationPeriods=5,
        DatapointsToAlarm=5,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    return machine, tokens


def test_from_a_metric_to_a_healed_incident_in_a_virtual_day(world):
    begin = time.perf_counter()
    machine, tokens = healing(world)
    breach = START + timedelta(hours=6)
    for minute in range(24 * 60):
        now = START + minute * MINUTE
        world.metrics.put(
            "AWS/SageMaker", "Errors", {}, 9.0 if breach <= now < breach + 7 * MINUTE else 0.0, now
        )
        world.clock.advance_to(now + MINUTE)
        world.alarms.evaluate(world.clock.now)
        world.settle()
        if now == START + timedelta(hours=9):
            world.sfn.send_task_success(taskToken=tokens[0], output='{"by": "a person"}')
            world.settle()
    assert [(state, at) for _, _, state, at in world.entered] == [
        ("Confirm", breach + 5 * MINUTE),
        ("Diagnose", breach + 35 * MINUTE),
        ("Approve", breach + 35 * MINUTE),
        ("Done", START + timedelta(hours=9, minutes=1)),
    ]
    (execution,) = world.sfn.list_executions(stateMachineArn=machine)["executions"]
    described = world.described(execution["executionArn"])
    assert json.loads(described["output"]) == {"cause": "errors of flights-errors", "by": "a person"}
    assert json.loads(described["input"])["id"] == described["name"].split("_")[0]
    assert time.perf_counter() - begin < 10


SIGNATURES = [
    (ExecutionState, "_evaluate_with_timeout", ["self", "env"]),
    (Program, "eval", ["self", "env"]),
    (Program, "_eval_body", ["self", "env"]),
    (CommonStateField, "_eval_body", ["self", "env"]),
    (WaitFunction, "_wait_interval", ["self", "env", "wait_seconds"]),
    (
        callback_module.StateTaskServiceCallback,
        "_eval_wait_for_task_token",
        ["self", "env", "timeout_seconds", "callback_endpoint", "heartbeat_endpoint"],
    ),
    (CallbackPoolManager, "add", ["self", "callback_id"]),
    (CallbackEndpoint, "notify", ["self", "outcome"]),
    (CallbackEndpoint, "notify_heartbeat", ["self"]),
    (CallbackEndpoint, "get_outcome", ["self"]),
    (Environment, "set_ended", ["self"]),
    (Environment, "set_error", ["self", "error"]),
    (Environment, "set_stop", ["self", "stop_date", "cause", "error"]),
    (Environment, "set_timed_out", ["self"]),
    (BranchWorker, "start", ["self"]),
    (BranchWorker, "_thread_routine", ["self"]),
    (BranchWorkerPool, "wait", ["self"]),
    (BranchWorkerPool, "on_terminated", ["self", "env"]),
    (map_module.InlineIterationComponent, "_launch_worker", ["self", "env", "eval_input", "job_pool"]),
    (IterationWorker, "eval", ["self"]),
    (JobPool, "await_jobs", ["self"]),
    (JobPool, "close_job", ["self", "job"]),
    (JobPool, "_is_terminated", ["self"]),
    (Execution, "start", ["self"]),
    (Execution, "get_start_execution_details", ["self"]),
    (ExecutionWorker, "_execution_logic", ["self"]),
    (BaseExecutionWorkerCommunication, "terminated", ["self"]),
    (StepFunctionsParserBackend, "_validate_definition", ["definition"]),
    (StepFunctionsParserBackend, "send_task_success", ["self", "task_token", "outcome"]),
    (StepFunctionsParserBackend, "send_task_failure", ["self", "task_token", "error", "cause"]),
    (StepFunctionsParserBackend, "send_task_heartbeat", ["self", "task_token"]),
    (StepFunctionResponse, "send_task_failure", ["self"]),
    (StepFunctionResponse, "describe_execution", ["self"]),
    (Execution, "to_describe_output", ["self"]),
    (LambdaFunction, "__init__", ["self", "account_id", "spec", "region", "version"]),
]


@pytest.mark.parametrize(("owner", "name", "parameters"), SIGNATURES)
def test_moto_still_has_what_is_replaced(owner, name, parameters):
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_moto_still_uses_the_names_that_are_replaced_in_its_modules():
    assert "Thread(target=" in inspect.getsource(execute_state.ExecutionState._evaluate_with_timeout)
    assert "threading.Thread(target=" in inspect.getsource(program_module.Program.eval)
    assert "time.sleep(interval_seconds)" in inspect.getsource(retrier_decl.RetrierDecl._eval_body)
    assert "StateData(" in inspect.getsource(state_module.CommonStateField._eval_body)
