"""SageMaker's endpoint API on moto: what moto lacks, drops, or answers falsely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import botocore.session
from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemaker.models import FakeEndpointConfig
from moto.sagemaker.responses import SageMakerResponse

from twin.endpoints.errors import RefusedError
from twin.endpoints.fleet import FleetPlan, Variant
from twin.endpoints.models import plan_variants
from twin.endpoints.service import Endpoints
from twin.interfaces import TwinError
from twin.patching import Patches

_CONFIG_PARAMETERS = frozenset(
    {"EndpointConfigName", "ProductionVariants", "DataCaptureConfig", "Tags", "KmsKeyId"}
)
_SIZE_PARAMETERS = frozenset({"EndpointName", "DesiredWeightsAndCapacities"})
_VARIANT_FIELDS = frozenset(
    {
        "VariantName",
        "ModelName",
        "InitialInstanceCount",
        "InstanceType",
        "InitialVariantWeight",
        # Limits on real downloads and starts; the twin's instances start in their own time.
        "VolumeSizeInGB",
        "ModelDataDownloadTimeoutInSeconds",
        "ContainerStartupHealthCheckTimeoutInSeconds",
    }
)
# Instance families with local NVMe storage are encrypted by hardware and refuse a key.
_LOCAL_STORAGE = frozenset(
    "c5d c6gd c6id g4dn g5 g6 g6e m5d m6gd m6id p4d p4de p5 r5d r6gd r6id".split()  # noqa: SIM905 - a table
)
# What a caller may keep with RetainAllVariantProperties, and except with ExcludeRetainedVariantProperties.
_RETAINABLE = frozenset({"DesiredInstanceCount", "DesiredWeight", "DataCaptureConfig"})


def install(endpoints: Endpoints, patches: Patches) -> None:
    """Put the endpoints behind moto's SageMaker API."""
    plane = _ControlPlane(endpoints)
    plane.create_config = patches.replace(
        SageMakerResponse, "create_endpoint_config", _action(plane.create_endpoint_config)
    )
    plane.delete_config = patches.replace(
        SageMakerResponse, "delete_endpoint_config", _action(plane.delete_endpoint_config)
    )
    patches.replace(SageMakerResponse, "describe_endpoint_config", _action(plane.describe_endpoint_config))
    patches.replace(SageMakerResponse, "create_endpoint", _action(plane.create_endpoint))
    patches.replace(SageMakerResponse, "describe_endpoint", _action(plane.describe_endpoint))
    patches.replace(SageMakerResponse, "delete_endpoint", _action(plane.delete_endpoint))
    patches.replace(
        SageMakerResponse, "update_endpoint_weights_and_capacities", _action(plane.update_weights)
    )
    patches.add(SageMakerResponse, "update_endpoint", _action(plane.update_endpoint))
    patches.replace(FakeEndpointConfig, "validate_instance_type", _validate_instance_type)


def _action(handler: Callable[[Any], ActionResult]) -> Callable[[Any], ActionResult]:
    """A plain function, which is all that moto's dispatcher finds, with refusals as HTTP errors."""

    def act(response: Any) -> ActionResult:
        try:
            return handler(response)
        except RefusedError as refusal:
            raise AWSValidationException(str(refusal)) from refusal

    return act


