"""Lambda functions: the packaged code runs, in Lambda's terms, whoever invokes it."""

from __future__ import annotations

import inspect
import json
import os
import socket
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import count

import boto3
import pytest
import time_machine
from moto import mock_aws
from moto.awslambda.models import LambdaBackend, LambdaFunction

from twin.api import ApiServer
from twin.asynchronous import AsyncInvocations
from twin.function_metrics import points
from twin.function_zygote import FreshProcesses, Zygote, process_source
from twin.functions import Functions
from twin.interfaces import REGION, TwinError
from twin.patching import Patches

START = datetime(2013, 2, 12, 6, 30, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/observe"

HANDLER = """
import datetime, json, logging, os, random, signal, stat, sys, time
import selfheal_marker
CALLS = 0

def handle(event, context):
    global CALLS
    CALLS += 1
    return globals()[event["do"]](event, context)

def where(event, context):
    import selfheal_marker
    try:
        import selfheal
        found = selfheal.__file__
    except ImportError:
        found = None
    return {"module": __file__, "marker": selfheal_marker.__file__, "repository": found, "path0": sys.path[0]}

def environment(event, context): return dict(os.environ)
def when(event, context): return datetime.datetime.now(datetime.timezone.utc).isoformat()
def calls(event, context): return [CALLS, os.getpid()]
def fail(event, context): raise KeyError("no baseline")
def unserializable(event, context): return {1, 2}
def leave(event, context): os._exit(3)
def crash(event, context): os.kill(os.getpid(), signal.SIGKILL)
def sleep(event, context): time.sleep(event["seconds"])
def echo(event, context): return event

def mark(event, context):
    import boto3
    boto3.MARK, os.environ["MARK"], sys.path[1:1] = 1, "1", ["/mark"]

def marks(event, context):
    import boto3
    return [hasattr(boto3, "MARK"), "MARK" in os.environ, "/mark" in sys.path, CALLS]

def chance(event, context): return random.random()

def agent(event, context):
    from aws_lambda_powertools.shared.user_agent import EXEC_ENV
    return EXEC_ENV

def descriptors(event, context):
    found = {}
    for number in range(256):
        try:
            found[number] = stat.S_IFMT(os.fstat(number).st_mode)
        except OSError:
            pass
    kinds = {stat.S_IFCHR: "device", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
    return [kinds.get(mode, mode) for mode in found.values()]

def about(event, context):
    return {name: getattr(context, name) for name in (
        "function_name", "function_version", "aws_request_id", "memory_limit_in_mb", "invoked_function_arn",
        "log_group_name", "log_stream_name")} | {"remaining": context.get_remaining_time_in_millis()}

def talk(event, context):
    print("one")
    print("two", file=sys.stderr)
    os.write(1, b"three\\n")
    logging.getLogger().setLevel(logging.INFO)
    logging.info("four")
    print("x" * 200_000)

def emit(event, context):
    print(json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "Selfheal",
        "Dimensions": [["Endpoint"], ["Endpoint", "Feature"]], "Metrics": [{"Name": "Drift"}]}]},
        "Endpoint": "flights", "Feature": "distance", "Drift": [0.25, 0.5]}))

def again(event, context):
    import boto3
    function = boto3.client("lambda")
    answer = function.invoke(FunctionName=context.function_name, InvocationType="Event", Payload=b'{"do": "echo"}')
    return answer["StatusCode"]

def put(event, context):
    import boto3
    boto3.client("s3").put_object(Bucket="flights", Key="from-function", Body=b"hello")
    return boto3.client("sts").get_caller_identity()["Arn"]
"""


LAMBDAS_OWN = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_INITIALIZATION_TYPE"),
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
    *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_TASK_ROOT", "_HANDLER"),
    *("LANG", "TZ", "PATH", "HOME", "TMPDIR"),
}


class StillClock:
    """A clock that stands where it is put; appointments wait for `run`."""

    def __init__(self):
        self.now = START
        self.agenda = []

    def at(self, when, action, label):
        self.agenda.append((when, action))

    def run(self, until):
        while due := sorted((a for a in self.agenda if a[0] <= until), key=lambda a: a[0]):
            self.agenda.remove(due[0])
            self.now = max(self.now, due[0][0])
            due[0][1]()
        self.now = until


class Recorded:
    def __init__(self):
        self.values = []

    def put(self, namespace, name, dimensions, value, at):
        self.values.append((namespace, name, dict(dimensions), value, at))


