"""The first champion: a clean account trains its own, so that the endpoint has something to serve.

A custom resource of the Learning stack. `on_event` starts the pipeline once; `is_complete` waits until a
package is approved, makes its model and moves the champion pointer. There is no endpoint yet to update.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import boto3

from lambdas.runtime import Environment, logger, read_environment
from selfheal.aws.champion import ChampionPointer
from selfheal.aws.errors import AwsError
from selfheal.aws.models import ensure_model
from selfheal.aws.objects import Objects
from selfheal.aws.pipeline import Pipeline
from selfheal.aws.registry import Registry, require_digest
from selfheal.aws.retraining import write_request
from selfheal.remediate.release import content_hash

NOT_YET = "Written by the Selfheal template: a SageMaker job refuses an empty input folder.\n"


@dataclass(frozen=True, kw_only=True)
class FirstChampionEnvironment(Environment):
    """Settings of these functions."""

    pipeline: str
    champion_parameter: str
    serving_role: str


class FirstChampion:
    """Trains and crowns the first champion of a workload."""

    def __init__(self, environment: FirstChampionEnvironment) -> None:
        self._environment = environment
        self._s3 = boto3.client("s3")
        self._sagemaker = boto3.client("sagemaker")
        self._pipeline = Pipeline(self._sagemaker)
        self._pointer = ChampionPointer(boto3.client("ssm"), environment.champion_parameter)

    def start(self, request_id: str) -> dict[str, Any]:
        """Start the pipeline, unless a champion is there already (a stack that was deleted and came back)."""
        physical = f"{self._environment.endpoint}-first-champion"
        champion = self._pointer.model()
        if champion is not None:
            return {"PhysicalResourceId": physical, "Data": {"Execution": "", "Model": champion}}
        environment = self._environment
        objects = Objects(self._s3, environment.bucket)
        inputs = (f"capture/{environment.endpoint}", f"ground-truth/{environment.endpoint}", "quarantine")
        for folder in inputs:
            objects.write(f"{folder}/about.txt", NOT_YET)
        token = (
            f"first-{content_hash([environment.endpoint, request_id])}-{content_hash(request_id)}-champion"
        )
        parameters = write_request(
            self._s3,
            environment.bucket,
            token,
            incident="first-champion",
            window_end=datetime.now(timezone.utc),
            champion=None,
        )
        arn = self._pipeline.start(environment.pipeline, parameters, token)
        return {"PhysicalResourceId": physical, "Data": {"Execution": arn}}

    def complete(self, execution_arn: str) -> dict[str, Any]:
        """Raises AwsError, which fails the stack, where the pipeline brought no approved model."""
        if not execution_arn:
            return {"IsComplete": True}
        execution = self._pipeline.execution(execution_arn)
        if not execution.at_rest:
            return {"IsComplete": False}
        if execution.status != "Succeeded":
            raise AwsError(f"the first training {execution.status}: {self._pipeline.failure(execution_arn)}")
        arn = self._pipeline.registered_package(execution_arn)
        if arn is None:
            raise AwsError(f"the first training registered no model: {execution_arn}")
        package = Registry(self._sagemaker).package(arn)
        package.require_deployable()
        require_digest(self._s3, package)
        model = ensure_model(
            self._sagemaker, self._environment.endpoint, package, self._environment.serving_role
        )
        self._pointer.move(model)
        logger.info("first champion", model=model, package=arn)
        return {"IsComplete": True, "Data": {"Model": model}}


@functools.cache
def first_champion() -> FirstChampion:
    return FirstChampion(read_environment(FirstChampionEnvironment))


def on_event(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: the custom resource is created, updated or deleted. Only its creation trains."""
    if event["RequestType"] == "Create":
        return first_champion().start(event["RequestId"])
    return {"PhysicalResourceId": event["PhysicalResourceId"]}


def is_complete(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: asked again and again until the first champion stands."""
    if event["RequestType"] != "Create":
        return {"IsComplete": True}
    return first_champion().complete(event["Data"]["Execution"])
