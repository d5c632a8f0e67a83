# ruff: noqa: N803 - parameters are called as AWS calls them
"""SageMaker's model packages and models."""

from __future__ import annotations

import copy
from typing import Any

from machine.account.calls import Refused, Service

PREFIX = "arn:aws:sagemaker:us-east-1:123456789012"


def missing(what: str) -> Refused:
    return Refused("ValidationException", f"Could not find {what}.")


class Models(Service):
    def __init__(self) -> None:
        self.packages: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}

    def create_model_package(
        self,
        ModelPackageGroupName: str,
        InferenceSpecification: dict[str, Any],
        ModelApprovalStatus: str = "PendingManualApproval",
        CustomerMetadataProperties: dict[str, str] | None = None,
        ClientToken: str = "",
    ) -> dict[str, Any]:
        version = 1 + sum(p["ModelPackageGroupName"] == ModelPackageGroupName for p in self.packages.values())
        arn = f"{PREFIX}:model-package/{ModelPackageGroupName}/{version}"
        self.packages[arn] = {
            "ModelPackageArn": arn,
            "ModelPackageGroupName": ModelPackageGroupName,
            "ModelPackageVersion": version,
            "ModelApprovalStatus": ModelApprovalStatus,
            "ModelPackageStatus": "Completed",
            "InferenceSpecification": copy.deepcopy(InferenceSpecification),
            "CustomerMetadataProperties": dict(CustomerMetadataProperties or {}),
        }
        return {"ModelPackageArn": arn}

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:
        return copy.deepcopy(self._package(ModelPackageName))

    def update_model_package(
        self,
        ModelPackageArn: str,
        ModelApprovalStatus: str | None = None,
        ApprovalDescription: str | None = None,
        CustomerMetadataProperties: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Metadata is added to what there is."""
        package = self._package(ModelPackageArn)
        package["CustomerMetadataProperties"] |= CustomerMetadataProperties or {}
        if ModelApprovalStatus is not None:
            package["ModelApprovalStatus"] = ModelApprovalStatus
        if ApprovalDescription is not None:
            package["ApprovalDescription"] = ApprovalDescription
        return {"ModelPackageArn": ModelPackageArn}

    def create_model(self, ModelName: str, **arguments: Any) -> dict[str, Any]:
        if ModelName in self.models:
            raise Refused(
                "ValidationException", f"Cannot create already existing model {PREFIX}:model/{ModelName}."
            )
        self.models[ModelName] = {"ModelName": ModelName, **copy.deepcopy(arguments)}
        return {"ModelArn": f"{PREFIX}:model/{ModelName}"}

    def describe_model(self, ModelName: str) -> dict[str, Any]:
        if ModelName not in self.models:
            raise missing(f'model "{PREFIX}:model/{ModelName}"')
        answer = copy.deepcopy(self.models[ModelName])
        answer.pop("Tags", None)
        return answer

    def _package(self, arn: str) -> dict[str, Any]:
        if arn not in self.packages:
            raise Refused("ValidationException", f"ModelPackage {arn} does not exist.")
        return self.packages[arn]
