"""The endpoint: what it serves and on how many instances, and the two calls that change that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from selfheal.aws.errors import EndpointBusy, Missing, is_missing
from selfheal.remediate.scale import capacity_request

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

# Everything but these is still moving; `Failed` and `OutOfService` need a person.
AT_REST = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")


@dataclass(frozen=True, kw_only=True)
class Instances:
    """How many instances a variant is asked to have, and has."""

    desired: int
    current: int


@dataclass(frozen=True, kw_only=True)
class EndpointState:
    """What the endpoint says of itself.

    Attributes:
        config: what serves; that of the release under way only once it is over, and only if it held.
        pending: the config that is being deployed, while one is.
        modified_at: when the endpoint last changed, as any deployment makes it do, also one that is sent back.
        instances: by variant, of those that have any.
    """

    name: str
    status: str
    config: str
    failure: str
    pending: str | None
    modified_at: datetime
    instances: Mapping[str, Instances] = field(default_factory=dict)

    @property
    def at_rest(self) -> bool:
        return self.status in AT_REST


class Endpoint:
    """One endpoint."""

    def __init__(self, sagemaker: SageMakerClient, name: str) -> None:
        self._sagemaker = sagemaker
        self.name = name

    def state(self) -> EndpointState:
        """Raises Missing where there is no such endpoint."""
        try:
            body = self._sagemaker.describe_endpoint(EndpointName=self.name)
        except ClientError as error:
            if is_missing(error):
                raise Missing(
                    f"endpoint {self.name} does not exist: deploy the Serving stack first"
                ) from error
            raise
        return EndpointState(
            name=self.name,
            status=body["EndpointStatus"],
            config=body["EndpointConfigName"],
            failure=body.get("FailureReason", ""),
            pending=body.get("PendingDeploymentSummary", {}).get("EndpointConfigName"),
            modified_at=body["LastModifiedTime"].astimezone(timezone.utc),
            instances={
                variant["VariantName"]: Instances(
                    desired=variant["DesiredInstanceCount"], current=variant["CurrentInstanceCount"]
                )
                for variant in body.get("ProductionVariants", [])
                if "DesiredInstanceCount" in variant and "CurrentInstanceCount" in variant
            },
        )

    def require_at_rest(self) -> EndpointState:
        """Raises EndpointBusy while a deployment runs: there is never a second one at once."""
        state = self.state()
        if not state.at_rest:
            raise EndpointBusy(f"endpoint {self.name} is {state.status}; a deployment of it is still running")
        return state

    def config(self, name: str) -> dict[str, Any]:
        """What DescribeEndpointConfig says; raises Missing where there is no such config."""
        try:
            return dict(self._sagemaker.describe_endpoint_config(EndpointConfigName=name))
        except ClientError as error:
            if is_missing(error):
                raise Missing(f"endpoint config {name} does not exist: it cannot be returned to") from error
            raise

    def model_of(self, config: str) -> str:
        """Name of the model that a config serves."""
        return str(self.config(config)["ProductionVariants"][0]["ModelName"])

    def create_config(self, arguments: Mapping[str, Any]) -> None:
        """Create an endpoint config; one of the same name is the same, since names carry a content hash."""
        try:
            self.config(arguments["EndpointConfigName"])
        except Missing:
            self._sagemaker.create_endpoint_config(**arguments)

    def update(self, config: str, deployment: Mapping[str, Any] | None) -> None:
        """Start a deployment. Autoscaled instance counts are kept.

        Args:
            deployment: `DeploymentConfig`; None moves all traffic at once, as a rollback does.
        """
        arguments: dict[str, Any] = {
            "EndpointName": self.name,
            "EndpointConfigName": config,
            "RetainAllVariantProperties": True,
            "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
        }
        if deployment is not None:
            arguments["DeploymentConfig"] = deployment
        self._sagemaker.update_endpoint(**arguments)

    def resize(self, variant: str, instances: int) -> None:
        """Start changing how many instances a variant has."""
        self._sagemaker.update_endpoint_weights_and_capacities(
            **capacity_request(self.name, variant, instances)
        )
