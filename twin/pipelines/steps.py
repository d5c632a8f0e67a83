"""The types of step: each starts its work with resolved arguments, and tells when and how it ended."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError, ParamValidationError

from twin.interfaces import Functions, TwinError
from twin.pipelines import policies
from twin.pipelines.conditions import holds
from twin.pipelines.definition import Step
from twin.pipelines.expressions import Scope

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

_SERVICE_ERRORS = {
    "InternalFailure": policies.SERVICE_FAULT,
    "InternalServerError": policies.SERVICE_FAULT,
    "ServiceUnavailable": policies.SERVICE_FAULT,
    "ThrottlingException": policies.THROTTLING,
    "ResourceLimitExceeded": policies.RESOURCE_LIMIT,
}
# How a job's FailureReason begins when it was SageMaker that failed, and not the program.
_JOB_FAILURES = {
    "InternalServerError": policies.JOB_INTERNAL_ERROR,
    "CapacityError": policies.CAPACITY_ERROR,
    "ResourceLimitExceeded": policies.RESOURCE_LIMIT,
}


class StepFailedError(Exception):
    """The step ends as Failed; `exception_type` is what its retry policies may name."""

    def __init__(self, reason: str, exception_type: str | None = None) -> None:
        super().__init__(reason)
        self.exception_type = exception_type


class Work(Protocol):
    """A step that has begun."""

    @property
    def metadata(self) -> dict[str, Any]: ...

    def poll(self) -> Mapping[str, Any] | None:
        """The step's properties once it has succeeded, None while it runs; StepFailedError if it failed."""

    def stop(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One start of a step: its resolved arguments and where it runs."""

    step: Step
    execution_id: str
    number: int
    arguments: Mapping[str, Any]
    function: str | None
    scope: Scope

    @property
    def job_name(self) -> str:
        """`pipelines-<execution>-<step>-<ten characters>`, at most 63, the same in every replay."""
        stem = re.sub(r"[^A-Za-z0-9]+", "-", self.step.name)[:28].strip("-")
        digest = hashlib.sha256(f"{self.execution_id}/{self.step.name}/{self.number}".encode())
        return f"pipelines-{self.execution_id}-{stem}-{digest.hexdigest()[:10]}"


@dataclass(frozen=True, kw_only=True)
class Done:
    """Work that was over as soon as it began."""

    metadata: dict[str, Any]
    properties: Mapping[str, Any] = field(default_factory=dict)
    failure: StepFailedError | None = None

    def poll(self) -> Mapping[str, Any]:
        if self.failure:
            raise self.failure
        return self.properties

    def stop(self) -> None:
        """Nothing runs any more."""


@dataclass(frozen=True, kw_only=True)
class JobWork:
    """A training or processing job, watched through the API."""

    kind: str
    metadata: dict[str, Any]
    describe: Callable[[], Mapping[str, Any]]
    halt: Callable[[], object]

    def poll(self) -> Mapping[str, Any] | None:
        job = self.describe()
        status = job[f"{self.kind}JobStatus"]
        if status in ("InProgress", "Stopping"):
            return None
        if status == "Completed":
            return job
        reason = job.get("FailureReason") or f"{self.kind} job {status}: {job.get('SecondaryStatus', status)}"
        raise StepFailedError(reason, _JOB_FAILURES.get(reason.partition(":")[0]))

    def stop(self) -> None:
        # A job that ended since it was last looked at refuses to be stopped.
        if self.describe()[f"{self.kind}JobStatus"] == "InProgress":
            self.halt()


class StepTypes:
    """How to start each type of step, by the names that definitions use."""

    def __init__(self, sagemaker: SageMakerClient, functions: Functions) -> None:
        self._sagemaker = sagemaker
        self._functions = functions
        self._starts: Mapping[str, Callable[[Attempt], Work]] = {
            "Processing": self._processing,
            "Training": self._training,
            "Condition": self._condition,
            "RegisterModel": self._register_model,
            "Lambda": self._lambda,
            "Fail": self._fail,
        }

    def start(self, attempt: Attempt) -> Work:
        return self._starts[attempt.step.type](attempt)

    def _processing(self, attempt: Attempt) -> Work:
        name = _unnamed(attempt, "ProcessingJobName")
        with _service_errors():
            created = self._sagemaker.create_processing_job(ProcessingJobName=name, **attempt.arguments)
        return JobWork(
            kind="Processing",
            metadata={"ProcessingJob": {"Arn": created["ProcessingJobArn"]}},
            describe=lambda: _body(self._sagemaker.describe_processing_job(ProcessingJobName=name)),
            halt=lambda: self._sagemaker.stop_processing_job(ProcessingJobName=name),
        )

    def _training(self, attempt: Attempt) -> Work:
        name = _unnamed(attempt, "TrainingJobName")
        with _service_errors():
            created = self._sagemaker.create_training_job(TrainingJobName=name, **attempt.arguments)
        return JobWork(
            kind="Training",
            metadata={"TrainingJob": {"Arn": created["TrainingJobArn"]}},
            describe=lambda: _body(self._sagemaker.describe_training_job(TrainingJobName=name)),
            halt=lambda: self._sagemaker.stop_training_job(TrainingJobName=name),
        )

    def _condition(self, attempt: Attempt) -> Work:
        # Judged one by one, so that a condition after a false one need not have a value.
        outcome = all(holds(condition, attempt.scope) for condition in attempt.step.arguments["Conditions"])
        return Done(
            metadata={"Condition": {"Outcome": str(outcome)}},
            properties={"Outcome": str(outcome)},
        )

    def _register_model(self, attempt: Attempt) -> Work:
        with _service_errors():
            created = self._sagemaker.create_model_package(**attempt.arguments)
            arn = created["ModelPackageArn"]
            described = self._sagemaker.describe_model_package(ModelPackageName=arn)
        return Done(metadata={"RegisterModel": {"Arn": arn}}, properties=_body(described))

    def _lambda(self, attempt: Attempt) -> Work:
        if attempt.function is None:
            raise StepFailedError(f"ClientError: step {attempt.step.name} has no FunctionArn")
        invocation = self._functions.invoke(
            _function_name(attempt.function), json.dumps(attempt.arguments).encode()
        )
        metadata: dict[str, Any] = {"Lambda": {"Arn": attempt.function}}
        if invocation.errored:
            text = invocation.result.decode(errors="replace")
            return Done(
                metadata=metadata, failure=StepFailedError(f"ClientError: Lambda function failed: {text}")
            )
        try:
            outputs = _outputs(attempt.step, invocation.result)
        except StepFailedError as error:
            return Done(metadata=metadata, failure=error)
        metadata["Lambda"]["OutputParameters"] = [
            {"Name": name, "Value": str(value)} for name, value in outputs.items()
        ]
        return Done(metadata=metadata, properties={"OutputParameters": outputs})

    def _fail(self, attempt: Attempt) -> Work:
        message = str(attempt.arguments["ErrorMessage"])
        return Done(metadata={"Fail": {"ErrorMessage": message}}, failure=StepFailedError(message))


def _unnamed(attempt: Attempt, member: str) -> str:
    if member in attempt.arguments:
        raise TwinError(f"step {attempt.step.name}: leave {member} out, SageMaker Pipelines names its jobs")
    return attempt.job_name


def _body(response: Any) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


@contextmanager
def _service_errors() -> Iterator[None]:
    try:
        yield
    except ParamValidationError as error:
        raise StepFailedError(f"ClientError: {error}") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise StepFailedError(f"ClientError: {error}", _SERVICE_ERRORS.get(code)) from error


def _function_name(arn: str) -> str:
    parts = arn.split(":")
    if parts[:3] != ["arn", "aws", "lambda"] or len(parts) < 7:
        raise StepFailedError(f"ClientError: {arn!r} is not the ARN of a Lambda function")
    return parts[6]


_OUTPUT_TYPES: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}


def _outputs(step: Step, result: bytes) -> dict[str, Any]:
    """The declared outputs in what the function returned; one that is missing fails the step."""
    declared = step.body.get("OutputParameters", ())
    returned = json.loads(result or b"null")
    outputs: dict[str, Any] = {}
    for entry in declared:
        name, kind = entry["OutputName"], entry["OutputType"]
        if not isinstance(returned, dict) or name not in returned:
            raise StepFailedError(
                f"ClientError: the Lambda function did not return the output parameter {name}"
            )
        value = returned[name]
        if not isinstance(value, _OUTPUT_TYPES[kind]) or (isinstance(value, bool) and kind != "Boolean"):
            raise StepFailedError(
                f"ClientError: the output parameter {name} is {value!r}, not of type {kind}"
            )
        outputs[name] = value
    return outputs
