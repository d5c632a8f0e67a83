"""One Lambda execution environment: this program is the runtime, the handler is the asset's.

Started as `python -I -S -B function_process.py serve FD PACKAGES` in the asset's directory, with the
environment that Lambda gives. `-I -S` keep the repository off the path, so that what is imported is what was
packaged; PACKAGES are the site-packages directories that stand in for the layers.

FD is a connected socket. Each line that comes in is a request, each line that goes out its answer:

    {"payload": "<JSON text>", "now": <epoch seconds>, "request_id": "…", "timeout_seconds": 3, "scale": 4}
    {"result": "<JSON text>", "errored": false, "started": true}

stdout and stderr are the function's log.

Started with `fork` in the place of `serve` it becomes a process of the same kind only when asked, in a fork of
itself that starts with the imports done. FD then takes requests to fork, which carry the descriptors of the
socket and of the log, and requests for the exit status of a fork, which may be killed first:

    {"folder": "…", "environ": {…}}    answered by the process id
    {"pid": 123, "kill": true}         answered by the exit status, negative for a signal
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, "Context"], Any]


class LambdaRuntimeError(Exception):
    """A failure of the runtime's own making, with the error type that Lambda gives it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Context:
    """What Lambda passes as `context`, as far as it is documented for Python."""

    client_context = None
    identity = None

    def __init__(self, request: dict[str, Any]) -> None:
        self.aws_request_id: str = request["request_id"]
        self.invoked_function_arn: str = request["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._timeout_seconds: float = request["timeout_seconds"]
        self._scale: float = request["scale"]
        # The virtual clock stands still during an invocation; perf_counter is the one that does not.
        self._started = time.perf_counter()

    def get_remaining_time_in_millis(self) -> int:
        elapsed = (time.perf_counter() - self._started) / self._scale
        return max(0, int((self._timeout_seconds - elapsed) * 1000))


def load_handler(name: str) -> Handler:
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise LambdaRuntimeError("Runtime.MalformedHandlerName", f"Bad handler '{name}': no module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise LambdaRuntimeError(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        raise LambdaRuntimeError(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}"
        ) from error
    if not hasattr(module, function_name):
        raise LambdaRuntimeError(
            "Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'"
        )
    handler: Handler = getattr(module, function_name)
    return handler


def run(handler: Handler, request: dict[str, Any]) -> str:
    """The handler's answer as JSON text; what the handler raises passes through."""
    try:
        event = json.loads(request["payload"])
    except ValueError as error:
        raise LambdaRuntimeError("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error
    result = handler(event, Context(request))
    try:
        return json.dumps(result, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise LambdaRuntimeError("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def describe(error: BaseException, request_id: str) -> str:
    """Lambda's error document; a runtime's own fault carries no stack trace, for none is the function's."""
    if isinstance(error, LambdaRuntimeError):
        kind, stack = error.kind, []
    else:
        kind, stack = type(error).__name__, traceback.format_tb(error.__traceback__)
    print(f"[ERROR] {kind}: {error}\n{''.join(stack)}", flush=True)  # noqa: T201 - stdout is the log
    return json.dumps(
        {"errorMessage": str(error), "errorType": kind, "requestId": request_id, "stackTrace": stack}
    )


def serve(channel: socket.socket) -> None:
    """Answer requests until the other side closes; end after a failed start, so that the next is fresh."""
    import time_machine

    requests = channel.makefile("r", encoding="utf-8")
    handler: Handler | None = None
    for line in requests:
        request = json.loads(line)
        with time_machine.travel(request["now"], tick=False):
            started = handler is not None
            try:
                handler = handler or load_handler(os.environ["_HANDLER"])
                started = True
                answer: dict[str, Any] = {"result": run(handler, request), "errored": False}
            except Exception as error:
                answer = {"result": describe(error, request["request_id"]), "errored": True}
        sys.stdout.flush()
        sys.stderr.flush()
        answer["started"] = started
        channel.sendall(json.dumps(answer).encode() + b"\n")
        if not started:
            return


def log_like_lambda() -> None:
    """Lambda's runtime gives the root logger a handler, so a plain `logging.info` is written once its level
    is set."""
    output = logging.StreamHandler(sys.stdout)
    output.setFormatter(logging.Formatter("[%(levelname)s]\t%(asctime)s\t%(message)s"))
    logging.getLogger().addHandler(output)


def fork_on_request(control: socket.socket) -> socket.socket | None:
    """Answer requests until the other side closes, which gives None; in each fork, its channel."""
    while True:
        line, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        if not line:
            return None
        while not line.endswith(b"\n"):
            more = control.recv(1 << 16)
            if not more:
                return None
            line += more
        request = json.loads(line)
        if "pid" in request:
            answer = exit_status(request["pid"], kill=request["kill"])
        else:
            answer = os.fork()
            if answer == 0:
                control.close()
                return become(request["folder"], request["environ"], *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
        control.sendall(str(answer).encode())


def exit_status(pid: int, *, kill: bool) -> int:
    if kill:
        # A process that has ended keeps its status: nobody else waits for it.
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def become(folder: str, environ: dict[str, str], channel: int, output: int) -> socket.socket:
    """Turn this fork into what a fresh process would be: folder, environment, descriptors."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.set_inheritable(channel, False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    return socket.socket(fileno=channel)


def import_the_common() -> None:
    """What every function imports and what looks at neither environment nor files when it is imported.

    Not Powertools, which reads its environment at once; not numpy, whose threads a fork would lose.
    """
    import boto3.session  # noqa: F401
    import s3transfer.manager  # noqa: F401
    import time_machine  # noqa: F401

    # The collector would write into pages that the forks share.
    gc.collect()
    gc.freeze()


def main() -> None:
    mode, descriptor, packages = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    sys.path.extend(packages)
    channel = socket.socket(fileno=descriptor)
    if mode == "fork":
        import_the_common()
        forked = fork_on_request(channel)
        if forked is None:
            return
        channel = forked
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"]]
    log_like_lambda()
    serve(channel)


if __name__ == "__main__":
    main()
