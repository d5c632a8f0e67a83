"""From ModelDataUrl to the files of `/opt/ml/model`: download and safe extraction."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from twin.endpoints.errors import ProvisioningError
from twin.interfaces import TwinError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def download(s3: S3Client, url: str) -> bytes:
    """The archive's bytes; ProvisioningError in SageMaker's words if it is not there."""
    parts = urlsplit(url)
    if parts.scheme != "s3":
        raise TwinError(f"ModelDataUrl {url!r}: the twin reads s3:// locations only")
    try:
        return s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NoSuchKey", "NoSuchBucket"}:
            raise
        raise ProvisioningError(
            f'Failed to download model data for container "primary" from URL: "{url}". Please '
            "ensure that there is an object located at the URL and that the role passed to CreateModel has "
            "permissions to download the object."
        ) from error


def extract(archive: bytes, into: Path) -> None:
    """Unpack a model.tar.gz; refuses every member that is not a plain file or folder inside `into`.

    The members are all judged before the first is written. (The standard library's own extraction filters
    are missing from the first 3.11 releases.)
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            members = tar.getmembers()
            for member in members:
                _judge(member)
            for member in members:
                _write(tar, member, into)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ProvisioningError(
            f'Failed to extract model data archive for container "primary": {error}'
        ) from error


def _judge(member: tarfile.TarInfo) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise ProvisioningError(
            f'Model data archive for container "primary" leaves its folder: {member.name!r}'
        )
    if not (member.isfile() or member.isdir()):
        raise ProvisioningError(
            f'Model data archive for container "primary" holds a link or device: {member.name!r}'
        )


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    target = into / member.name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    if source is None:
        raise ProvisioningError(f'Model data archive for container "primary" is broken at {member.name!r}')
    target.write_bytes(source.read())
