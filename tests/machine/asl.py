"""Amazon States Language, as far as the synthesized workflows use it, one step at a time.

An `Execution` never runs anything and never reads a clock: it says which function is to be called, is told what came
of it, and knows when it may go on. Types and fields that it does not know it refuses when it is made.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

States = Mapping[str, Mapping[str, Any]]

_COMMON = {"Type", "Comment", "Next", "End"}
_FIELDS = {
    "Task": {"Resource", "Parameters", "ResultPath", "OutputPath", "Retry", "Catch", "TimeoutSeconds"},
    "Choice": {"Choices", "Default"},
    "Wait": {"Seconds", "SecondsPath"},
    "Pass": {"Parameters", "ResultPath"},
    "Succeed": set(),
    "Fail": {"Error", "Cause"},
}
_CALL = ":states:::lambda:invoke"
_WITH_TOKEN = f"{_CALL}.waitForTaskToken"
TIMEOUT = "States.Timeout"


@dataclass(frozen=True)
class Definition:
    """A state machine."""

    arn: str
    start_at: str
    states: States

    @classmethod
    def of(cls, arn: str, body: Mapping[str, Any]) -> Definition:
        """Raises NotImplementedError for a state that the interpreter would run otherwise than AWS."""
        for name, state in body["States"].items():
            known = _FIELDS.get(state["Type"])
            if known is None:
                raise NotImplementedError(f"state {name}: type {state['Type']} is not known")
            if strange := set(state) - known - _COMMON:
                raise NotImplementedError(f"state {name}: {', '.join(sorted(strange))} is not known")
            if state["Type"] == "Task" and not state["Resource"].endswith((_CALL, _WITH_TOKEN)):
                raise NotImplementedError(f"state {name}: resource {state['Resource']} is not known")
        return cls(arn, body["StartAt"], body["States"])


@dataclass(frozen=True)
class Call:
    """A function to be called for a task; `attempt` names the answer that is waited for."""

    function: str
    payload: Any
    attempt: int


@dataclass
class Execution:
    """One run of a state machine.

    Attributes:
        status: RUNNING, SUCCEEDED, FAILED or ABORTED.
        state, entered_at, data: where it stands, since when, and with what.
        due: when it may go on; None while something else has to happen first.
        token: what a task waits for; None where no task waits.
    """

    definition: Definition
    arn: str
    started_with: Any
    now: datetime
    status: str = "RUNNING"
    state: str = ""
    entered_at: datetime = field(init=False)
    data: Any = None
    due: datetime | None = None
    token: str | None = None
    deadline: datetime | None = None
    attempt: int = 0
    error: str = ""
    visited: list[str] = field(default_factory=list)
    _retried: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._enter(self.definition.start_at, copy.deepcopy(self.started_with), self.now)

    @property
    def is_running(self) -> bool:
        return self.status == "RUNNING"

    @property
    def name(self) -> str:
        return self.arn.rpartition(":")[2]

    def next_due(self) -> datetime | None:
        """When it next goes on by itself, if nothing else happens before."""
        moments = [moment for moment in (self.due, self.deadline) if moment is not None]
        return min(moments) if self.is_running and moments else None

    def go_on(self, now: datetime) -> Call | None:
        """What is to be called now; None where a wait ended or a task's time was up."""
        if self.deadline is not None and now >= self.deadline:
            self._fail(TIMEOUT, "the task was not answered in time", now)
            return None
        assert self.due is not None, f"{self.name} waits for something else"
        assert self.due <= now, f"{self.name} is not due"
        state = self.definition.states[self.state]
        if state["Type"] == "Wait":
            self._leave(state, self.data, now)
            return None
        return self._call(state, now)

    def answered(self, attempt: int, answer: Any, now: datetime) -> None:
        """The function answered. An answer that nobody waits for any more is dropped."""
        if not self._awaits(attempt) or self.token is not None:
            return  # a task with a token goes on when the token comes back
        self._done({"Payload": answer, "StatusCode": 200}, now)

    def failed(self, attempt: int, error: str, message: str, now: datetime) -> None:
        """The function raised, or Lambda lost it."""
        if self._awaits(attempt):
            cause = json.dumps({"errorMessage": message, "errorType": error})
            self._fail(error, cause, now)

    def succeed_token(self, token: str, output: Any) -> None:
        assert token == self.token
        self._done(output, self.now)

    def fail_token(self, token: str, error: str, cause: str) -> None:
        assert token == self.token
        self._fail(error, cause, self.now)

    def abort(self) -> None:
        """What StopExecution does."""
        self._end("ABORTED")

    def redrive(self, now: datetime) -> None:
        """What RedriveExecution does: from the state that failed or was stopped, with what went into it.

        A workflow that ended in a Fail state is redriven from there, and ends there.
        """
        self.status, self.error = "RUNNING", ""
        self._enter(self.state, self.data, now)

    # --- states

    def _enter(self, name: str, data: Any, now: datetime) -> None:
        self.state, self.data, self.entered_at = name, data, now
        self.visited.append(name)
        self._retried.clear()
        self.token = self.deadline = self.due = None
        state = self.definition.states[name]
        if state["Type"] == "Task":
            self.due = now
        elif state["Type"] == "Wait":
            seconds = state["Seconds"] if "Seconds" in state else _path(data, state["SecondsPath"])
            self.due = now + timedelta(seconds=seconds)
        elif state["Type"] == "Choice":
            self._enter(_chosen(state, data), data, now)
        elif state["Type"] == "Pass":
            result = self._fill(state["Parameters"]) if "Parameters" in state else data
            self._leave(state, _placed(data, state.get("ResultPath", "$"), result), now)
        elif state["Type"] == "Fail":
            self.error = state.get("Error", "")
            self._end("FAILED")
        else:
            self._end("SUCCEEDED")

    def _call(self, state: Mapping[str, Any], now: datetime) -> Call:
        self.attempt += 1
        self.due = None
        if state["Resource"].endswith(_WITH_TOKEN):
            self.token = f"{self.arn}#{self.attempt}"
            self.deadline = now + timedelta(seconds=state["TimeoutSeconds"])
        parameters = self._fill(state["Parameters"])
        return Call(parameters["FunctionName"], parameters["Payload"], self.attempt)

    def _awaits(self, attempt: int) -> bool:
        """Whether the task waits for this very attempt: not for one that was retried or timed out before."""
        return self.is_running and self.attempt == attempt and self.due is None

    def _done(self, result: Any, now: datetime) -> None:
        state = self.definition.states[self.state]
        data = _placed(self.data, state.get("ResultPath", "$"), result)
        self._leave(state, _path(data, state.get("OutputPath", "$")), now)

    def _fail(self, error: str, cause: str, now: datetime) -> None:
        state = self.definition.states[self.state]
        # Each attempt has a token and a time of its own.
        self.token = self.deadline = None
        for place, rule in enumerate(state.get("Retry", [])):
            if _matches(rule, error):
                tries = self._retried.get(place, 0)
                if tries < rule.get("MaxAttempts", 3):
                    self._retried[place] = tries + 1
                    seconds = rule.get("IntervalSeconds", 1) * rule.get("BackoffRate", 2) ** tries
                    self.due = now + timedelta(seconds=seconds)
                    return
                break
        for rule in state.get("Catch", []):
            if _matches(rule, error):
                caught = {"Error": error, "Cause": cause}
                self._enter(rule["Next"], _placed(self.data, rule.get("ResultPath", "$"), caught), now)
                return
        self.error = error
        self._end("FAILED")

    def _leave(self, state: Mapping[str, Any], data: Any, now: datetime) -> None:
        self.token = self.deadline = self.due = None
        if state.get("End"):
            self._end("SUCCEEDED")
        else:
            self._enter(state["Next"], data, now)

    def _end(self, status: str) -> None:
        self.status = status
        self.token = self.deadline = self.due = None

    def _fill(self, template: Any) -> Any:
        """A Parameters template with its paths (keys that end in `.$`) filled in."""
        if not isinstance(template, dict):
            return template
        return {
            key.removesuffix(".$"): self._value(value) if key.endswith(".$") else self._fill(value)
            for key, value in template.items()
        }

    def _value(self, path: str) -> Any:
        if path == "States.JsonToString($)":
            return json.dumps(self.data)
        if path.startswith("$$"):
            context = {
                "State": {"EnteredTime": self.entered_at.isoformat(), "Name": self.state},
                "Execution": {"Id": self.arn, "Name": self.name},
                "Task": {"Token": self.token},
            }
            return _path(context, path[1:])
        return copy.deepcopy(_path(self.data, path))


