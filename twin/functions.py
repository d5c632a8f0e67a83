"""Lambda: the functions of the account run their packaged code, in processes that are kept warm.

moto's `LambdaFunction._invoke_lambda` is the one place through which SNS, SQS, Step Functions and boto3
reach a function; it is replaced by `Functions`, so that the account has one way to run code.

What differs from Lambda: one environment per function, so that concurrent invocations queue, and few of them
warm, so that a laptop has room; the interpreter is the twin's own, whatever `Runtime` says; the virtual clock
stands still while a handler runs.
"""

from __future__ import annotations

import base64
import itertools
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends

from twin.function_environment import Answer, Configuration, ExecutionEnvironment, Request
from twin.function_metrics import points
from twin.function_zygote import process_source
from twin.interfaces import ACCOUNT_ID, REGION, Clock, Invocation, Metrics, TwinError
from twin.patching import Patches

InvokeAsync = Callable[[str, bytes], None]
# An environment takes 60 to 90 MB. The rest start again when they are needed, as on Lambda after a pause.
WARM_ENVIRONMENTS = 3


class _Slot:
    """The environment of one function, and the queue of those who want it.

    `before` and `last` number its last two invocations among those of all functions; 0 where there is none.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.environment: ExecutionEnvironment | None = None
        self.before = self.last = 0

    def note(self, invocation: int) -> None:
        self.before, self.last = self.last, invocation


class Functions:
    """Context manager; the processes end with the block.

    `code_for` gives the unpacked asset of a function's name, `credentials` a role's name its
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. `state` is a folder for the functions'
    scratch space, which starts empty.
    """

    def __init__(
        self,
        *,
        api_url: str,
        clock: Clock,
        metrics: Metrics,
        state: Path,
        code_for: Callable[[str], Path],
        credentials: Callable[[str], Mapping[str, str]],
    ) -> None:
        self._api_url = api_url
        self._clock = clock
        self._metrics = metrics
        self._state = state
        self._code_for = code_for
        self._credentials = credentials
        self._listeners: list[Callable[[Invocation], None]] = []
        self._processes = process_source()
        self._slots: dict[str, _Slot] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __enter__(self) -> Functions:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            slots, self._slots = list(self._slots.values()), {}
        for slot in slots:
            if slot.environment is not None:
                slot.environment.close()
        self._processes.close()

    def listen(self, callback: Callable[[Invocation], None]) -> None:
        """Call `callback` after every invocation, in the thread that invoked."""
        self._listeners.append(callback)

    def invoke(self, name: str, payload: bytes) -> Invocation:
        """Run a function, by name or ARN, and wait for its answer; an unknown function is a TwinError."""
        return self._run(_function(name), payload)

    def install(self, patches: Patches, invoke_async: InvokeAsync) -> None:
        """Make moto's Lambda run code through this object.

        `invoke_async` takes a function's ARN and an event, at the tick after the service handed it over; the
        retries of a failing event are its matter.
        """
        functions = self
        # Set while moto delivers an SNS message, which Lambda takes asynchronously.
        delivering = threading.local()

        def initialize(function: LambdaFunction, *args: Any, **kwargs: Any) -> None:
            original_init(function, *args, **kwargs)
            spec = kwargs["spec"] if "spec" in kwargs else args[1]
            # moto drops it, and writes to /aws/lambda/NAME whatever the template says.
            log_group = spec.get("LoggingConfig", {}).get("LogGroup")
            function.logs_group_name = log_group or function.logs_group_name

        def run(function: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
            payload = json.dumps({} if event is None else event).encode()
            invocation = functions._run(function, payload)
            return invocation.result.decode(), invocation.errored, invocation.log

        def invoke(
            function: LambdaFunction, body: Any, request_headers: Any, response_headers: Any
        ) -> str | bytes:
            asynchronous = getattr(delivering, "sns", False)
            if asynchronous or request_headers.get("x-amz-invocation-type") == "Event":
                functions._enqueue(function, body, invoke_async)
                return b""
            return _answer(function, body, request_headers, response_headers)

        def send_sns_message(backend: LambdaBackend, *args: Any, **kwargs: Any) -> None:
            delivering.sns = True
            try:
                original_send(backend, *args, **kwargs)
            finally:
                delivering.sns = False

        original_init = patches.replace(LambdaFunction, "__init__", initialize)
        patches.replace(LambdaFunction, "_invoke_lambda", run)
        patches.replace(LambdaFunction, "invoke", invoke)
        original_send = patches.replace(LambdaBackend, "send_sns_message", send_sns_message)

    def _enqueue(self, function: LambdaFunction, body: Any, invoke_async: InvokeAsync) -> None:
        arn, payload = function.function_arn, json.dumps(json.loads(body or "{}")).encode()
        # Never within the caller's call: a function that sends itself an event would wait for itself.
        self._clock.at(self._clock.now, lambda: invoke_async(arn, payload), f"invoke {arn} asynchronously")

    def _run(self, function: LambdaFunction, payload: bytes) -> Invocation:
        configuration = self._configuration(function)
        with self._lock:
            slot = self._slots.setdefault(configuration.name, _Slot())
            slot.note(next(self._numbers))
        with slot.lock:
            environment = self._ready(slot, configuration)
            request = Request(request_id=str(uuid.uuid4()), payload=payload, now=self._clock.now)
            answer = environment.invoke(request)
        self._record(function, answer, request)
        invocation = Invocation(
            function=configuration.name,
            payload=payload,
            result=answer.result,
            errored=answer.errored,
            log=answer.log,
        )
        for callback in self._listeners:
            callback(invocation)
        return invocation

    def _ready(self, slot: _Slot, configuration: Configuration) -> ExecutionEnvironment:
        current = slot.environment
        if current is not None and current.alive and current.configuration == configuration:
            return current
        if current is not None:
            current.close()
        slot.environment = ExecutionEnvironment(configuration, self._environ(configuration), self._processes)
        self._reclaim(slot)
        return slot.environment

    def _reclaim(self, started: _Slot) -> None:
        """End environments beyond those that stay warm, but none that runs.

        First those whose last invocation but one is longest ago (LRU-2: E. O'Neil, P. O'Neil, G. Weikum, "The
        LRU-K page replacement algorithm", SIGMOD 1993): the functions of an incident, each called once, do not
        drive out those of a schedule, which would have to read again all that they know.
        """
        with self._lock:
            others = [slot for slot in self._slots.values() if slot.environment and slot is not started]
            others.sort(key=lambda slot: (slot.before, slot.last))
        for slot in others[: max(0, len(others) + 1 - WARM_ENVIRONMENTS)]:
            # Never wait here: who holds that lock may be reclaiming too, and want this thread's.
            if not slot.lock.acquire(blocking=False):
                continue
            try:
                if slot.environment is not None:
                    slot.environment.close()
                    slot.environment = None
            finally:
                slot.lock.release()

    def _record(self, function: LambdaFunction, answer: Answer, request: Request) -> None:
        stamp = int(request.now.timestamp() * 1000)
        lines = [{"timestamp": stamp, "message": line} for line in answer.log.splitlines() if line]
        group, stream = function.logs_group_name, _log_stream(function.function_name)
        function.logs_backend.ensure_log_group(group)
        if stream not in function.logs_backend.groups[group].streams:
            function.logs_backend.create_log_stream(group, stream)
        if lines:
            function.logs_backend.put_log_events(group, stream, lines)
        for point in points(answer.log):
            self._metrics.put(point.namespace, point.name, point.dimensions, point.value, at=request.now)

    def _configuration(self, function: LambdaFunction) -> Configuration:
        name = function.function_name
        if not str(function.run_time).startswith("python"):
            raise TwinError(f"function {name} has runtime {function.run_time}: the twin runs Python only")
        return Configuration(
            name=name,
            arn=function.function_arn,
            version=_version(function),
            handler=str(function.handler),
            runtime=str(function.run_time),
            role=function.role.rsplit("/", 1)[1],
            memory_mb=function.memory_size,
            timeout_seconds=function.timeout,
            log_group=function.logs_group_name,
            code=self._code_for(name),
            variables=tuple(sorted(function.environment_vars.items())),
        )

    def _environ(self, configuration: Configuration) -> dict[str, str]:
        """Lambda's own variables and the function's; of the twin's process nothing is inherited."""
        scratch = self._state / configuration.name
        scratch.mkdir(parents=True, exist_ok=True)
        return {
            **dict(configuration.variables),
            **self._credentials(configuration.role),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self._api_url,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{configuration.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": configuration.name,
            "AWS_LAMBDA_FUNCTION_VERSION": configuration.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": configuration.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": _log_stream(configuration.name),
            "LAMBDA_TASK_ROOT": str(configuration.code),
            "_HANDLER": configuration.handler,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            # Without a home of its own, boto3 would read the configuration of whoever runs the twin.
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
        }


def _function(name: str) -> LambdaFunction:
    try:
        return lambda_backends[ACCOUNT_ID][REGION].get_function(name)
    except UnknownFunctionException as error:
        raise TwinError(f"there is no function {name}: was its stack deployed?") from error


def _answer(function: LambdaFunction, body: Any, request_headers: Any, response_headers: Any) -> str | bytes:
    """The Invoke API's answer to a call that waits for it. moto's own calls every failure `Handled`."""
    if request_headers.get("x-amz-invocation-type") == "DryRun":
        return b""
    result, errored, log = function._invoke_lambda(event=json.loads(body or "{}"))
    if errored:
        response_headers["x-amz-function-error"] = "Unhandled"
    response_headers["x-amz-executed-version"] = _version(function)
    response_headers["x-amz-log-result"] = _tail(log)
    return result.encode()


def _version(function: LambdaFunction) -> str:
    # moto numbers the unpublished version 1; a published one carries its number in its ARN.
    suffix = function.function_arn.rsplit(":", 1)[1]
    return suffix if suffix.isdigit() else "$LATEST"


def _log_stream(name: str) -> str:
    return f"[$LATEST]{name}"


def _tail(log: str) -> str:
    """The last 4 KB, which is what the Invoke API returns of a log."""
    return base64.b64encode(log.encode()[-4096:]).decode()
