"""The champion pointer: which model the endpoint is meant to serve, and where it comes from.

The pointer is an SSM parameter that holds a SageMaker model's name. The model names its package in its
container's environment, and the package carries everything else: one pointer, so that no second one can
disagree with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from selfheal.aws.errors import Missing, is_missing

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_ssm.client import SSMClient

NONE = "none"
PACKAGE_VARIABLE = "SELFHEAL_MODEL_PACKAGE"


class ChampionPointer:
    """Reads and moves the pointer."""

    def __init__(self, ssm: SSMClient, parameter: str) -> None:
        self._ssm = ssm
        self._parameter = parameter

    def model(self) -> str | None:
        """Name of the champion's SageMaker model, or None before the first; raises Missing without the parameter."""
        try:
            name = self._ssm.get_parameter(Name=self._parameter)["Parameter"]["Value"]
        except ClientError as error:
            if is_missing(error):
                raise Missing(
                    f"parameter {self._parameter} does not exist: deploy the Data stack first"
                ) from error
            raise
        return None if name == NONE else name

    def move(self, model: str) -> None:
        self._ssm.put_parameter(Name=self._parameter, Value=model, Overwrite=True)


def package_of(sagemaker: SageMakerClient, model: str) -> str:
    """The package that a model was made from.

    Raises:
        Missing: the model does not exist, or names no package (it was not released by Selfheal).
    """
    try:
        description = sagemaker.describe_model(ModelName=model)
    except ClientError as error:
        if is_missing(error):
            raise Missing(f"model {model} does not exist") from error
        raise
    package = description.get("PrimaryContainer", {}).get("Environment", {}).get(PACKAGE_VARIABLE)
    if not package:
        raise Missing(f"model {model} names no model package: release it through its package instead")
    return str(package)