class Account:
    """What the tests see of the account: its functions, and ways to make and call them."""

    def __init__(self, session, functions, clock, metrics, code, patches):
        self.session, self.functions, self.clock = session, functions, clock
        self.metrics, self.code, self.patches = metrics, code, patches
        self.client = session.client("lambda")
        self._numbers = count()

    def create(self, handler="handler.handle", **settings):
        name = f"function-{next(self._numbers)}"
        arguments = {"Runtime": "python3.13", "Role": ROLE, "Timeout": 30, "Code": {"ZipFile": b"PK"}}
        self.client.create_function(FunctionName=name, Handler=handler, **arguments | settings)
        return name

    def call(self, name, do, **event):
        invocation = self.functions.invoke(name, json.dumps({"do": do, **event}).encode())
        return json.loads(invocation.result)


# What a fork must not change; where a fork cannot be, there is one way only.
SOURCES = [Zygote, FreshProcesses] if sys.platform == "linux" else [FreshProcesses]


@pytest.fixture(scope="module", params=SOURCES)
def account(tmp_path_factory, request):
    code = tmp_path_factory.mktemp("asset")
    (code / "handler.py").write_text(HANDLER)
    (code / "selfheal_marker.py").write_text("")
    (code / "broken.py").write_text("import a_package_that_nobody_ships\n")
    (code / "wrong.py").write_text("def handle(:\n")
    running = {"stepfunctions": {"execute_state_machine": True}}
    with pytest.MonkeyPatch.context() as patch, mock_aws(config=running):
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setattr("twin.functions.process_source", request.param)
        session = boto3.Session(region_name=REGION)
        session.client("iam").create_role(RoleName="observe", AssumeRolePolicyDocument="{}")
        session.client("s3").create_bucket(Bucket="flights")
        clock, metrics, patches = StillClock(), Recorded(), Patches()
        with (
            time_machine.travel(START, tick=False),
            ApiServer(session) as api,
            Functions(
                api_url=api.url,
                clock=clock,
                metrics=metrics,
                state=tmp_path_factory.mktemp("state"),
                code_for=lambda name: code,
                credentials=api.credentials_for,
            ) as functions,
        ):
            asynchronous = AsyncInvocations(clock, functions)
            asynchronous.attach(patches)
            functions.install(patches, asynchronous.invoke)
            yield Account(session, functions, clock, metrics, code, patches)
            patches.undo()


@pytest.fixture(scope="module")
def function(account):
    return account.create(Environment={"Variables": {"LEDGER_TABLE": "ledger"}}, MemorySize=512)


def test_the_code_of_the_asset_runs_and_not_the_repository(account, function):
    found = account.call(function, "where")
    assert found["module"] == str(account.code / "handler.py")
    assert found["marker"] == str(account.code / "selfheal_marker.py")
    assert found["path0"] == str(account.code)
    assert found["repository"] is None, "the repository's own selfheal was importable"
    assert not list(account.code.rglob("__pycache__"))


