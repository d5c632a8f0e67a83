# ruff: noqa: N803 - parameters are called as AWS calls them
"""SageMaker's endpoints and their configs; how a deployment goes is the tests' to say."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from machine.account.calls import Refused
from machine.account.registry import PREFIX, Models, missing

# What an update needs: from everything else SageMaker refuses it.
UPDATABLE = ("InService", "UpdateRollbackFailed", "OutOfService")


@dataclass
class Deployment:
    """A deployment that SageMaker accepted. `guarded`: it has alarms that may send it back."""

    endpoint: str
    config: str
    previous: str
    started_at: datetime
    guarded: bool
    ended_at: datetime | None = None


class Endpoints(Models):
    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self.configs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.deployments: list[Deployment] = []

    def create_endpoint_config(self, EndpointConfigName: str, **arguments: Any) -> dict[str, Any]:
        if EndpointConfigName in self.configs:
            raise Refused(
                "ValidationException",
                f"Cannot create already existing endpoint configuration "
                f"{PREFIX}:endpoint-config/{EndpointConfigName}.",
            )
        for variant in arguments["ProductionVariants"]:
            self.describe_model(variant["ModelName"])
        self.configs[EndpointConfigName] = {
            "EndpointConfigName": EndpointConfigName,
            **copy.deepcopy(arguments),
        }
        return {"EndpointConfigArn": f"{PREFIX}:endpoint-config/{EndpointConfigName}"}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        if EndpointConfigName not in self.configs:
            raise missing(f'endpoint configuration "{PREFIX}:endpoint-config/{EndpointConfigName}"')
        answer = copy.deepcopy(self.configs[EndpointConfigName])
        answer.pop("Tags", None)
        return answer

    def create_endpoint(self, EndpointName: str, EndpointConfigName: str) -> dict[str, Any]:
        self.endpoints[EndpointName] = {
            "EndpointName": EndpointName,
            "EndpointConfigName": EndpointConfigName,
            "EndpointStatus": "InService",
        }
        return {"EndpointArn": f"{PREFIX}:endpoint/{EndpointName}"}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        return dict(self._endpoint(EndpointName))

    def list_endpoints(self, StatusEquals: str | None = None) -> dict[str, Any]:
        found = [
            {name: endpoint[name] for name in ("EndpointName", "EndpointStatus")}
            for endpoint in self.endpoints.values()
            if StatusEquals in (None, endpoint["EndpointStatus"])
        ]
        return {"Endpoints": found}

    def update_endpoint(
        self,
        EndpointName: str,
        EndpointConfigName: str,
        DeploymentConfig: dict[str, Any] | None = None,
        RetainAllVariantProperties: bool = False,
        ExcludeRetainedVariantProperties: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        endpoint = self._endpoint(EndpointName)
        if endpoint["EndpointStatus"] not in UPDATABLE:
            raise Refused("ValidationException", "Cannot update in-progress endpoint.")
        self.describe_endpoint_config(EndpointConfigName)
        guarded = bool((DeploymentConfig or {}).get("AutoRollbackConfiguration", {}).get("Alarms"))
        deployment = Deployment(
            endpoint=EndpointName,
            config=EndpointConfigName,
            previous=endpoint["EndpointConfigName"],
            started_at=self._clock(),
            guarded=guarded,
        )
        self.deployments.append(deployment)
        endpoint["EndpointStatus"] = "Updating"
        endpoint.pop("FailureReason", None)
        return {"EndpointArn": f"{PREFIX}:endpoint/{EndpointName}"}

    # --- what SageMaker does on its own

    def running_deployment(self) -> Deployment | None:
        last = self.deployments[-1] if self.deployments else None
        return last if last and last.ended_at is None else None

    def end_deployment(self, *, taken: bool, status: str = "InService", failure: str = "") -> Deployment:
        """The running deployment takes, or the endpoint is back on the config before it."""
        deployment = self.running_deployment()
        assert deployment is not None, "no deployment is running"
        deployment.ended_at = self._clock()
        endpoint = self._endpoint(deployment.endpoint)
        endpoint["EndpointStatus"] = status
        if taken:
            endpoint["EndpointConfigName"] = deployment.config
        if failure:
            endpoint["FailureReason"] = failure
        return deployment

    def _endpoint(self, name: str) -> dict[str, Any]:
        if name not in self.endpoints:
            raise missing(f'endpoint "{PREFIX}:endpoint/{name}"')
        return self.endpoints[name]
