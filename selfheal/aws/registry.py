"""Model packages: what a champion or challenger is, and whether it may be served."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from selfheal.aws.errors import Missing, Refused, is_missing
from selfheal.aws.objects import split_uri

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient

# Keys of a package's CustomerMetadataProperties.
DIGEST = "sha256"
BASELINE = "baseline"
GOLDEN_SET, GOLDEN_DIGEST = "golden-set", "golden-set-sha256"
INCIDENT = "incident"
TRAINED_FROM, TRAINED_TO = "training-window-start", "training-window-end"
QUARANTINED_BY = "quarantined-by"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A version of the model in the registry."""

    arn: str
    status: str
    artifact: str
    image: str
    environment: Mapping[str, str]
    metadata: Mapping[str, str]

    @property
    def is_quarantined(self) -> bool:
        return QUARANTINED_BY in self.metadata

    @property
    def baseline_uri(self) -> str:
        """Raises Missing where the package carries no baseline."""
        if BASELINE not in self.metadata:
            raise Missing(f"package {self.arn} carries no baseline (metadata property {BASELINE!r})")
        return self.metadata[BASELINE]

    def require_deployable(self) -> None:
        """Raises Refused unless the package is approved and not quarantined."""
        if self.is_quarantined:
            raise Refused(
                f"package {self.arn} is quarantined by {self.metadata[QUARANTINED_BY]}: register a new one"
            )
        if self.status != "Approved":
            raise Refused(f"package {self.arn} is {self.status}: only an Approved package is released")


class Registry:
    """One model package group."""

    def __init__(self, sagemaker: SageMakerClient) -> None:
        self._sagemaker = sagemaker

    def package(self, arn: str) -> Package:
        """Raises Missing where there is no such package."""
        try:
            body = self._sagemaker.describe_model_package(ModelPackageName=arn)
        except ClientError as error:
            if is_missing(error):
                raise Missing(f"model package {arn} does not exist") from error
            raise
        container = body["InferenceSpecification"]["Containers"][0]
        return Package(
            arn=body["ModelPackageArn"],
            status=body.get("ModelApprovalStatus", "PendingManualApproval"),
            artifact=container["ModelDataUrl"],
            image=container["Image"],
            environment=container.get("Environment", {}),
            metadata=body.get("CustomerMetadataProperties", {}),
        )

    def approve(self, arn: str, metadata: Mapping[str, str], description: str) -> None:
        self._update(
            arn,
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties=dict(metadata),
            ApprovalDescription=description,
        )

    def register_like(
        self,
        arn: str,
        *,
        artifact: str,
        quality: str,
        description: str,
        metadata: Mapping[str, str],
        token: str,
    ) -> str:
        """Register another artifact beside a package, to be served as that one is; it waits for approval.

        Args:
            arn: of the package that it comes from.
            artifact, quality: S3 addresses of the archive, and of its model quality statistics.
            token: asked twice with the same one, it is registered once.

        Returns: the new package's ARN.
        """
        body: Mapping[str, Any] = self._sagemaker.describe_model_package(ModelPackageName=arn)
        specification = dict(body["InferenceSpecification"])
        container = specification["Containers"][0]
        # What else AWS tells of the container is of the old artifact.
        kept = {key: container[key] for key in ("Image", "Environment") if key in container}
        measured = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": quality}}}
        request: dict[str, Any] = {
            "ModelPackageGroupName": body["ModelPackageGroupName"],
            "ModelPackageDescription": description,
            "InferenceSpecification": {**specification, "Containers": [{**kept, "ModelDataUrl": artifact}]},
            "ModelMetrics": {**body.get("ModelMetrics", {}), **measured},
            "DriftCheckBaselines": {**body.get("DriftCheckBaselines", {}), **measured},
            "ModelApprovalStatus": "PendingManualApproval",
            "CustomerMetadataProperties": dict(metadata),
            "ClientToken": token,
        }
        return str(self._sagemaker.create_model_package(**request)["ModelPackageArn"])

    def quarantine(self, arn: str, incident: str, reason: str) -> None:
        """Reject a package for good: the mark stays even if somebody approves it again."""
        self._update(
            arn,
            ModelApprovalStatus="Rejected",
            ApprovalDescription=reason[:1024],
            CustomerMetadataProperties={QUARANTINED_BY: incident},
        )

    def _update(self, arn: str, **changes: Any) -> None:
        self._sagemaker.update_model_package(ModelPackageArn=arn, **changes)


def digest_of(s3: S3Client, uri: str) -> str:
    """SHA-256 of an object, read as a stream.

    Raises:
        Missing: there is no such object.
    """
    bucket, key = split_uri(uri)
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if is_missing(error):
            raise Missing(f"{uri} does not exist") from error
        raise
    return sha256_of(body)


class Stream(Protocol):
    """What can be read piece by piece."""

    def read(self, size: int, /) -> bytes: ...


def sha256_of(stream: Stream) -> str:
    """SHA-256 of what is left of a stream."""
    digest = hashlib.sha256()
    while piece := stream.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def require_digest(s3: S3Client, package: Package) -> None:
    """Raises Refused unless the artifact is, to the bit, the one that was registered."""
    expected = package.metadata.get(DIGEST)
    if not expected:
        raise Refused(f"package {package.arn} names no {DIGEST} of its artifact: it cannot be trusted")
    actual = digest_of(s3, package.artifact)
    if actual != expected:
        raise Refused(
            f"{package.artifact} is not what was registered as {package.arn}: its SHA-256 is {actual[:12]}…, "
            f"the package says {expected[:12]}…; restore the object's earlier version or register it anew"
        )
