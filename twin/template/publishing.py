"""Assets into the bootstrap bucket, as `cdk deploy` publishes them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from twin.interfaces import ACCOUNT_ID, REGION, TwinError
from twin.template.account import PackagedCode
from twin.template.assembly import Asset

if TYPE_CHECKING:
    from boto3.session import Session

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
# The newest version of the bootstrap template that this was written against; the synthesizer asks for 6.
BOOTSTRAP_VERSION = "30"
# Zip cannot say earlier; the CDK uses the same moment, so that equal folders give equal archives.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def bootstrap(session: Session) -> None:
    """What `cdk bootstrap` leaves in an account, as far as a deployment reads it; more than once is fine."""
    session.client("ssm").put_parameter(
        Name=BOOTSTRAP_PARAMETER, Value=BOOTSTRAP_VERSION, Type="String", Overwrite=True
    )


def publish(session: Session, asset: Asset, code: PackagedCode) -> None:
    bucket, key = _placed(asset.bucket), _placed(asset.key)
    if asset.path.is_dir() != asset.zipped:
        raise TwinError(f"asset {asset.path} should be a {'folder' if asset.zipped else 'file'}")
    if asset.zipped:
        code.publish(bucket, key, asset.path.resolve())
    s3 = session.client("s3")
    if not _exists(lambda: s3.head_bucket(Bucket=bucket)):
        s3.create_bucket(Bucket=bucket)
    # The key is the content's hash, so what is there is the same.
    if not _exists(lambda: s3.head_object(Bucket=bucket, Key=key)):
        s3.put_object(
            Bucket=bucket, Key=key, Body=zipped(asset.path) if asset.zipped else asset.path.read_bytes()
        )


def zipped(folder: Path) -> bytes:
    """The folder as an archive that depends on its content alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.external_attr = path.stat().st_mode << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=1)
    return buffer.getvalue()


def _placed(text: str) -> str:
    placed = text.replace("${AWS::AccountId}", ACCOUNT_ID).replace("${AWS::Region}", REGION)
    placed = placed.replace("${AWS::Partition}", "aws")
    if "${" in placed:
        raise TwinError(f"asset destination {text} has a placeholder that the twin does not know")
    return placed


def _exists(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            return False
        raise
    return True
