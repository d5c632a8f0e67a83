"""Step Functions on virtual time: moto's engine runs the states, this module gives it the clock.

`Workflows.settle` blocks until every execution has ended or waits for virtual time or a task token;
only then may the clock move.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import boto3
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.asl.component.state import state as state_module
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from twin.clock import iso_z
from twin.engine_threads import EngineThreads
from twin.interfaces import REGION, Bus, Clock, TwinError
from twin.patching import Patches
from twin.task_tokens import TaskTokens
from twin.waiting_room import Waiting, WaitingRoom

OnStateEntered = Callable[[str, str, str, datetime], None]


class Workflows:
    """Runs on moto's Step Functions with `execute_state_machine`, JSONPath, Standard workflows."""

    def __init__(self, clock: Clock, bus: Bus) -> None:
        self._clock = clock
        self._bus = bus
        self._room = WaitingRoom(clock, self.settle)
        self._tokens = TaskTokens(clock, self._room)
        self._threads = EngineThreads(clock, self._room, self._entered)
        self._errors: list[BaseException] = []
        self._listeners: list[OnStateEntered] = []

    def listen(self, listener: OnStateEntered) -> None:
        """Call `listener(execution name, machine name, state name, at)`, in an engine thread."""
        self._listeners.append(listener)

    def settle(self, timeout_real_seconds: float = 60) -> None:
        """Block until no execution works; every appointment of the engine does so by itself.

        Raises a TwinError that names the executions and states that still do after that many seconds
        of real time, and whatever error of the twin an execution met on its way.
        """
        working = self._room.quiet_within(timeout_real_seconds)
        if self._errors:
            raise self._errors.pop(0)
        if working:
            raise TwinError(f"still at work after {timeout_real_seconds} s: {'; '.join(working)}")

    def waiting(self) -> list[Waiting]:
        """What the executions wait for."""
        return self._room.waiting()

    def attach(self, patches: Patches) -> None:
        # boto3's default session is not safe to be first used by two threads of the engine at once.
        boto3.client("stepfunctions", region_name=REGION)
        self._threads.attach(patches)
        self._tokens.attach(patches)
        self._replace_context(patches)
        self._replace_executions(patches)
        self._replace_definitions(patches)

    def _replace_context(self, patches: Patches) -> None:
        workflows = self

        def state_data(**fields: Any) -> dict[str, Any]:
            return {**fields, "EnteredTime": iso_z(workflows._clock.now, "milliseconds")}

        def start_details(execution: Any) -> Any:
            details = original(execution)
            details.start_time = iso_z(execution.start_date, "milliseconds")
            return details

        patches.replace(state_module, "StateData", state_data)
        original = patches.replace(Execution, "get_start_execution_details", start_details)

    def _replace_executions(self, patches: Patches) -> None:
        workflows = self

        def start(execution: Any) -> None:
            workflows._room.came(execution.exec_arn)
            workflows._announce(execution, "RUNNING")
            original_start(execution)

        def run(worker: Any) -> None:
            try:
                original_run(worker)
            except BaseException as error:
                workflows._errors.append(error)
            finally:
                workflows._room.went(worker._evaluation_details.execution_details.arn)

        def terminated(communication: Any) -> None:
            original_terminated(communication)
            workflows._announce(communication.execution, communication.execution.status)

        def evaluate(state: Any, env: Any) -> None:
            # The engine turns any exception into a failed state; the twin's own must stay loud.
            try:
                original_evaluate(state, env)
            except TwinError as error:
                workflows._errors.append(error)
                raise

        def describe_execution(response: Any) -> ActionResult:
            # moto's trips over times in an output, does not quote a string, and forgets when a
            # time-out was.
            execution = response.stepfunction_backend.describe_execution(response._get_param("executionArn"))
            known = {key: value for key, value in execution.to_describe_output().items() if value is not None}
            return ActionResult({**known, "status": execution.status, "input": execution.execution_input})

        original_start = patches.replace(Execution, "start", start)
        original_run = patches.replace(ExecutionWorker, "_execution_logic", run)
        original_terminated = patches.replace(BaseExecutionWorkerCommunication, "terminated", terminated)
        patches.replace(StepFunctionResponse, "describe_execution", describe_execution)
        original_evaluate = patches.replace(ExecutionState, "_evaluate_with_timeout", evaluate)

    def _replace_definitions(self, patches: Patches) -> None:
        def validate(definition: str) -> None:
            original(definition)
            for problem in unsupported(json.loads(definition)):
                raise TwinError(f"state machine definition: {problem}")

        original = patches.replace(StepFunctionsParserBackend, "_validate_definition", staticmethod(validate))

    def _entered(self, env: Any, state: str) -> None:
        context = env.states.context_object.context_object_data
        self._room.entered(context["Execution"]["Id"], state)
        for listener in self._listeners:
            listener(context["Execution"]["Name"], context["StateMachine"]["Name"], state, self._clock.now)

    def _announce(self, execution: Any, status: str) -> None:
        output = to_json_str(execution.output) if status == "SUCCEEDED" else None
        detail = {
            "executionArn": execution.exec_arn,
            "stateMachineArn": execution.state_machine.arn,
            "name": execution.name,
            "status": status,
            "startDate": _epoch_ms(execution.start_date),
            "stopDate": _epoch_ms(execution.stop_date),
            "input": execution.execution_input,
            "inputDetails": {"included": True},
            "output": output,
            "outputDetails": None if output is None else {"included": True},
            "error": execution.error,
            "cause": execution.cause,
        }
        self._bus.emit("aws.states", "Step Functions Execution Status Change", detail, [execution.exec_arn])


def unsupported(definition: Any, path: str = "") -> Iterator[str]:
    """What a definition asks of the engine that would take real time or that moto gets wrong."""
    if isinstance(definition, list):
        for number, each in enumerate(definition):
            yield from unsupported(each, f"{path}[{number}]")
    if not isinstance(definition, dict):
        return
    if definition.get("QueryLanguage", "JSONPath") != "JSONPath":
        yield f"{path or 'it'} uses {definition['QueryLanguage']}: the twin runs JSONPath"
    if definition.get("Type") == "Map" and _distributed(definition):
        yield f"{path} is a distributed Map: the twin runs inline ones"
    resource = definition.get("Resource") if definition.get("Type") == "Task" else None
    if isinstance(resource, str) and (".sync" in resource or ":activity:" in resource):
        yield f"{path} waits for {resource} in real time: use waitForTaskToken"
    for key in ("States", "Branches", "ItemProcessor", "Iterator"):
        nested = definition.get(key)
        if key == "States" and isinstance(nested, dict):
            for name, state in nested.items():
                yield from unsupported(state, f"{path}/{name}")
        else:
            yield from unsupported(nested, path)


def _distributed(state: dict[str, Any]) -> bool:
    config = state.get("ItemProcessor", {}).get("ProcessorConfig", {})
    return config.get("Mode", "INLINE") != "INLINE" or "ItemReader" in state


def _epoch_ms(when: datetime | None) -> int | None:
    return None if when is None else int(when.timestamp() * 1000)
