"""A small typed builder of SageMaker pipeline definitions (schema version 2020-12-01).

It knows the step types that this template uses and nothing else. Arguments of a job are those of its
Create call, as the service's own API model has them: the tests check every one against it. Expressions
are plain dictionaries, as the service reads them.

Source: "Amazon SageMaker Pipelines JSON schema", https://aws-sagemaker-mlops.github.io/sagemaker-model-building-pipeline-definition-JSON-schema/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SCHEMA_VERSION = "2020-12-01"

Expression = dict[str, Any]
Text = str | Expression

# What is worth a second try, and is not this template's fault.
RETRY_SERVICE = {
    "ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"],
    "IntervalSeconds": 30,
    "BackoffRate": 2.0,
    "MaxAttempts": 4,
}
RETRY_JOB = {
    "ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"],
    "IntervalSeconds": 300,
    "BackoffRate": 1.5,
    "MaxAttempts": 6,
}


def parameter(name: str) -> Expression:
    """The value of a pipeline parameter."""
    return {"Get": f"Parameters.{name}"}


def property_of(step: str, path: str) -> Expression:
    """A property of a step's answer, such as `ModelArtifacts.S3ModelArtifacts`."""
    return {"Get": f"Steps.{step}.{path}"}


def execution(variable: str) -> Expression:
    """A variable of the execution, such as `PipelineExecutionId`."""
    return {"Get": f"Execution.{variable}"}


def join(on: str, values: Sequence[Text]) -> Expression:
    return {"Std:Join": {"On": on, "Values": list(values)}}


def json_get(step: str, property_file: str, path: str) -> Expression:
    """A value out of a property file that a processing step wrote."""
    return {
        "Std:JsonGet": {"PropertyFile": {"Get": f"Steps.{step}.PropertyFiles.{property_file}"}, "Path": path}
    }


@dataclass(frozen=True)
class Parameter:
    """A String parameter of the pipeline; without a default it must be given at every start."""

    name: str
    default: str | None = None

    def to_json(self) -> dict[str, Any]:
        default = {} if self.default is None else {"DefaultValue": self.default}
        return {"Name": self.name, "Type": "String", **default}


@dataclass(frozen=True)
class PropertyFile:
    """A JSON file in an output of a processing step, for `json_get`."""

    name: str
    output: str
    file: str

    def to_json(self) -> dict[str, Any]:
        return {"PropertyFileName": self.name, "OutputName": self.output, "FilePath": self.file}


@dataclass(frozen=True, kw_only=True)
class Processing:
    """A processing job; `arguments` are those of CreateProcessingJob without the job's name."""

    name: str
    arguments: Mapping[str, Any]
    property_files: Sequence[PropertyFile] = ()
    description: str = ""

    def to_json(self) -> dict[str, Any]:
        files = [file.to_json() for file in self.property_files]
        body = _step(self.name, "Processing", self.arguments, self.description)
        return {
            **body,
            **({"PropertyFiles": files} if files else {}),
            "RetryPolicies": [RETRY_SERVICE, RETRY_JOB],
        }


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training job; `arguments` are those of CreateTrainingJob without the job's name."""

    name: str
    arguments: Mapping[str, Any]
    description: str = ""

    def to_json(self) -> dict[str, Any]:
        body = _step(self.name, "Training", self.arguments, self.description)
        return {**body, "RetryPolicies": [RETRY_SERVICE, RETRY_JOB]}


@dataclass(frozen=True, kw_only=True)
class RegisterModel:
    """A model package; `arguments` are those of CreateModelPackage."""

    name: str
    arguments: Mapping[str, Any]
    description: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            **_step(self.name, "RegisterModel", self.arguments, self.description),
            "RetryPolicies": [RETRY_SERVICE],
        }


@dataclass(frozen=True, kw_only=True)
class LambdaCall:
    """A call of a Lambda function; its answer's keys named in `outputs` become properties (strings)."""

    name: str
    function_arn: Text
    arguments: Mapping[str, Text]
    outputs: Sequence[str] = ()
    depends_on: Sequence[str] = ()
    description: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            **_step(self.name, "Lambda", self.arguments, self.description),
            "FunctionArn": self.function_arn,
            "OutputParameters": [{"OutputName": name, "OutputType": "String"} for name in self.outputs],
            **({"DependsOn": list(self.depends_on)} if self.depends_on else {}),
        }


@dataclass(frozen=True, kw_only=True)
class Fail:
    """The end of an execution that must not succeed, with a message for people."""

    name: str
    message: Text

    def to_json(self) -> dict[str, Any]:
        return {"Name": self.name, "Type": "Fail", "Arguments": {"ErrorMessage": self.message}}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A fork: where `left` equals `right` the one steps, else the others."""

    name: str
    left: Text
    right: str
    then: Sequence[Step] = field(default_factory=tuple)
    otherwise: Sequence[Step] = field(default_factory=tuple)
    depends_on: Sequence[str] = ()
    description: str = ""

    def to_json(self) -> dict[str, Any]:
        arguments = {
            "Conditions": [{"Type": "Equals", "LeftValue": self.left, "RightValue": self.right}],
            "IfSteps": [step.to_json() for step in self.then],
            "ElseSteps": [step.to_json() for step in self.otherwise],
        }
        body = _step(self.name, "Condition", arguments, self.description)
        return {**body, **({"DependsOn": list(self.depends_on)} if self.depends_on else {})}


Step = Processing | Training | RegisterModel | LambdaCall | Fail | Condition


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A whole pipeline."""

    parameters: Sequence[Parameter]
    steps: Sequence[Step]

    def to_json(self) -> dict[str, Any]:
        """Raises ValueError where two steps have one name: references could mean either."""
        names = [name for step in self.steps for name in _names(step)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"step names must be unique, but {', '.join(twice)} is used twice")
        return {
            "Version": SCHEMA_VERSION,
            "Metadata": {},
            "Parameters": [parameter.to_json() for parameter in self.parameters],
            "PipelineExperimentConfig": {
                "ExperimentName": execution("PipelineName"),
                "TrialName": execution("PipelineExecutionId"),
            },
            "Steps": [step.to_json() for step in self.steps],
        }


def _step(name: str, type_: str, arguments: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": type_,
        **({"Description": description} if description else {}),
        "Arguments": dict(arguments),
    }


def _names(step: Step) -> list[str]:
    inner = [*step.then, *step.otherwise] if isinstance(step, Condition) else []
    return [step.name, *(name for child in inner for name in _names(child))]
