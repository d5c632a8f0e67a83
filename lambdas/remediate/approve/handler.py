"""A challenger that passed its gate is approved, with all that it must carry: the last step of the pipeline, and of a
recalibration.

The gate's verdict is read again here, from the evaluation itself: an approval is never taken on trust.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import boto3

from lambdas.runtime import Step, UnknownEvent, answer, logger
from selfheal.aws.errors import Missing, Refused
from selfheal.aws.objects import Objects, split_uri
from selfheal.aws.registry import BASELINE, DIGEST, INCIDENT, TRAINED_FROM, TRAINED_TO, Registry, digest_of
from selfheal.verdict import Verdict

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


def approve(event: dict[str, Any], s3: S3Client, registry: Registry) -> dict[str, Any]:
    """Approve `package` on the strength of `evaluation` (a folder in S3).

    Raises:
        UnknownEvent: the step's arguments are not those of the pipeline.
        Refused: the gate did not pass, or the artifact is not the one that was evaluated.
    """
    try:
        arn, folder, incident = event["package"], event["evaluation"], event["incident"]
    except (KeyError, TypeError) as error:
        raise UnknownEvent(f"the approve step needs package, evaluation and incident: {error}") from error
    bucket, prefix = split_uri(folder)
    objects = Objects(s3, bucket)
    try:
        evaluation = json.loads(objects.read(f"{prefix}/evaluation.json"))
        gate, artifact, window = evaluation["gate"], evaluation["artifact"], evaluation["window"]
    except (KeyError, ValueError) as error:
        raise Missing(
            f"{folder}/evaluation.json is not an evaluation: {type(error).__name__} {error}"
        ) from error
    if gate["verdict"] != Verdict.PASS.value:
        raise Refused(f"{arn} is not approved: {gate['verdict']}, {gate['reason']}")
    digest = digest_of(s3, registry.package(arn).artifact)
    if digest != artifact["sha256"]:
        raise Refused(f"the artifact of {arn} is not the one that was evaluated: SHA-256 {digest[:12]}…")
    metadata = {
        DIGEST: digest,
        BASELINE: f"{folder}/baseline.json",
        INCIDENT: incident,
        TRAINED_FROM: window["start"],
        TRAINED_TO: window["end"],
    }
    registry.approve(arn, metadata, f"passed the gate: {gate['checks'][-1]['reason']}"[:1024])
    logger.info("approved", package=arn, sha256=digest)
    return {"package": arn, "verdict": gate["verdict"]}


@functools.cache
def dependencies() -> tuple[S3Client, Registry]:
    return boto3.client("s3"), Registry(boto3.client("sagemaker"))


def approve_candidate(step: Step, s3: S3Client, registry: Registry) -> dict[str, Any]:
    """The next state: `release`, with the package that the incident's recalibration registered and this approved.

    Raises:
        UnknownEvent, Refused: as `approve` does.
    """
    incident = step.incident
    approved = approve({**step.input, "incident": incident.id}, s3, registry)
    return answer("release", incident.with_(candidate=approved["package"]), package=approved["package"])


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a Lambda step of the pipeline."""
    return approve(event, *dependencies())


def handle_step(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return approve_candidate(Step.of(event), *dependencies())
