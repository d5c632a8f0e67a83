"""SageMaker Pipelines in the twin: the API operations over executions that really run."""

from __future__ import annotations

import hashlib
import string
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.models import FakePipeline, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from twin.interfaces import ACCOUNT_ID, REGION, Bus, Clock, Functions
from twin.patching import Patches
from twin.pipelines.definition import parse
from twin.pipelines.execution import Execution
from twin.pipelines.executor import Executor, Pace, StepChange
from twin.pipelines.parameters import as_api, bind
from twin.pipelines.steps import StepTypes
from twin.service_shapes import check_request, paged, refuse_unsupported, validation_error

if TYPE_CHECKING:
    import boto3

Operation = Callable[[SageMakerResponse], ActionResult]

_START = (
    "ClientRequestToken",
    "ParallelismConfiguration",
    "PipelineExecutionDescription",
    "PipelineExecutionDisplayName",
    "PipelineName",
    "PipelineParameters",
)
_ALPHABET = string.digits + string.ascii_lowercase


class Pipelines:
    """Pipelines and their executions; `patches` puts them behind moto's SageMaker API.

    Jobs are created and watched through the API, with in-process clients of `session`.
    """

    def __init__(
        self,
        clock: Clock,
        bus: Bus,
        functions: Functions,
        patches: Patches,
        session: boto3.Session,
        *,
        pace: Pace | None = None,
    ) -> None:
        self._clock = clock
        self._s3 = session.client("s3", region_name=REGION)
        steps = StepTypes(session.client("sagemaker", region_name=REGION), functions)
        self._executor = Executor(clock, bus, steps, self._s3, pace or Pace())
        self._executions: dict[str, Execution] = {}
        self._tokens: dict[tuple[str, str], tuple[Mapping[str, Any], str]] = {}
        # Requests may come from server threads at the same time; the work itself is the clock's.
        self._lock = threading.RLock()
        self._install(patches)

    def listen(self, callback: Callable[[StepChange], None]) -> None:
        """Call back on every change of a step's status, from the clock's thread."""
        self._executor.listen(callback)

    def start(self, request: Mapping[str, Any]) -> str:
        """StartPipelineExecution: the execution's ARN; a token that was used before gives its execution."""
        check_request("StartPipelineExecution", request)
        refuse_unsupported("StartPipelineExecution", request, _START)
        pipeline = _pipeline(request["PipelineName"])
        token = (pipeline.arn, request["ClientRequestToken"])
        with self._lock:
            if token in self._tokens:
                earlier, arn = self._tokens[token]
                if earlier != request:
                    raise SagemakerClientError(
                        "ConflictException", "ClientRequestToken was used before with other parameters"
                    )
                return arn
            execution = self._execution(pipeline, request)
            self._tokens[token] = (request, execution.arn)
            self._executions[execution.arn] = execution
            pipeline.last_execution_time = execution.created
            self._executor.begin(execution)
        return execution.arn

    def stop(self, arn: str) -> None:
        with self._lock:
            execution = self.execution(arn)
            if execution.status == "Stopping":
                return
            if execution.status != "Executing":
                raise validation_error(
                    f"Pipeline execution {arn} cannot be stopped: it is {execution.status}"
                )
            self._executor.stop(execution)

    def execution(self, arn: str) -> Execution:
        if arn not in self._executions:
            raise _not_found(f"Pipeline execution with PipelineExecutionArn {arn} does not exist.")
        return self._executions[arn]

    def _execution(self, pipeline: FakePipeline, request: Mapping[str, Any]) -> Execution:
        definition = parse(pipeline.pipeline_definition)
        parallelism = pipeline.parallelism_configuration
        inherited = {"ParallelismConfiguration": parallelism} if parallelism else {}
        ordinal = sum(other.pipeline_arn == pipeline.arn for other in self._executions.values())
        return Execution(
            arn=f"{pipeline.arn}/execution/{_execution_id(pipeline.arn, ordinal)}",
            pipeline_name=pipeline.pipeline_name,
            pipeline_arn=pipeline.arn,
            definition=definition,
            parameters=bind(definition.parameters, request.get("PipelineParameters", ())),
            request={**inherited, **request},
            created=self._clock.now,
        )

    def _list(self, request: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
        refuse_unsupported(
            "ListPipelineExecutions",
            request,
            (
                "PipelineName",
                "CreatedAfter",
                "CreatedBefore",
                "SortBy",
                "SortOrder",
                "NextToken",
                "MaxResults",
            ),
        )
        pipeline = _pipeline(request["PipelineName"])
        chosen = [
            execution
            for execution in self._executions.values()
            if execution.pipeline_arn == pipeline.arn
            and execution.created >= request.get("CreatedAfter", execution.created)
            and execution.created <= request.get("CreatedBefore", execution.created)
        ]
        by_arn = request.get("SortBy", "CreationTime") == "PipelineExecutionArn"
        chosen.sort(
            key=lambda execution: execution.arn if by_arn else execution.created.isoformat(),
            reverse=request.get("SortOrder", "Descending") == "Descending",
        )
        page, token = paged(chosen, request, default_size=10)
        return [execution.summary() for execution in page], token

    def _steps(self, request: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
        runs = list(self.execution(request["PipelineExecutionArn"]).runs.values())
        if request.get("SortOrder", "Descending") == "Descending":
            runs.reverse()
        page, token = paged(runs, request, default_size=20)
        return [run.describe() for run in page], token

    def _checked(self, original: Operation) -> Operation:
        """CreatePipeline and UpdatePipeline: the definition is checked as it comes in, S3 or inline."""

        def operation(response: SageMakerResponse) -> ActionResult:
            request = response.params
            text = request.get("PipelineDefinition")
            if location := request.get("PipelineDefinitionS3Location"):
                stored = self._s3.get_object(Bucket=location["Bucket"], Key=location["ObjectKey"])
                text = stored["Body"].read().decode()
            if text is not None:
                parse(text)
            result = original(response)
            if text is not None:
                # moto keeps a definition from S3 as a dict, whose text would no longer be JSON.
                _pipeline(request["PipelineName"]).pipeline_definition = text
            return result

        return operation

    def _install(self, patches: Patches) -> None:
        def start_pipeline_execution(response: SageMakerResponse) -> ActionResult:
            return ActionResult({"PipelineExecutionArn": self.start(dict(response.params))})

        def stop_pipeline_execution(response: SageMakerResponse) -> ActionResult:
            self.stop(response.params["PipelineExecutionArn"])
            return ActionResult({"PipelineExecutionArn": response.params["PipelineExecutionArn"]})

        def describe_pipeline_execution(response: SageMakerResponse) -> ActionResult:
            return ActionResult(self.execution(response.params["PipelineExecutionArn"]).describe())

        def describe_pipeline_definition_for_execution(response: SageMakerResponse) -> ActionResult:
            execution = self.execution(response.params["PipelineExecutionArn"])
            return ActionResult(
                {"PipelineDefinition": execution.definition.text, "CreationTime": execution.created}
            )

        def list_pipeline_parameters_for_execution(response: SageMakerResponse) -> ActionResult:
            execution = self.execution(response.params["PipelineExecutionArn"])
            page, token = paged(as_api(execution.parameters), response.params, default_size=100)
            return ActionResult({"PipelineParameters": page, "NextToken": token})

        def list_pipeline_executions(response: SageMakerResponse) -> ActionResult:
            page, token = self._list(response.params)
            return ActionResult({"PipelineExecutionSummaries": page, "NextToken": token})

        def list_pipeline_execution_steps(response: SageMakerResponse) -> ActionResult:
            page, token = self._steps(response.params)
            return ActionResult({"PipelineExecutionSteps": page, "NextToken": token})

        for operation in (
            start_pipeline_execution,
            describe_pipeline_execution,
            describe_pipeline_definition_for_execution,
            list_pipeline_parameters_for_execution,
            list_pipeline_executions,
        ):
            patches.replace(SageMakerResponse, operation.__name__, operation)
        patches.add(SageMakerResponse, "list_pipeline_execution_steps", list_pipeline_execution_steps)
        patches.add(SageMakerResponse, "stop_pipeline_execution", stop_pipeline_execution)
        for name in ("create_pipeline", "update_pipeline"):
            original: Operation = getattr(SageMakerResponse, name)
            patches.replace(SageMakerResponse, name, self._checked(original))


def _pipeline(name_or_arn: str) -> FakePipeline:
    name = name_or_arn.rpartition("/")[2]
    pipelines = sagemaker_backends[ACCOUNT_ID][REGION].pipelines
    if name not in pipelines:
        raise _not_found(f"Pipeline '{name_or_arn}' does not exist.")
    return pipelines[name]


def _not_found(message: str) -> SagemakerClientError:
    return SagemakerClientError("ResourceNotFound", message)


def _execution_id(pipeline_arn: str, ordinal: int) -> str:
    """Twelve characters, as SageMaker's, but the same in every replay."""
    number = int.from_bytes(hashlib.sha256(f"{pipeline_arn}/{ordinal}".encode()).digest())
    letters = []
    for _ in range(12):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)
