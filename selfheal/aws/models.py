"""SageMaker models made of packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from selfheal.aws.champion import PACKAGE_VARIABLE
from selfheal.aws.errors import is_missing
from selfheal.aws.registry import DIGEST, Package
from selfheal.remediate.release import model_name

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient


def ensure_model(sagemaker: SageMakerClient, workload: str, package: Package, role: str) -> str:
    """Name of the package's model, made where it does not exist yet.

    The model names its package in the container's environment: answers say by it which model they are
    from, and the champion pointer leads by it to the package.
    """
    name = model_name(workload, package.arn, package.metadata[DIGEST])
    try:
        sagemaker.describe_model(ModelName=name)
    except ClientError as error:
        if not is_missing(error):
            raise
        sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=role,
            PrimaryContainer={
                "Image": package.image,
                "ModelDataUrl": package.artifact,
                "Environment": {**package.environment, PACKAGE_VARIABLE: package.arn},
            },
            Tags=[{"Key": "selfheal:workload", "Value": workload}],
        )
    return name
