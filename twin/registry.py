"""The model registry: what moto forgets of a model package, and the events that it never sends.

moto's update_model_package writes None over whatever a request leaves out; AWS leaves such fields alone
and merges CustomerMetadataProperties.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.models import ModelPackage
from moto.sagemaker.responses import SageMakerResponse

from twin.interfaces import Bus
from twin.patching import Patches
from twin.service_shapes import check_request, refuse_unsupported, validation_error

DETAIL_TYPE = "SageMaker Model Package State Change"

_CREATE = (
    "AdditionalInferenceSpecifications",
    "CertifyForMarketplace",
    "ClientToken",
    "CustomerMetadataProperties",
    "Domain",
    "DriftCheckBaselines",
    "InferenceSpecification",
    "MetadataProperties",
    "ModelApprovalStatus",
    "ModelMetrics",
    "ModelPackageDescription",
    "ModelPackageGroupName",
    "ModelPackageName",
    "SamplePayloadUrl",
    "SkipModelValidation",
    "SourceAlgorithmSpecification",
    "Tags",
    "Task",
    "ValidationSpecification",
)
_UPDATE = (
    "AdditionalInferenceSpecificationsToAdd",
    "ApprovalDescription",
    "ClientToken",
    "CustomerMetadataProperties",
    "CustomerMetadataPropertiesToRemove",
    "ModelApprovalStatus",
    "ModelPackageArn",
)
# The names under which an event tells what an update touched.
_TOUCHED = {
    "AdditionalInferenceSpecificationsToAdd": "AdditionalInferenceSpecifications",
    "ApprovalDescription": "ApprovalDescription",
    "CustomerMetadataProperties": "CustomerMetadataProperties",
    "CustomerMetadataPropertiesToRemove": "CustomerMetadataProperties",
    "ModelApprovalStatus": "ModelApprovalStatus",
}
_MAX_PROPERTIES = 50


class ModelRegistry:
    """Model packages behind moto's SageMaker API, with AWS's update semantics and events."""

    def __init__(self, bus: Bus, patches: Patches) -> None:
        self._bus = bus
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()
        registry = self
        create: Callable[[SageMakerResponse], ActionResult]

        def create_model_package(response: SageMakerResponse) -> ActionResult:
            return registry._create(response, create)

        def update_model_package(response: SageMakerResponse) -> ActionResult:
            return registry._update(response)

        create = patches.replace(SageMakerResponse, "create_model_package", create_model_package)
        patches.replace(SageMakerResponse, "update_model_package", update_model_package)

    def _create(
        self, response: SageMakerResponse, create: Callable[[SageMakerResponse], ActionResult]
    ) -> ActionResult:
        request = dict(response.params)
        check_request("CreateModelPackage", request)
        refuse_unsupported("CreateModelPackage", request, _CREATE)
        _check_properties(request.get("CustomerMetadataProperties", {}))
        token = request.get("ClientToken")
        with self._lock:
            if token in self._tokens:
                return ActionResult({"ModelPackageArn": self._tokens[token]})
            result = create(response)
            package = _package(response, _created_arn(response))
            if token:
                self._tokens[token] = package.arn
        if package.model_package_version and package.model_approval_status is None:
            package.set_model_approval_status("PendingManualApproval")
        if "SkipModelValidation" in request:
            # moto tells this member but never sets it.
            vars(package)["skip_model_validation"] = request["SkipModelValidation"]
        self._announce(package)
        return result

    def _update(self, response: SageMakerResponse) -> ActionResult:
        request = dict(response.params)
        check_request("UpdateModelPackage", request)
        refuse_unsupported("UpdateModelPackage", request, _UPDATE)
        with self._lock:
            package = _package(response, request["ModelPackageArn"])
            _change(package, request)
        self._announce(package, sorted({_TOUCHED[name] for name in request if name in _TOUCHED}))
        return ActionResult({"ModelPackageArn": package.arn})

    def _announce(self, package: ModelPackage, touched: list[str] | None = None) -> None:
        detail = _as_event(package.gen_response_object())
        if touched is not None:
            detail["UpdatedModelPackageFields"] = touched
        self._bus.emit("aws.sagemaker", DETAIL_TYPE, detail, [package.arn])


def _change(package: ModelPackage, request: Mapping[str, Any]) -> None:
    properties = (package.customer_metadata_properties or {}) | request.get("CustomerMetadataProperties", {})
    for name in request.get("CustomerMetadataPropertiesToRemove", ()):
        properties.pop(name, None)
    _check_properties(properties)
    if "ModelApprovalStatus" in request:
        package.set_model_approval_status(request["ModelApprovalStatus"])
    if "ApprovalDescription" in request:
        package.approval_description = request["ApprovalDescription"]
    package.customer_metadata_properties = properties or None
    if "AdditionalInferenceSpecificationsToAdd" in request:
        package.add_additional_inference_specifications(request["AdditionalInferenceSpecificationsToAdd"])
    package.modifications_done()


def _created_arn(response: SageMakerResponse) -> str:
    """The package that this request has just made: moto maps a group's name to its newest version."""
    name = response.params.get("ModelPackageGroupName") or response.params["ModelPackageName"]
    return str(response.sagemaker_backend.model_package_name_mapping[name])


def _package(response: SageMakerResponse, name_or_arn: str) -> ModelPackage:
    return response.sagemaker_backend.describe_model_package(name_or_arn)


def _check_properties(properties: Mapping[str, str]) -> None:
    if len(properties) > _MAX_PROPERTIES:
        raise validation_error(
            f"CustomerMetadataProperties can have at most {_MAX_PROPERTIES} entries, not {len(properties)}"
        )


def _as_event(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Mapping):
        return {name: _as_event(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_as_event(item) for item in value]
    return value
