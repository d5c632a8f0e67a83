"""Decide whether an approval in the registry is a release of its own."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.runtime import Environment, Step, UnknownEvent, answer, ledger_table, logger, read_environment
from selfheal.aws.champion import ChampionPointer, package_of
from selfheal.aws.registry import INCIDENT, Registry

APPROVAL = "ModelApprovalStatus"


@dataclass(frozen=True, kw_only=True)
class AdmitEnvironment(Environment):
    """Settings of this function."""

    champion_parameter: str


class Admission:
    """Admits packages to one endpoint."""

    def __init__(self, environment: AdmitEnvironment) -> None:
        self._table = ledger_table(environment)
        self._sagemaker = boto3.client("sagemaker")
        self._pointer = ChampionPointer(boto3.client("ssm"), environment.champion_parameter)

    def admit(self, step: Step) -> dict[str, Any]:
        detail = _detail(step.input)
        arn = str(detail["ModelPackageArn"])
        reason = self._skip(arn, detail)
        if reason is not None:
            logger.info("not released", package=arn, reason=reason)
            return answer("skip", package=arn, reason=reason)
        return answer("release", package=arn)

    def _skip(self, arn: str, detail: Mapping[str, Any]) -> str | None:
        """Why this event releases nothing. The event only says that something moved: the registry is asked."""
        changed = detail.get("UpdatedModelPackageFields") or [APPROVAL]
        if APPROVAL not in changed:
            return f"the change was of {', '.join(changed)}, not of the approval"
        package = Registry(self._sagemaker).package(arn)
        if package.status != "Approved":
            return f"the package is {package.status}"
        if package.is_quarantined:
            return "the package is quarantined"
        owner = package.metadata.get(INCIDENT)
        if owner is not None and owner == self._table.open_incident():
            return f"incident {owner} is open and releases it itself"
        champion = self._pointer.model()
        if champion is None:
            return "there is no champion yet: the first is deployed with the stacks"
        if package_of(self._sagemaker, champion) == arn:
            return "the package is the champion already"
        return None


def _detail(event: Mapping[str, Any]) -> Mapping[str, Any]:
    detail = event.get("detail")
    if not isinstance(detail, Mapping) or "ModelPackageArn" not in detail:
        raise UnknownEvent(f"event {event.get('detail-type')!r} names no model package")
    return detail


@functools.cache
def admission() -> Admission:
    return Admission(read_environment(AdmitEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: the first task of the release workflow."""
    return admission().admit(Step.of(event))
