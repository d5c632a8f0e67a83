"""What a person does by hand in the stories: package a hotfix of the serving code, and approve it."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfheal.aws.champion import package_of
from selfheal.aws.objects import split_uri
from selfheal.aws.registry import BASELINE, DIGEST, TRAINED_FROM, TRAINED_TO, Registry

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient

HOTFIXES = Path(__file__).parent / "hotfixes"


class Person:
    """An engineer with access to the registry, and more confidence than tests."""

    def __init__(self, s3: S3Client, sagemaker: SageMakerClient, group: str, bucket: str) -> None:
        self._s3 = s3
        self._sagemaker = sagemaker
        self._registry = Registry(sagemaker)
        self._group = group
        self._bucket = bucket

    def register_hotfix(self, name: str, champion_model: str) -> str:
        """Register the champion's model with a hotfix appended to its serving code; returns the package's ARN."""
        champion = self._registry.package(package_of(self._sagemaker, champion_model))
        bucket, key = split_uri(champion.artifact)
        original = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        archive = append(original, "code/inference.py", (HOTFIXES / f"{name}.txt").read_bytes())
        target = f"packages/{name}/model.tar.gz"
        self._s3.put_object(Bucket=self._bucket, Key=target, Body=archive)
        container: Any = {
            "Image": champion.image,
            "ModelDataUrl": f"s3://{self._bucket}/{target}",
            "Environment": dict(champion.environment),
        }
        carried = {key: champion.metadata[key] for key in (BASELINE, TRAINED_FROM, TRAINED_TO)}
        return self._sagemaker.create_model_package(
            ModelPackageGroupName=self._group,
            ModelPackageDescription=f"hotfix by hand: {name}",
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            ModelApprovalStatus="PendingManualApproval",
            CustomerMetadataProperties={DIGEST: hashlib.sha256(archive).hexdigest(), **carried},
        )["ModelPackageArn"]

    def approve(self, package: str) -> None:
        self._sagemaker.update_model_package(
            ModelPackageArn=package, ModelApprovalStatus="Approved", ApprovalDescription="looks good to me"
        )


def append(archive: bytes, name: str, text: bytes) -> bytes:
    """A model archive with text appended to one of its files."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as source,
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as target,
    ):
        changed = False
        for member in source.getmembers():
            content = source.extractfile(member)
            data = content.read() if content else b""
            if member.name.removeprefix("./") == name:
                data, changed = data + text, True
                member.size = len(data)
            target.addfile(member, io.BytesIO(data) if member.isfile() else None)
    if not changed:
        raise ValueError(f"the archive holds no {name}")
    return packed.getvalue()
