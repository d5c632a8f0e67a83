"""Where the expressions of one execution find their values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from twin.interfaces import Clock
from twin.pipelines.execution import Execution, StepRun
from twin.pipelines.expressions import UnresolvedError, walk

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


class ExecutionScope:
    """Parameters, execution variables and steps' properties of one execution."""

    def __init__(self, execution: Execution, clock: Clock, s3: S3Client) -> None:
        self._execution = execution
        self._clock = clock
        self._s3 = s3

    def parameter(self, name: str) -> Any:
        return self._execution.parameters[name]

    def execution(self, name: str) -> Any:
        execution = self._execution
        return {
            "CurrentDateTime": _stamp(self._clock.now),
            "PipelineArn": execution.pipeline_arn,
            "PipelineExecutionArn": execution.arn,
            "PipelineExecutionId": execution.id,
            "PipelineName": execution.pipeline_name,
            "StartDateTime": _stamp(execution.created),
        }[name]

    def step(self, name: str) -> Mapping[str, Any]:
        return self._run(name).properties

    def property_file(self, step: str, name: str) -> Any:
        """The parsed JSON file, read from where the processing job uploaded it."""
        run = self._run(step)
        declared = run.step.property_files[name]
        output = walk(run.properties, ("ProcessingOutputConfig", "Outputs", declared.output, "S3Output"))
        uri = f"{output['S3Uri'].rstrip('/')}/{declared.path}"
        parts = urlsplit(uri)
        try:
            body = self._s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read()
            return json.loads(body)
        except ClientError as error:
            raise UnresolvedError(f"the property file {name} of {step} is not at {uri}") from error
        except ValueError as error:
            raise UnresolvedError(f"the property file {name} of {step} is not JSON: {error}") from error

    def _run(self, name: str) -> StepRun:
        run = self._execution.runs.get(name)
        if run is None or run.status != "Succeeded":
            raise UnresolvedError(f"step {name} has not succeeded")
        return run


def _stamp(time: Any) -> str:
    return str(time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z")
