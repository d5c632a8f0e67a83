"""A pipeline definition (version 2020-12-01), checked as SageMaker checks it when a pipeline is made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from typing import Any

from twin.interfaces import TwinError
from twin.pipelines.conditions import check_conditions
from twin.pipelines.expressions import DefinitionError, Reference, references
from twin.pipelines.parameters import Parameter
from twin.pipelines.policies import RetryPolicy, cache_lifetime
from twin.service_shapes import refuse_unsupported, validation_error

VERSION = "2020-12-01"
_TOP = ("Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps")
_COMMON = ("Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description")
_JOB = (*_COMMON, "PropertyFiles", "CacheConfig", "RetryPolicies")
_STEP_MEMBERS = {
    "Processing": _JOB,
    "Training": _JOB,
    "Condition": _COMMON,
    "RegisterModel": (*_COMMON, "RetryPolicies"),
    "Lambda": (*_COMMON, "FunctionArn", "OutputParameters", "CacheConfig"),
    "Fail": _COMMON,
}
_NOT_YET = ("Tuning", "Callback", "Model")
EXECUTION_VARIABLES = (
    "CurrentDateTime",
    "PipelineArn",
    "PipelineExecutionArn",
    "PipelineExecutionId",
    "PipelineName",
    "StartDateTime",
)


@dataclass(frozen=True, kw_only=True)
class PropertyFile:
    """A JSON file in an output of a processing step, for Std:JsonGet to read."""

    output: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Branch:
    """The side of a condition that a step stands on."""

    condition: str
    outcome: bool


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step; `branch` is the innermost condition that it stands under, if any."""

    name: str
    type: str
    arguments: Mapping[str, Any]
    body: Mapping[str, Any]
    branch: Branch | None = None
    depends_on: frozenset[str] = frozenset()
    property_files: Mapping[str, PropertyFile] = field(default_factory=dict)
    retries: tuple[RetryPolicy, ...] = ()
    cache_lifetime: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A checked definition: its parameters and its steps, those under conditions among them."""

    text: str
    parameters: Mapping[str, Parameter]
    steps: Mapping[str, Step]


def parse(text: str) -> Definition:
    """Raise ValidationException for what AWS refuses, TwinError for what the twin cannot run."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise validation_error(f"Pipeline definition is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("Version") != VERSION:
        raise validation_error(f"Pipeline definition must have Version {VERSION}")
    refuse_unsupported("pipeline definition", document, _TOP)
    try:
        parameters = [Parameter.parse(entry) for entry in document.get("Parameters", ())]
        steps = list(_flattened(document.get("Steps", ()), None))
        definition = Definition(
            text=text,
            parameters={parameter.name: parameter for parameter in parameters},
            steps={step.name: step for step in steps},
        )
        _check_names(definition, [step.name for step in steps], [entry.name for entry in parameters])
        _check_references(definition)
    except (DefinitionError, KeyError, TypeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise validation_error(f"Pipeline definition is malformed: {reason}") from error
    return definition


def _flattened(entries: Any, branch: Branch | None) -> Iterator[Step]:
    for entry in entries:
        step = _step(entry, branch)
        yield step
        if step.type == "Condition":
            for outcome, side in ((True, "IfSteps"), (False, "ElseSteps")):
                inner = Branch(condition=step.name, outcome=outcome)
                yield from _flattened(entry["Arguments"].get(side, ()), inner)


def _step(entry: Mapping[str, Any], branch: Branch | None) -> Step:
    name, kind = entry["Name"], entry["Type"]
    if kind not in _STEP_MEMBERS:
        yet = "not yet run by" if kind in _NOT_YET else "unknown to"
        raise TwinError(f"step {name}: steps of type {kind} are {yet} the twin")
    refuse_unsupported(f"step {name}", entry, _STEP_MEMBERS[kind])
    arguments = entry.get("Arguments", {})
    if kind == "Condition":
        refuse_unsupported(f"step {name}", arguments, ("Conditions", "IfSteps", "ElseSteps"))
        check_conditions(arguments["Conditions"])
        arguments = {"Conditions": arguments["Conditions"]}
    if kind == "Fail" and set(arguments) != {"ErrorMessage"}:
        raise DefinitionError(f"step {name}: a Fail step takes an ErrorMessage and nothing else")
    named = {reference.name for reference in _step_references(entry, arguments)}
    under = {branch.condition} if branch else set()
    return Step(
        name=name,
        type=kind,
        arguments=arguments,
        body=entry,
        branch=branch,
        depends_on=frozenset({*entry.get("DependsOn", ()), *named, *under}),
        property_files={
            file["PropertyFileName"]: PropertyFile(output=file["OutputName"], path=file["FilePath"])
            for file in entry.get("PropertyFiles", ())
        },
        retries=tuple(RetryPolicy.parse(policy) for policy in entry.get("RetryPolicies", ())),
        cache_lifetime=cache_lifetime(entry.get("CacheConfig")),
    )


def _step_references(entry: Mapping[str, Any], arguments: Any) -> Iterator[Reference]:
    for reference in references([arguments, entry.get("FunctionArn")]):
        if reference.scope == "Steps":
            yield reference


def _check_names(definition: Definition, steps: list[str], parameters: list[str]) -> None:
    if not steps:
        raise DefinitionError("a pipeline needs at least one step")
    for kind, names in (("step", steps), ("parameter", parameters)):
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise DefinitionError(f"the {kind} names {', '.join(repeated)} are not unique")
    for step in definition.steps.values():
        for other in sorted(step.depends_on):
            _check_dependency(definition, step, other)
    try:
        TopologicalSorter({step.name: step.depends_on for step in definition.steps.values()}).prepare()
    except CycleError as error:
        raise DefinitionError(f"the steps depend on one another: {' → '.join(error.args[1])}") from error


def _check_dependency(definition: Definition, step: Step, other: str) -> None:
    if other not in definition.steps:
        raise DefinitionError(f"step {step.name} depends on the unknown step {other}")
    missing = set(_branches(definition, definition.steps[other])) - set(_branches(definition, step))
    if missing:
        raise DefinitionError(f"step {step.name} cannot depend on {other}, which may be skipped")


def _branches(definition: Definition, step: Step) -> Iterator[Branch]:
    seen = step.branch
    while seen is not None:
        yield seen
        seen = definition.steps[seen.condition].branch


def _check_references(definition: Definition) -> None:
    for step in definition.steps.values():
        for reference in references([step.arguments, step.body.get("FunctionArn")]):
            known = True
            if reference.scope == "Parameters":
                known = reference.name in definition.parameters
            elif reference.scope == "Execution":
                known = reference.name in EXECUTION_VARIABLES
            elif reference.path[0] == "PropertyFiles":
                known = reference.path[1] in definition.steps[reference.name].property_files
            if not known:
                raise DefinitionError(
                    f"step {step.name} refers to {reference.scope}.{reference.name}"
                    f"{''.join(f'.{part}' for part in reference.path)}, which does not exist"
                )
