# ruff: noqa: N803 - parameters are called as AWS calls them
"""SageMaker's endpoints and their configs; how a deployment goes is the tests' to say."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from machine.account.calls import Refused
from machine.account.registry import PREFIX, Models, missing

# What an update needs: from everything else SageMaker refuses it.
UPDATABLE = ("InService", "UpdateRollbackFailed", "OutOfService")


@dataclass
class Deployment:
    """A deployment that SageMaker accepted. `guarded`: it has alarms that may send it back. `sizes`: the instances of
    the variants once it is taken; where it is to the config that serves, it changes nothing else."""

    endpoint: str
    config: str
    previous: str
    started_at: datetime
    guarded: bool
    sizes: dict[str, int]
    ended_at: datetime | None = None


class Endpoints(Models):
    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self.configs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.deployments: list[Deployment] = []
        self._changes = 0

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
        }
        self._resize(self.endpoints[EndpointName], self._sizes(EndpointConfigName))
        self._change(self.endpoints[EndpointName], "InService")
        return {"EndpointArn": f"{PREFIX}:endpoint/{EndpointName}"}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        running = self.running_deployment()
        pending = {}
        if running is not None and running.endpoint == EndpointName:
            pending = {"PendingDeploymentSummary": {"EndpointConfigName": running.config}}
        return {**self._endpoint(EndpointName), **pending}

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
        sizes = self._sizes(EndpointConfigName)
        if RetainAllVariantProperties:
            kept = {v["VariantName"]: v["DesiredInstanceCount"] for v in endpoint["ProductionVariants"]}
            sizes |= {name: count for name, count in kept.items() if name in sizes}
        guarded = bool((DeploymentConfig or {}).get("AutoRollbackConfiguration", {}).get("Alarms"))
        deployment = Deployment(
            endpoint=EndpointName,
            config=EndpointConfigName,
            previous=endpoint["EndpointConfigName"],
            started_at=self._clock(),
            guarded=guarded,
            sizes=sizes,
        )
        return self._begin(endpoint, deployment)

    def update_endpoint_weights_and_capacities(
        self, EndpointName: str, DesiredWeightsAndCapacities: list[dict[str, Any]]
    ) -> dict[str, Any]:
        endpoint = self._endpoint(EndpointName)
        if endpoint["EndpointStatus"] != "InService":
            raise Refused("ValidationException", "Cannot update in-progress endpoint.")
        sizes = {v["VariantName"]: v["DesiredInstanceCount"] for v in endpoint["ProductionVariants"]}
        sizes |= {each["VariantName"]: each["DesiredInstanceCount"] for each in DesiredWeightsAndCapacities}
        config = endpoint["EndpointConfigName"]
        deployment = Deployment(
            endpoint=EndpointName,
            config=config,
            previous=config,
            started_at=self._clock(),
            guarded=False,
            sizes=sizes,
        )
        return self._begin(endpoint, deployment)

    def _begin(self, endpoint: dict[str, Any], deployment: Deployment) -> dict[str, Any]:
        self.deployments.append(deployment)
        self._change(endpoint, "Updating")
        endpoint.pop("FailureReason", None)
        return {"EndpointArn": f"{PREFIX}:endpoint/{deployment.endpoint}"}

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
        self._change(endpoint, status)
        if taken:
            endpoint["EndpointConfigName"] = deployment.config
            self._resize(endpoint, deployment.sizes)
        if failure:
            endpoint["FailureReason"] = failure
        return deployment

    def _change(self, endpoint: dict[str, Any], status: str) -> None:
        """No two changes have the same time, as on AWS, though time stands still here while functions run."""
        self._changes += 1
        endpoint["EndpointStatus"] = status
        endpoint["LastModifiedTime"] = self._clock() + timedelta(microseconds=self._changes)

    def _sizes(self, config: str) -> dict[str, int]:
        variants = self.describe_endpoint_config(config)["ProductionVariants"]
        return {variant["VariantName"]: variant.get("InitialInstanceCount", 1) for variant in variants}

    def _resize(self, endpoint: dict[str, Any], sizes: dict[str, int]) -> None:
        endpoint["ProductionVariants"] = [
            {"VariantName": name, "CurrentInstanceCount": count, "DesiredInstanceCount": count}
            for name, count in sizes.items()
        ]

    def _endpoint(self, name: str) -> dict[str, Any]:
        if name not in self.endpoints:
            raise missing(f'endpoint "{PREFIX}:endpoint/{name}"')
        return self.endpoints[name]