def test_the_environment_is_lambdas_and_nothing_is_inherited(account, function, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "of-the-developer")
    environment = account.call(function, "environment")
    assert environment["LEDGER_TABLE"] == "ledger"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == function
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert environment["AWS_REGION"] == REGION
    assert environment["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert environment["_HANDLER"] == "handler.handle"
    # An interpreter that starts on a machine without the locale of LANG sets LC_CTYPE for itself.
    assert set(environment) - {"LC_CTYPE"} == LAMBDAS_OWN | {"LEDGER_TABLE"}
    assert environment["HOME"] != os.environ.get("HOME")


def test_the_function_acts_on_the_account_as_its_role(account, function):
    arn = account.call(function, "put")
    assert arn == "arn:aws:sts::123456789012:assumed-role/observe/observe"
    assert (
        account.session.client("s3").get_object(Bucket="flights", Key="from-function")["Body"].read()
        == b"hello"
    )


def test_the_function_lives_on_virtual_time(account, function):
    assert account.call(function, "when") == "2013-02-12T06:30:00+00:00"
    account.clock.now = START + timedelta(days=30)
    try:
        assert account.call(function, "when") == "2013-03-14T06:30:00+00:00"
    finally:
        account.clock.now = START


def test_the_context_is_lambdas(account, function):
    about = account.call(function, "about")
    assert about["function_name"] == function
    assert about["function_version"] == "$LATEST"
    assert about["memory_limit_in_mb"] == "512"
    assert about["invoked_function_arn"].endswith(f":function:{function}")
    assert about["log_group_name"] == f"/aws/lambda/{function}"
    assert 25_000 < about["remaining"] <= 30_000
    assert about["aws_request_id"] != account.call(function, "about")["aws_request_id"]


def test_the_process_stays_warm_until_its_configuration_changes(account):
    name = account.create()
    calls, pid = account.call(name, "calls")
    assert account.call(name, "calls") == [calls + 1, pid]
    account.client.update_function_configuration(FunctionName=name, Environment={"Variables": {"A": "1"}})
    assert account.call(name, "environment")["A"] == "1"
    calls, other = account.call(name, "calls")
    assert (calls, other != pid) == (2, True)


def test_the_environment_that_was_used_but_once_ends_and_comes_back(account, monkeypatch):
    monkeypatch.setattr("twin.functions.WARM_ENVIRONMENTS", 2)
    often, once, new = account.create(), account.create(), account.create()
    _, kept = account.call(often, "calls")
    account.call(often, "calls")
    _, ended = account.call(once, "calls")
    account.call(new, "calls")
    assert account.call(often, "calls") == [3, kept]
    with pytest.raises(ProcessLookupError):
        os.kill(ended, 0)
    calls, pid = account.call(once, "calls")
    assert (calls, pid != ended) == (1, True)


def test_of_environments_in_use_the_one_whose_last_use_but_one_is_longest_ago_ends(account, monkeypatch):
    monkeypatch.setattr("twin.functions.WARM_ENVIRONMENTS", 2)
    first, second, new = account.create(), account.create(), account.create()
    account.call(first, "calls")
    account.call(first, "calls")
    _, kept = account.call(second, "calls")
    account.call(second, "calls")
    # The last to be used, but not the last to be used twice.
    _, ended = account.call(first, "calls")
    account.call(new, "calls")
    assert account.call(second, "calls") == [3, kept]
    with pytest.raises(ProcessLookupError):
        os.kill(ended, 0)


def test_an_environment_that_runs_is_not_ended_for_another(account, monkeypatch):
    monkeypatch.setattr("twin.functions.WARM_ENVIRONMENTS", 1)
    busy, other = account.create(), account.create()
    _, pid = account.call(busy, "calls")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(account.call(busy, "sleep", seconds=0.5)))
    thread.start()
    time.sleep(0.1)
    account.call(other, "echo")
    thread.join()
    assert answers == [None]
    assert account.call(busy, "calls") == [3, pid]


def test_what_one_function_changes_no_other_sees(account):
    one, other = account.create(), account.create()
    account.call(one, "mark")
    assert account.call(one, "marks") == [True, True, True, 2]
    assert account.call(other, "marks") == [False, False, False, 1]


def test_chance_differs_between_functions(account):
    assert account.call(account.create(), "chance") != account.call(account.create(), "chance")


def test_a_package_that_reads_its_environment_on_import_reads_the_functions(account):
    for runtime in ("python3.12", "python3.13"):
        assert account.call(account.create(Runtime=runtime), "agent") == f"AWS_Lambda_{runtime}"


def test_a_function_holds_its_own_descriptors_and_no_others(account):
    account.call(account.create(), "echo")
    found = account.call(account.create(), "descriptors")
    assert found == ["device", "pipe", "pipe", "socket"]


def test_an_exception_has_lambdas_shape_and_is_logged(account, function):
    invocation = account.functions.invoke(function, b'{"do": "fail"}')
    error = json.loads(invocation.result)
    assert invocation.errored
    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'no baseline'")
    assert set(error) == {"errorType", "errorMessage", "requestId", "stackTrace"}
    assert any("in fail" in line for line in error["stackTrace"])
    assert "[ERROR] KeyError: 'no baseline'" in invocation.log
    assert account.call(function, "echo", x=1) == {"do": "echo", "x": 1}


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("broken.handle", "Runtime.ImportModuleError", "a_package_that_nobody_ships"),
        ("wrong.handle", "Runtime.UserCodeSyntaxError", "Syntax error in module 'wrong'"),
        ("handler.absent", "Runtime.HandlerNotFound", "Handler 'absent' missing on module 'handler'"),
        ("handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
    ],
)
def test_a_function_that_cannot_start_says_why(account, handler, kind, message):
    name = account.create(handler)
    for _ in range(2):
        invocation = account.functions.invoke(name, b"{}")
        error = json.loads(invocation.result)
        assert (invocation.errored, error["errorType"]) == (True, kind)
        assert message in error["errorMessage"]


