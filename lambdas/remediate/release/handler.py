"""Release an approved package under the deployment guardrails, with alarms on the new fleet alone."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.runtime import ActingEnvironment, Step, UnknownEvent, answer, ledger_table, read_environment
from selfheal.aws.alarms import Alarms
from selfheal.aws.controls import ControlPanel, Stopped
from selfheal.aws.endpoint import Endpoint, EndpointState
from selfheal.aws.models import ensure_model
from selfheal.aws.policies import release_policy
from selfheal.aws.registry import DIGEST, Package, Registry, require_digest
from selfheal.diagnose.snapshot import Release, ReleaseStatus
from selfheal.record.ledger import Entry, EntryKind
from selfheal.remediate.release import config_with_model, deployment_config, fleet_alarms, model_name


@dataclass(frozen=True, kw_only=True)
class ReleaseEnvironment(ActingEnvironment):
    """Settings of this function."""

    release_policy: str
    serving_role: str


class Releaser:
    """Releases packages to one endpoint."""

    def __init__(self, environment: ReleaseEnvironment) -> None:
        self._environment = environment
        self._policy = release_policy(environment.release_policy)
        self._s3 = boto3.client("s3")
        self._sagemaker = boto3.client("sagemaker")
        self._alarms = Alarms(boto3.client("cloudwatch"), environment.endpoint)
        self._endpoint = Endpoint(self._sagemaker, environment.endpoint)
        self._table = ledger_table(environment)
        self._controls = ControlPanel(
            boto3.client("ssm"), environment.mode_parameter, environment.kill_switch_parameter
        )

    def release(self, step: Step) -> dict[str, Any]:
        """Start the deployment of a package.

        What a try began whose answer was lost is not begun again, however it ended: it is settled like any other,
        whatever became of the package or the switch meanwhile.

        Raises:
            Refused: the package is not approved, is quarantined, or its artifact is not what was registered.
            EndpointBusy: a deployment runs; the workflow tries again.
            Stopped: people do not want changes now.
            LeaseLost: the incident is not this workflow's any more.
        """
        arn = step.input.get("package")
        if not isinstance(arn, str):
            raise UnknownEvent("the workflow's state names no package to release")
        release = self._begun(arn) or self._begin(step, self._deployable(arn))
        deployment = deployment_of(release)
        incident = step.incident_if_any
        if incident is not None:
            incident = incident.with_(deployment=deployment)
        return answer("await", incident, package=arn, deployment=deployment)

    def _begun(self, package: str) -> Release | None:
        """The deployment of a package that began and was not settled; None where none did.

        The table alone cannot tell: it is written before SageMaker is asked, and the function may have died in between.
        """
        for release in self._table.releases():
            unsettled = release.package == package and release.status is ReleaseStatus.RELEASING
            if unsettled and may_have_begun(release, self._endpoint.state()):
                return release
        return None

    def _begin(self, step: Step, package: Package) -> Release:
        live = self._endpoint.require_at_rest()
        self._controls.require_permission(step.at)
        workload = self._environment.endpoint
        model = model_name(workload, package.arn, package.metadata[DIGEST])
        config = config_with_model(self._endpoint.config(live.config), workload, model)
        release = Release(
            config=str(config["EndpointConfigName"]),
            model=model,
            package=package.arn,
            previous_config=live.config,
            started_at=step.at,
            status=ReleaseStatus.RELEASING,
            endpoint_modified_at=live.modified_at,
        )
        if live.config == release.config:
            return self._table.release(release.config) or release
        release = replace(release, seq=self._intend(step, release).seq)
        ensure_model(self._sagemaker, workload, package, self._environment.serving_role)
        self._start(release, config, step.at)
        return release

    def _deployable(self, arn: str) -> Package:
        package = Registry(self._sagemaker).package(arn)
        package.require_deployable()
        _ = package.baseline_uri  # a champion without a baseline could never be watched
        require_digest(self._s3, package)
        return package

    def _start(self, release: Release, config: dict[str, Any], at: datetime) -> None:
        environment, name = self._environment, release.config
        self._endpoint.create_config(config)
        alarms = fleet_alarms(
            environment.endpoint, environment.endpoint, environment.variant, name, self._policy
        )
        self._alarms.create(alarm.arguments for alarm in alarms)
        self._table.save_release(release)
        try:
            # Model, config and alarms took a while to make, in which somebody may have thrown the switch.
            self._controls.require_permission(at)
            self._endpoint.update(name, deployment_config(self._policy, [alarm.name for alarm in alarms]))
        except (ClientError, Stopped):
            # A call whose answer was lost is sent again by botocore: what SageMaker refuses then is a second deployment
            # beside the first. The next try tells.
            if not may_have_begun(release, self._endpoint.state()):
                # It must not be blamed for what comes later.
                self._table.save_release(replace(release, status=ReleaseStatus.ROLLED_BACK, ended_at=at))
            raise

    def _intend(self, step: Step, release: Release) -> Entry:
        body = {"action": "release", **deployment_of(release)}
        incident = step.incident_if_any
        if incident is not None:
            return self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.INTENT, body=body)
        # A release by hand belongs to no incident and has no lease; its config names it.
        return self._table.append(at=step.at, incident=release.config, kind=EntryKind.INTENT, body=body)


def may_have_begun(release: Release, live: EndpointState) -> bool:
    """Whether an endpoint's state speaks for a deployment that was asked for: it serves or is under way, or the
    endpoint has changed since, and not by another's."""
    if live.config == release.config:
        return True
    return live.modified_at != release.endpoint_modified_at and live.pending in (None, release.config)


def deployment_of(release: Release) -> dict[str, str]:
    """What the workflow carries to the step that settles it."""
    return {
        "kind": "release",
        "config": release.config,
        "previous": release.previous_config,
        "model": release.model,
        "package": release.package,
        "released": release.config,
    }


@functools.cache
def releaser() -> Releaser:
    return Releaser(read_environment(ReleaseEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident and of the release workflow."""
    return releaser().release(Step.of(event))
