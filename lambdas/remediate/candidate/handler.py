"""Look at what a retraining brought: an approved challenger goes on to its release, anything else does not."""

from __future__ import annotations

import functools
from typing import Any

import boto3

from lambdas.runtime import Environment, Step, answer, ledger_table, logger, read_environment
from selfheal.aws.ledger_table import LedgerTable
from selfheal.aws.pipeline import Pipeline
from selfheal.aws.registry import Registry
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy


def take_candidate(step: Step, pipeline: Pipeline, registry: Registry, table: LedgerTable) -> dict[str, Any]:
    """The next state: `release` with the challenger, or `plan` with the reason why there is none."""
    incident = step.incident
    if incident.training is None:
        raise ValueError(f"incident {incident.id} has no retraining to look at")
    refusal = None
    package = None
    if pipeline.execution(incident.training).status != "Succeeded":
        refusal = pipeline.failure(incident.training)
    else:
        package = pipeline.registered_package(incident.training)
        if package is None:
            refusal = "the pipeline succeeded without registering a model"
        elif registry.package(package).status != "Approved":
            refusal = f"{package} is {registry.package(package).status}"
    if refusal is None:
        return answer("release", incident.with_(candidate=package), package=package)
    logger.warning("no challenger", reason=refusal)
    body = {"remedy": Remedy.RETRAIN.value, "succeeded": False, "reason": refusal}
    table.append(at=step.at, incident=incident.id, kind=EntryKind.OUTCOME, body=body)
    return answer("plan", incident.noting(f"retrain: {refusal}"))


@functools.cache
def dependencies() -> tuple[Pipeline, Registry, LedgerTable]:
    sagemaker = boto3.client("sagemaker")
    return Pipeline(sagemaker), Registry(sagemaker), ledger_table(read_environment(Environment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return take_candidate(Step.of(event), *dependencies())