def test_an_unserializable_result_is_a_marshal_error(account, function):
    error = account.call(function, "unserializable")
    assert error["errorType"] == "Runtime.MarshalError"
    assert "set is not JSON serializable" in error["errorMessage"]


def test_a_crash_is_an_error_and_the_next_invocation_runs(account, function):
    error = account.call(function, "leave")
    assert (error["errorType"], "exit status 3" in error["errorMessage"]) == ("Runtime.ExitError", True)
    assert account.call(function, "echo", x=2)["x"] == 2


def test_a_crash_by_a_signal_names_it(account, function):
    assert "signal 9" in account.call(function, "crash")["errorMessage"]
    assert account.call(function, "echo", x=2)["x"] == 2


def test_a_function_that_overruns_is_stopped(account, monkeypatch):
    monkeypatch.setattr("twin.function_environment.TIMEOUT_SCALE", 0.5)
    name = account.create(Timeout=2)
    invocation = account.functions.invoke(name, b'{"do": "sleep", "seconds": 30}')
    error = json.loads(invocation.result)
    assert (invocation.errored, error["errorType"]) == (True, "Sandbox.Timedout")
    assert error["errorMessage"].endswith("Task timed out after 2.00 seconds")


def test_the_log_is_complete_and_in_order_and_reaches_cloudwatch(account):
    name = account.create()
    log = account.functions.invoke(name, b'{"do": "talk"}').log
    lines = log.splitlines()
    assert lines[:3] == ["one", "two", "three"]
    assert lines[3].endswith("four")
    assert lines[4] == "x" * 200_000
    assert account.functions.invoke(name, b'{"do": "echo"}').log == ""
    events = account.session.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    assert [event["message"] for event in events][:3] == ["one", "two", "three"]


def test_a_log_group_of_its_own_is_honoured(account):
    name = account.create(LoggingConfig={"LogGroup": "/flights/observe"})
    account.functions.invoke(name, b'{"do": "talk"}')
    events = account.session.client("logs").filter_log_events(logGroupName="/flights/observe")["events"]
    assert events
    assert account.call(name, "about")["log_group_name"] == "/flights/observe"


def test_embedded_metrics_reach_the_metric_store(account, function):
    account.metrics.values.clear()
    account.call(function, "emit")
    both = {"Endpoint": "flights", "Feature": "distance"}
    assert account.metrics.values == [
        ("Selfheal", "Drift", {"Endpoint": "flights"}, 0.25, START),
        ("Selfheal", "Drift", {"Endpoint": "flights"}, 0.5, START),
        ("Selfheal", "Drift", both, 0.25, START),
        ("Selfheal", "Drift", both, 0.5, START),
    ]


def test_other_lines_of_json_are_not_metrics():
    assert list(points('{"message": "_aws"}\n{"_aws": {}}\n"_aws" in a sentence\n[1, "_aws"]\n')) == []


def test_a_metric_without_its_value_is_an_error():
    directive = {"Namespace": "S", "Dimensions": [[]], "Metrics": [{"Name": "Drift"}]}
    with pytest.raises(TwinError, match="Drift"):
        list(points(json.dumps({"_aws": {"CloudWatchMetrics": [directive]}})))


def test_concurrent_invocations_queue_for_the_one_process(account, function):
    answers = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(account.call(function, "echo", n=n)["n"]))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(8))


def test_listeners_hear_of_every_invocation(account, function):
    heard = []
    account.functions.listen(heard.append)
    account.call(function, "echo", x=3)
    assert [(i.function, i.errored, json.loads(i.payload)["x"]) for i in heard] == [(function, False, 3)]


def test_boto3_invoke_runs_the_code(account, function):
    answer = account.client.invoke(FunctionName=function, Payload=b'{"do": "echo", "x": 1}')
    assert json.load(answer["Payload"]) == {"do": "echo", "x": 1}
    assert "FunctionError" not in answer
    answer = account.client.invoke(FunctionName=function, Payload=b'{"do": "fail"}', LogType="Tail")
    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorType"] == "KeyError"
    assert "LogResult" in answer


def test_a_dry_run_runs_nothing(account):
    name = account.create()
    account.client.invoke(FunctionName=name, InvocationType="DryRun", Payload=b'{"do": "echo"}')
    assert account.call(name, "calls")[0] == 1


def test_an_unknown_function_is_an_error(account):
    with pytest.raises(TwinError, match="no function nobody"):
        account.functions.invoke("nobody", b"{}")


def test_another_runtime_is_refused_by_name(account):
    name = account.create(Runtime="nodejs20.x")
    with pytest.raises(TwinError, match=r"nodejs20\.x"):
        account.functions.invoke(name, b"{}")


