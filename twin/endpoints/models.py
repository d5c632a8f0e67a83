"""From moto's stored Models and EndpointConfigs to what a fleet needs to start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin.endpoints.fleet import Container, Variant
from twin.endpoints.instance import CONTAINER_ROOT
from twin.interfaces import REGION, TwinError

_MODEL_DIR = f"{CONTAINER_ROOT}/model"
# What the twin acts on; any other part of a container or variant would be silently without effect.
_CONTAINER_FIELDS = frozenset({"ContainerHostname", "Image", "Mode", "ModelDataUrl", "Environment"})
_PACKAGE_FIELDS = frozenset({"ModelPackageName", "ContainerHostname", "Environment"})
# Of a package's container: fields that describe it and change nothing about how it is served.
_PACKAGE_LABELS = frozenset(
    {"ImageDigest", "Framework", "FrameworkVersion", "NearestModelName", "ModelInput"}
)


def plan_variants(
    backend: Any,
    config: Mapping[str, Any],
    retained: Mapping[str, Variant],
    *,
    keep_count: bool,
    keep_weight: bool,
) -> list[Variant]:
    """The variants of an endpoint config; counts and weights are the `retained` ones where kept."""
    variants = []
    for wanted in config["ProductionVariants"]:
        old = retained.get(wanted["VariantName"])
        count, weight = wanted["InitialInstanceCount"], wanted["InitialVariantWeight"]
        variants.append(
            Variant(
                name=wanted["VariantName"],
                container=container_of(backend, wanted["ModelName"]),
                instance_count=old.instance_count if old and keep_count else count,
                weight=old.weight if old and keep_weight else weight,
            )
        )
    return variants


def container_of(backend: Any, model_name: str) -> Container:
    """The one container of a Model, looked up in its model package where it names one."""
    model = backend.describe_model(model_name).response_object
    containers = [model["PrimaryContainer"]] if model.get("PrimaryContainer") else model["Containers"]
    if len(containers) != 1:
        raise TwinError(f"model {model_name} has {len(containers)} containers: the twin serves exactly one")
    container = containers[0]
    if "ModelPackageName" in container:
        container = _packaged(backend, model_name, container)
    unknown = {key for key, value in container.items() if value} - _CONTAINER_FIELDS
    if unknown or container.get("Mode", "SingleModel") != "SingleModel":
        raise TwinError(
            f"model {model_name}: the twin does not serve containers with {sorted(unknown) or 'MultiModel'}"
        )
    if not container.get("ModelDataUrl"):
        raise TwinError(f"model {model_name} has no ModelDataUrl: the twin serves model archives only")
    return Container(
        model_data_url=container["ModelDataUrl"],
        environment=_complete(model_name, container.get("Environment") or {}),
    )


def _complete(model_name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The container's environment with SageMaker's own variables; TwinError if it is not script mode."""
    if "SAGEMAKER_PROGRAM" not in environment:
        raise TwinError(
            f"model {model_name} has no SAGEMAKER_PROGRAM in its environment: "
            "the twin serves script-mode containers only"
        )
    completed = {
        "SAGEMAKER_SUBMIT_DIRECTORY": f"{_MODEL_DIR}/code",
        "SAGEMAKER_REGION": REGION,
        "AWS_REGION": REGION,
        **environment,
        "SM_MODEL_DIR": _MODEL_DIR,
    }
    if not completed["SAGEMAKER_SUBMIT_DIRECTORY"].startswith(f"{CONTAINER_ROOT}/"):
        raise TwinError(
            f"model {model_name}: SAGEMAKER_SUBMIT_DIRECTORY must be under {CONTAINER_ROOT}; "
            "pack the code into the model archive's code/ folder"
        )
    return completed


def _packaged(backend: Any, model_name: str, container: Mapping[str, Any]) -> dict[str, Any]:
    """The package's container, with the Model's own environment variables over the package's."""
    unknown = {key for key, value in container.items() if value} - _PACKAGE_FIELDS
    if unknown:
        raise TwinError(
            f"model {model_name}: the twin ignores nothing beside a model package, but has {sorted(unknown)}"
        )
    package = backend.describe_model_package(container["ModelPackageName"])
    containers = package.inference_specification["Containers"]
    if len(containers) != 1:
        raise TwinError(
            f"model package of {model_name} has {len(containers)} containers: the twin serves exactly one"
        )
    packaged = {key: value for key, value in containers[0].items() if key not in _PACKAGE_LABELS}
    packaged["Environment"] = {**(packaged.get("Environment") or {}), **(container.get("Environment") or {})}
    return packaged
