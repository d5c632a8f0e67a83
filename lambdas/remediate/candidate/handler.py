"""Look at what a pipeline brought: a model that passed its gate goes on to its release, anything else does not."""

from __future__ import annotations

import functools
from typing import Any

import boto3

from lambdas.runtime import Environment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.ledger_table import LedgerTable
from selfheal.aws.pipeline import Pipeline
from selfheal.aws.registry import Registry
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy


class NoCandidate(Exception):
    """Why a pipeline brought no model that may be released."""


def take_candidate(step: Step, pipeline: Pipeline, registry: Registry, table: LedgerTable) -> dict[str, Any]:
    """The next state: `release` with the candidate, or `plan` with the reason why there is none."""
    incident = step.incident
    remedy = incident.tried[-1]
    try:
        package = _candidate(incident, pipeline, registry)
    except NoCandidate as refusal:
        logger.warning("no candidate", remedy=remedy.value, reason=str(refusal))
        body = {"remedy": remedy.value, "succeeded": False, "reason": str(refusal)}
        if remedy is Remedy.REACTIVATE:
            # It was a question, whose answer was no: nothing failed, and the breaker has nothing to count.
            body["changed"] = False
        table.append(at=step.at, incident=incident.id, kind=EntryKind.OUTCOME, body=body)
        return answer("plan", incident.with_(candidate=None).noting(f"{remedy.value}: {refusal}"))
    return answer("release", incident.with_(candidate=package), package=package)


def _candidate(incident: Incident, pipeline: Pipeline, registry: Registry) -> str:
    if incident.training is None:
        raise ValueError(f"incident {incident.id} has no pipeline execution to look at")
    if pipeline.execution(incident.training).status != "Succeeded":
        raise NoCandidate(pipeline.failure(incident.training))
    # A retraining registers what it brought; of a replay, the request named it.
    replayed = incident.tried[-1] is Remedy.REACTIVATE
    package = incident.candidate if replayed else pipeline.registered_package(incident.training)
    if package is None:
        raise NoCandidate("the pipeline succeeded without registering a model")
    status = registry.package(package).status
    if status != "Approved":
        raise NoCandidate(f"{package} is {status}")
    return package


@functools.cache
def dependencies() -> tuple[Pipeline, Registry, LedgerTable]:
    sagemaker = boto3.client("sagemaker")
    return Pipeline(sagemaker), Registry(sagemaker), ledger_table(read_environment(Environment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return take_candidate(Step.of(event), *dependencies())
