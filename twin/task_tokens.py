"""Task tokens of Step Functions: waiting for them on virtual time, and what becomes of late ones.

moto finds a token among the executions that run, accepts a second answer, gives a retried task the
token and the answer of its first attempt, and loses the cause of a failure. AWS does none of that.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import EmptyResult
from moto.stepfunctions.exceptions import InvalidToken
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback as callback_module,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    CallbackOutcomeTimedOut,
    CallbackPoolManager,
    HeartbeatTimedOut,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from twin.interfaces import Clock
from twin.patching import Patches
from twin.waiting_room import WaitingRoom


class TaskTimedOutError(AWSError):
    """Its namesake in moto has no error code, so that no client can catch it."""

    TYPE = "TaskTimedOut"


class InvalidOutputError(AWSError):
    """As TaskTimedOutError."""

    TYPE = "InvalidOutput"


class TaskTokens:
    def __init__(self, clock: Clock, room: WaitingRoom) -> None:
        self._clock = clock
        self._room = room
        self._open: dict[str, Any] = {}  # token: moto's endpoint
        self._closed: set[str] = set()

    def attach(self, patches: Patches) -> None:
        self._replace_registry(patches)
        self._replace_waiting(patches)
        self._replace_api(patches)

    def _replace_registry(self, patches: Patches) -> None:
        tokens = self

        def add(pool: Any, callback_id: str) -> Any:
            endpoint = original_add(pool, callback_id)
            tokens._open[callback_id] = endpoint
            return endpoint

        def evaluate(state: Any, env: Any) -> None:
            tokens._renew(env)
            try:
                original_evaluate(state, env)
            finally:
                tokens._close(_token(env))

        original_add = patches.replace(CallbackPoolManager, "add", add)
        original_evaluate = patches.replace(ExecutionState, "_evaluate_with_timeout", evaluate)

    def _replace_waiting(self, patches: Patches) -> None:
        tokens = self

        def wait_for_token(
            task: Any, env: Any, timeout_seconds: int, callback_endpoint: Any, heartbeat_endpoint: Any
        ) -> Any:
            # moto ends a task with a heartbeat after 60 s where it states no TimeoutSeconds.
            timeout = None if task.timeout.is_default_value() else timedelta(seconds=timeout_seconds)
            return tokens._await(env, timeout, callback_endpoint, heartbeat_endpoint)

        def notify(endpoint: Any, outcome: CallbackOutcome) -> None:
            original_notify(endpoint, outcome)
            tokens._close(endpoint.callback_id)
            tokens._room.signal(endpoint)

        def notify_heartbeat(endpoint: Any) -> bool:
            heard = bool(original_heartbeat(endpoint))
            tokens._room.signal(endpoint)
            return heard

        patches.replace(callback_module.StateTaskServiceCallback, "_eval_wait_for_task_token", wait_for_token)
        original_notify = patches.replace(CallbackEndpoint, "notify", notify)
        original_heartbeat = patches.replace(CallbackEndpoint, "notify_heartbeat", notify_heartbeat)

    def _replace_api(self, patches: Patches) -> None:
        tokens = self

        def send_task_success(backend: Any, task_token: str, outcome: str) -> None:
            del backend
            try:
                json.loads(outcome)
            except ValueError as error:
                raise InvalidOutputError(f"Invalid Output: {error}") from error
            endpoint = tokens._endpoint(task_token)
            endpoint.notify(CallbackOutcomeSuccess(callback_id=task_token, output=outcome))

        def send_task_failure(
            backend: Any, task_token: str, error: str | None = None, cause: str | None = None
        ) -> None:
            del backend
            endpoint = tokens._endpoint(task_token)
            endpoint.notify(CallbackOutcomeFailure(callback_id=task_token, error=error, cause=cause))

        def send_task_heartbeat(backend: Any, task_token: str) -> None:
            del backend
            tokens._endpoint(task_token).notify_heartbeat()

        def answer_failure(response: Any) -> EmptyResult:
            send_task_failure(
                response.stepfunction_backend,
                response._get_param("taskToken"),
                response._get_param("error"),
                response._get_param("cause"),
            )
            return EmptyResult()

        patches.replace(StepFunctionsParserBackend, "send_task_success", send_task_success)
        patches.replace(StepFunctionsParserBackend, "send_task_failure", send_task_failure)
        patches.replace(StepFunctionsParserBackend, "send_task_heartbeat", send_task_heartbeat)
        patches.replace(StepFunctionResponse, "send_task_failure", answer_failure)

    def _endpoint(self, token: str) -> Any:
        if token in self._closed:
            raise TaskTimedOutError("Task Timed Out: the task of this token has ended")
        if token not in self._open:
            raise InvalidToken
        return self._open[token]

    def _close(self, token: str | None) -> None:
        if token is not None:
            self._open.pop(token, None)
            self._closed.add(token)

    def _renew(self, env: Any) -> None:
        """A token of its own for each attempt of a task; the first has one already."""
        if _token(env) in self._closed:
            env.callback_pool_manager.add(env.states.context_object.update_task_token())

    def _await(self, env: Any, timeout: timedelta | None, endpoint: Any, heartbeat: Any) -> Any:
        """moto's outcome of a task: the answer to its token, or that it, or a heartbeat, is overdue."""
        deadline = None if timeout is None else self._clock.now + timeout
        while True:
            beat_by = None
            if heartbeat is not None:
                beat_by = self._clock.now + timedelta(seconds=heartbeat._heartbeat_seconds)
            until = min((each for each in (deadline, beat_by) if each is not None), default=None)
            ready = endpoint._notify_event.is_set
            outcome = self._room.wait(env, "a task token", until=until, key=endpoint, ready=ready)
            if (answer := endpoint.get_outcome()) is not None:
                return answer
            if outcome == "due" and until == deadline:
                return CallbackOutcomeTimedOut(callback_id=endpoint.callback_id)
            if outcome == "due":
                return HeartbeatTimedOut()


def _token(env: Any) -> str | None:
    task = env.states.context_object.context_object_data.get("Task")
    return None if task is None else str(task["Token"])
