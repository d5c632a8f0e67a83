"""Release an approved package under the deployment guardrails, with alarms on the new fleet alone."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.runtime import Environment, Step, UnknownEvent, answer, ledger_table, read_environment
from selfheal.aws.alarms import Alarms
from selfheal.aws.controls import ControlPanel, Stopped
from selfheal.aws.endpoint import Endpoint
from selfheal.aws.models import ensure_model
from selfheal.aws.policies import release_policy
from selfheal.aws.registry import DIGEST, Package, Registry, require_digest
from selfheal.diagnose.snapshot import Release, ReleaseStatus
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind
from selfheal.remediate.release import config_with_model, deployment_config, fleet_alarms, model_name


@dataclass(frozen=True, kw_only=True)
class ReleaseEnvironment(Environment):
    """Settings of this function."""

    release_policy: str
    serving_role: str
    mode_parameter: str
    kill_switch_parameter: str


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

        Raises:
            Refused: the package is not approved, is quarantined, or its artifact is not what was registered.
            EndpointBusy: a deployment runs; the workflow tries again.
            Stopped: people do not want changes now.
            LeaseLost: the incident is not this workflow's any more.
        """
        incident = step.incident_if_any
        package = self._deployable(step.input.get("package"))
        live = self._endpoint.require_at_rest()
        self._controls.require_permission(step.at)
        workload = self._environment.endpoint
        model = model_name(workload, package.arn, package.metadata[DIGEST])
        config = config_with_model(self._endpoint.config(live.config), workload, model)
        name = str(config["EndpointConfigName"])
        deployment = {
            "kind": "release",
            "config": name,
            "previous": live.config,
            "model": model,
            "package": package.arn,
            "released": name,
        }
        if live.config != name:
            self._intend(step, {"action": "release", **deployment}, incident)
            ensure_model(self._sagemaker, workload, package, self._environment.serving_role)
            self._start(step, deployment, config)
        if incident is not None:
            incident = incident.with_(deployment=deployment)
        return answer("await", incident, package=package.arn, deployment=deployment)

    def _deployable(self, arn: Any) -> Package:
        if not isinstance(arn, str):
            raise UnknownEvent("the workflow's state names no package to release")
        package = Registry(self._sagemaker).package(arn)
        package.require_deployable()
        _ = package.baseline_uri  # a champion without a baseline could never be watched
        require_digest(self._s3, package)
        return package

    def _start(self, step: Step, deployment: dict[str, str], config: dict[str, Any]) -> None:
        environment, name = self._environment, deployment["config"]
        self._endpoint.create_config(config)
        alarms = fleet_alarms(
            environment.endpoint, environment.endpoint, environment.variant, name, self._policy
        )
        self._alarms.create(alarm.arguments for alarm in alarms)
        release = Release(
            config=name,
            model=deployment["model"],
            package=deployment["package"],
            previous_config=deployment["previous"],
            started_at=step.at,
            status=ReleaseStatus.RELEASING,
        )
        self._table.save_release(release)
        try:
            # Model, config and alarms took a while to make, in which somebody may have thrown the switch.
            self._controls.require_permission(step.at)
            self._endpoint.update(name, deployment_config(self._policy, [alarm.name for alarm in alarms]))
        except (ClientError, Stopped):
            # It never began: it must not be blamed for what comes later.
            self._table.save_release(replace(release, status=ReleaseStatus.ROLLED_BACK, ended_at=step.at))
            raise

    def _intend(self, step: Step, body: dict[str, str], incident: Incident | None) -> None:
        if incident is not None:
            self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.INTENT, body=body)
        else:  # a release by hand belongs to no incident and has no lease; its config names it
            self._table.append(at=step.at, incident=body["config"], kind=EntryKind.INTENT, body=body)


@functools.cache
def releaser() -> Releaser:
    return Releaser(read_environment(ReleaseEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident and of the release workflow."""
    return releaser().release(Step.of(event))