class _ControlPlane:
    """The API's actions; `response` is moto's, with the call's parameters in `params`."""

    create_config: Callable[[Any], ActionResult]  # moto's own
    delete_config: Callable[[Any], ActionResult]

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def create_endpoint_config(self, response: Any) -> ActionResult:
        params = response.params
        _refuse_unknown("CreateEndpointConfig", params, _CONFIG_PARAMETERS)
        name = params["EndpointConfigName"]
        if name in response.sagemaker_backend.endpoint_configs:
            raise RefusedError(f'Cannot create already existing endpoint configuration "{name}".')
        for variant in params["ProductionVariants"]:
            _check_variant(variant, params.get("KmsKeyId"))
        return self.create_config(response)

    def describe_endpoint_config(self, response: Any) -> ActionResult:
        described = response.sagemaker_backend.describe_endpoint_config(response.params["EndpointConfigName"])
        # moto answers {} for what was not given, which its own CreateEndpointConfig would then refuse.
        return ActionResult({key: value for key, value in described.items() if value})

    def delete_endpoint_config(self, response: Any) -> ActionResult:
        name = response.params["EndpointConfigName"]
        user = self._endpoints.user_of(name)
        if user is not None:
            raise RefusedError(f'Cannot delete endpoint configuration "{name}": endpoint "{user}" uses it.')
        return self.delete_config(response)

    def create_endpoint(self, response: Any) -> ActionResult:
        backend, params = response.sagemaker_backend, response.params
        name = params["EndpointName"]
        if name in backend.endpoints:
            raise RefusedError(f'Cannot create already existing endpoint "{name}".')
        plan = _plan(backend, params["EndpointConfigName"], retained={})
        record = backend.create_endpoint(name, params["EndpointConfigName"], params.get("Tags"))
        try:
            self._endpoints.create(record, plan, params.get("DeploymentConfig"))
        except Exception:
            backend.delete_endpoint(name)
            raise
        return ActionResult({"EndpointArn": record.arn})

    def describe_endpoint(self, response: Any) -> ActionResult:
        return ActionResult(self._endpoints.describe(response.params["EndpointName"]))

    def update_endpoint(self, response: Any) -> ActionResult:
        params = response.params
        name = params["EndpointName"]
        self._endpoints.check_updatable(name)
        kept = _kept_properties(params)
        plan = _plan(
            response.sagemaker_backend,
            params["EndpointConfigName"],
            retained=self._endpoints.variants(name),
            count="DesiredInstanceCount" in kept,
            weight="DesiredWeight" in kept,
        )
        if "DataCaptureConfig" in kept:
            plan = replace(plan, data_capture=self._endpoints.data_capture(name))
        arn = self._endpoints.update(
            name,
            plan,
            params.get("DeploymentConfig"),
            retain_deployment=params.get("RetainDeploymentConfig", False),
        )
        return ActionResult({"EndpointArn": arn})

    def delete_endpoint(self, response: Any) -> ActionResult:
        name = response.params["EndpointName"]
        self._endpoints.delete(name)
        response.sagemaker_backend.delete_endpoint(name)
        return EmptyResult()

    def update_weights(self, response: Any) -> ActionResult:
        params = response.params
        _refuse_unknown("UpdateEndpointWeightsAndCapacities", params, _SIZE_PARAMETERS)
        arn = self._endpoints.resize(params["EndpointName"], params["DesiredWeightsAndCapacities"])
        return ActionResult({"EndpointArn": arn})


def _plan(
    backend: Any,
    config_name: str,
    *,
    retained: dict[str, Variant],
    count: bool = False,
    weight: bool = False,
) -> FleetPlan:
    """The fleet that a stored config asks for; moto answers ValidationException for an unknown config."""
    config = backend.describe_endpoint_config(config_name)
    return FleetPlan(
        config_name=config_name,
        variants=plan_variants(backend, config, retained, keep_count=count, keep_weight=weight),
        data_capture=config.get("DataCaptureConfig") or None,
    )


def _kept_properties(params: dict[str, Any]) -> frozenset[str]:
    excluded = {item["VariantPropertyType"] for item in params.get("ExcludeRetainedVariantProperties") or []}
    unknown = excluded - _RETAINABLE
    if unknown:
        raise RefusedError(
            f"VariantPropertyType must be one of {sorted(_RETAINABLE)}, not {sorted(unknown)}."
        )
    if params.get("RetainAllVariantProperties", False):
        return _RETAINABLE - excluded
    if excluded:
        raise RefusedError("ExcludeRetainedVariantProperties requires RetainAllVariantProperties.")
    return frozenset()


def _refuse_unknown(what: str, given: dict[str, Any], known: frozenset[str]) -> None:
    unknown = sorted(key for key, value in given.items() if value not in (None, [], {}) and key not in known)
    if unknown:
        raise TwinError(f"{what}: the twin does not act on {', '.join(unknown)} yet; leave it out")


def _check_variant(variant: dict[str, Any], kms_key_id: str | None) -> None:
    """Refuse what would be without effect, and complete the variant with the API's defaults."""
    _refuse_unknown(f"variant {variant['VariantName']}", variant, _VARIANT_FIELDS)
    for required in ("ModelName", "InstanceType", "InitialInstanceCount"):
        if not variant.get(required):
            raise RefusedError(f"{required} is required for production variant {variant['VariantName']}.")
    variant.setdefault("InitialVariantWeight", 1.0)
    family = variant["InstanceType"].split(".")[1]
    if kms_key_id and family in _LOCAL_STORAGE:
        raise RefusedError(
            f"A KmsKeyId cannot be used with {variant['InstanceType']}: its local storage encrypts itself."
        )


def _validate_instance_type(_config: FakeEndpointConfig, instance_type: str) -> None:
    """Stands in for moto's list, which lacks the newer instance types."""
    if instance_type not in _instance_types():
        raise AWSValidationException(
            f"Value '{instance_type}' at 'instanceType' failed to satisfy constraint: "
            "Member must satisfy enum value set of ProductionVariantInstanceType"
        )


@cache
def _instance_types() -> frozenset[str]:
    model = botocore.session.get_session().get_service_model("sagemaker")
    return frozenset(model.shape_for("ProductionVariantInstanceType").metadata["enum"])