def _matches(rule: Mapping[str, Any], error: str) -> bool:
    named = rule["ErrorEquals"]
    return error in named or "States.ALL" in named or ("States.TaskFailed" in named and error != TIMEOUT)


def _chosen(state: Mapping[str, Any], data: Any) -> str:
    for rule in state["Choices"]:
        if _holds(rule, data):
            return str(rule["Next"])
    return str(state["Default"])


def _holds(rule: Mapping[str, Any], data: Any) -> bool:
    tests = set(rule) - {"Variable", "Next"}
    if tests == {"IsPresent"}:
        try:
            _path(data, rule["Variable"])
        except KeyError:
            return not rule["IsPresent"]
        return bool(rule["IsPresent"])
    if tests == {"StringEquals"}:
        return bool(_path(data, rule["Variable"]) == rule["StringEquals"])
    raise NotImplementedError(f"a choice by {', '.join(sorted(tests))} is not known")


def _path(data: Any, path: str) -> Any:
    """Raises KeyError for what is not there."""
    found = data
    for step in path.removeprefix("$").split("."):
        if step:
            found = found[step]
    return found


def _placed(data: Any, path: str | None, result: Any) -> Any:
    if path is None:
        return data
    if path == "$":
        return result
    name = path.removeprefix("$.")
    if "." in name:
        raise NotImplementedError(f"result path {path} is not known")
    return {**data, name: result}
