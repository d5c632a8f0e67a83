"""What `app.py` synthesizes, as the machine runs it: functions by ARN, workflows, and which event starts what."""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine.account import arn
from machine.asl import Definition

# What is set otherwise than as it ships.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    # One clear report proves, and what cannot be proven is given up after hours: the same, in fewer steps.
    "SELFHEAL_RECOVERY_POLICY": {"deadline_hours": 3, "clear_windows": 1},
    # Nothing waits for a person as it ships: here one remedy does, and the others do not.
    "SELFHEAL_RAILS": {"approval": {"remedies": ["retrain"], "expires_hours": 24}},
}
ARN_OF = {
    "AWS::Lambda::Function": ("lambda", "function:{}"),
    "AWS::StepFunctions::StateMachine": ("states", "stateMachine:{}"),
}
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}


@dataclass(frozen=True)
class Function:
    """A function: its handler's place, how long it may run, and its environment, as they are deployed."""

    name: str
    handler: str
    timeout_seconds: int
    environment: Mapping[str, str]

    def load(self) -> Callable[[Any, Any], Any]:
        module, _, entry = self.handler.rpartition(".")
        found: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), entry)
        return found


@dataclass(frozen=True)
class Rule:
    """An event rule: what it matches, and the ARN of what it starts."""

    name: str
    pattern: Mapping[str, Any]
    target: str

    def matches(self, event: Mapping[str, Any]) -> bool:
        return _matches(self.pattern, event)


class Deployed:
    """The stacks of one workload, read from their templates."""

    def __init__(self, folder: Path) -> None:
        self._templates = {
            path.name.removesuffix(".template.json"): json.loads(path.read_text())
            for path in sorted(folder.glob("*.template.json"))
        }
        self.functions = {
            self._arn(stack, key): self._function(stack, body)
            for stack, key, body in self._of_type("AWS::Lambda::Function")
            if str(body["Properties"].get("Handler", "")).startswith("lambdas.")
        }
        self.machines = {
            self._arn(stack, key): Definition.of(self._arn(stack, key), self._definition(stack, body))
            for stack, key, body in self._of_type("AWS::StepFunctions::StateMachine")
            if "StateMachineName" in body["Properties"]
        }
        self.rules = list(self._rules())
        self.schedules = dict(self._schedules())

    @functools.cached_property
    def environment(self) -> dict[str, str]:
        """What all functions that are told of a thing are told alike."""
        told: dict[str, set[str]] = {}
        for function in self.functions.values():
            for name, value in function.environment.items():
                told.setdefault(name, set()).add(value)
        return {name: value for name, (value, *others) in told.items() if not others}

    def _of_type(self, type_: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for stack, template in self._templates.items():
            for key, body in template["Resources"].items():
                if body["Type"] == type_:
                    yield stack, key, body

    def _function(self, stack: str, body: dict[str, Any]) -> Function:
        properties = body["Properties"]
        variables = self._resolve(stack, properties["Environment"]["Variables"])
        for name, changed in SETTINGS.items():
            if name in variables:
                variables[name] = json.dumps({**json.loads(variables[name]), **changed})
        return Function(properties["FunctionName"], properties["Handler"], properties["Timeout"], variables)

    def _definition(self, stack: str, body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._resolve(stack, body["Properties"]["DefinitionString"]))
        return found

    def _rules(self) -> Iterator[Rule]:
        ours = {*self.functions, *self.machines}
        for stack, _, body in self._of_type("AWS::Events::Rule"):
            properties = body["Properties"]
            for target in properties["Targets"]:
                started = self._resolve(stack, target["Arn"])
                if "EventPattern" in properties and started in ours:
                    pattern = self._resolve(stack, properties["EventPattern"])
                    yield Rule(properties["Name"], pattern, started)

    def _schedules(self) -> Iterator[tuple[str, str]]:
        """What runs by the clock: the rule's name, and the function's ARN."""
        for stack, _, body in self._of_type("AWS::Events::Rule"):
            properties = body["Properties"]
            if "ScheduleExpression" in properties:
                for target in properties["Targets"]:
                    yield properties["Name"], self._resolve(stack, target["Arn"])

    def _arn(self, stack: str, key: str) -> str:
        body = self._templates[stack]["Resources"][key]
        if body["Type"] not in ARN_OF:
            return arn("any", f"{stack}/{key}")
        service, form = ARN_OF[body["Type"]]
        named = body["Properties"]
        return arn(service, form.format(named.get("FunctionName") or named.get("StateMachineName") or key))

    def _resolve(self, stack: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._resolve(stack, item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref":
                return self._ref(stack, argument)
            if function == "Fn::GetAtt":
                return self._arn(stack, argument[0])
            if function == "Fn::ImportValue":
                exporter, _, output = argument.partition(":")
                return self._resolve(exporter, self._templates[exporter]["Outputs"][output]["Value"])
            if function == "Fn::Join":
                return argument[0].join(self._resolve(stack, part) for part in argument[1])
            if function.startswith("Fn::"):
                return f"<{function}>"
        return {key: self._resolve(stack, item) for key, item in value.items()}

    def _ref(self, stack: str, name: str) -> str:
        if name in PSEUDO:
            return PSEUDO[name]
        body = self._templates[stack]["Resources"].get(name)
        if body is None:
            return f"<{name}>"
        if body["Type"] in ("AWS::SNS::Topic", *ARN_OF):
            return self._arn(stack, name)
        return name.lower()


def _matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Patterns of exact values, as the rules have them."""
    for key, wanted in pattern.items():
        if not isinstance(event, Mapping) or key not in event:
            return False
        if isinstance(wanted, Mapping):
            if not _matches(wanted, event[key]):
                return False
        elif any(isinstance(each, dict) for each in wanted):
            raise NotImplementedError(f"the event pattern {wanted} is not known")
        elif event[key] not in wanted:
            return False
    return True