@pytest.fixture
def heard(account):
    heard = []
    account.functions.listen(heard.append)
    account.clock.agenda.clear()
    yield heard
    account.clock.now = START


def test_an_event_runs_at_the_next_tick_and_is_retried(account, heard):
    name = account.create()
    answer = account.client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"do": "fail"}')
    assert (answer["StatusCode"], heard) == (202, [])
    account.clock.run(START)
    assert [(i.function, i.payload, i.errored) for i in heard] == [(name, b'{"do": "fail"}', True)]
    account.clock.run(START + timedelta(minutes=1))
    assert len(heard) == 2


def test_an_event_that_succeeds_runs_once(account, heard, function):
    account.client.invoke(FunctionName=function, InvocationType="Event", Payload=b'{"do": "echo"}')
    account.clock.run(START + timedelta(hours=1))
    assert [i.errored for i in heard] == [False]


def test_a_function_may_send_itself_an_event(account, heard):
    name = account.create()
    assert account.call(name, "again") == 202
    assert len(heard) == 1
    account.clock.run(START)
    assert [json.loads(i.payload)["do"] for i in heard] == ["again", "echo"]


def test_step_functions_runs_the_code_and_catches_its_errors_by_name(account, function):
    def task(do, **more):
        parameters = {"FunctionName": function, "Payload": {"do": do}}
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": parameters,
            **more,
        }

    catch = [{"ErrorEquals": ["KeyError"], "Next": "Caught", "ResultPath": "$.error"}]
    definition = {
        "StartAt": "Good",
        "States": {
            "Good": task("echo", OutputPath="$.Payload", Next="Bad"),
            "Bad": task("fail", Catch=catch, End=True),
            "Caught": {"Type": "Pass", "End": True},
        },
    }
    client = account.session.client("stepfunctions")
    machine = client.create_state_machine(name="m", definition=json.dumps(definition), roleArn=ROLE)
    execution = client.start_execution(stateMachineArn=machine["stateMachineArn"], name="e")["executionArn"]
    for _ in range(100):
        found = client.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            break
        time.sleep(0.05)
    assert found["status"] == "SUCCEEDED"
    output = json.loads(found["output"])
    assert (output["do"], output["error"]["Error"]) == ("echo", "KeyError")


def test_sns_delivers_asynchronously(account, heard):
    name = account.create()
    sns = account.session.client("sns")
    topic = sns.create_topic(Name="incidents")["TopicArn"]
    arn = account.client.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="hello", Subject="s")
    assert heard == []
    account.clock.run(START)
    assert json.loads(heard[0].payload)["Records"][0]["Sns"]["Message"] == "hello"


def test_a_process_ends_with_its_channel(tmp_path):
    source = process_source()
    ours, theirs = socket.socketpair()
    with ours, theirs, (tmp_path / "log").open("wb") as log:
        process = source.start(tmp_path, {"LAMBDA_TASK_ROOT": "."}, theirs.fileno(), log.fileno())
        theirs.close()
        ours.close()
        assert process.wait() == 0
        source.close()


@pytest.mark.skipif(Zygote not in SOURCES, reason="functions are forked on Linux only")
def test_without_the_zygote_a_fork_is_an_error(tmp_path):
    zygote = Zygote()
    ours, theirs = socket.socketpair()
    with ours, theirs, (tmp_path / "log").open("wb") as log:
        process = zygote.start(tmp_path, {"LAMBDA_TASK_ROOT": "."}, theirs.fileno(), log.fileno())
        zygote._process.kill()
        zygote._process.wait()
        with pytest.raises(TwinError, match="forked from has ended"):
            process.kill()
    zygote.close()


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (LambdaFunction, "__init__", ["self", "account_id", "spec", "region", "version"]),
        (LambdaFunction, "_invoke_lambda", ["self", "event"]),
        (LambdaFunction, "invoke", ["self", "body", "request_headers", "response_headers"]),
        (LambdaBackend, "send_sns_message", ["self", "function_name", "message", "subject", "qualifier"]),
    ],
)
def test_contract_with_moto(account, owner, name, parameters):
    """What `install` replaces exists as it was read; after `undo` it is back."""
    # The first to replace it stored moto's own.
    stored = [old for where, what, old in account.patches._done if (where, what) == (owner, name)]
    assert list(inspect.signature(stored[0]).parameters) == parameters
    assert any(symbol.endswith(f"{owner.__name__}.{name}") for symbol in account.patches.symbols())
