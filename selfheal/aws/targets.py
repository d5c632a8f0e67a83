"""What a workflow can wait for, and whether it has come to rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from selfheal.aws.endpoint import Endpoint
from selfheal.aws.errors import code
from selfheal.aws.ledger_table import Wait
from selfheal.aws.pipeline import Pipeline

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_stepfunctions.client import SFNClient

# The workflow ended, or was answered already: nobody waits any more.
GONE = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")


def hand_on(workflows: SFNClient, token: str, output: Mapping[str, Any]) -> bool:
    """Let the workflow that waits with a token go on with an output; False where none waits any more."""
    try:
        workflows.send_task_success(taskToken=token, output=json.dumps(output))
    except ClientError as error:
        if code(error) not in GONE:
            raise
        return False
    return True


class Targets:
    """The endpoint and the pipeline executions that workflows of one workload wait for."""

    def __init__(self, sagemaker: SageMakerClient, workflows: SFNClient, endpoint: str) -> None:
        self._endpoint = Endpoint(sagemaker, endpoint)
        self._pipeline = Pipeline(sagemaker)
        self._workflows = workflows

    def resume(self, wait: Wait) -> bool:
        """Let a workflow go on if its target has come to rest; whether its wait is over.

        A wait that takes too long is the workflow's own business: its task has a timeout.
        """
        if not self._at_rest(wait):
            return False
        hand_on(self._workflows, wait.token, {})
        return True

    def _at_rest(self, wait: Wait) -> bool:
        if wait.kind == "endpoint":
            return self._endpoint.state().at_rest
        return self._pipeline.execution(wait.target).at_rest
