"""Moving files between S3 and a job's sandbox, in the way of SageMaker's File mode."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from twin.interfaces import REGION, TwinError

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


class JobFailedError(Exception):
    """The job ends as Failed; the message is its FailureReason."""


@dataclass(frozen=True)
class Share:
    """One of several machines, of which each gets every so-manieth object of an input (ShardedByS3Key).

    SageMaker does not say which object goes where; only that each goes to one machine.
    """

    index: int = 0
    count: int = 1

    def of(self, names: Iterable[str]) -> list[str]:
        return sorted(names)[self.index :: self.count]


EVERYTHING = Share()


@dataclass(frozen=True)
class Location:
    """An s3:// address; `key` may be a whole key or a prefix."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> Location:
        parts = urlsplit(uri)
        if parts.scheme != "s3" or not parts.netloc:
            raise JobFailedError(f"ClientError: {uri!r} is not an s3:// address")
        # Not parts.path: a key may hold '?' and '#'.
        return cls(parts.netloc, uri.removeprefix(f"s3://{parts.netloc}").removeprefix("/"))

    def __truediv__(self, name: str) -> Location:
        return Location(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class ObjectStore:
    """S3 as the role of a job sees it; the role is named in SageMaker's messages."""

    def __init__(self, s3: S3Client, role_arn: str) -> None:
        self._s3 = s3
        self._role = role_arn

    def download_prefix(self, uri: str, into: Path, share: Share = EVERYTHING) -> None:
        """Every object under a prefix, or the one object; finding none is a JobFailedError."""
        location = Location.parse(uri)
        keys = list(self._keys(location))
        if not keys:
            raise JobFailedError(self._nothing_found(uri, location.bucket))
        for key in share.of(keys):
            target = _target(into, _relative(key, location.key))
            target.write_bytes(self.read(f"s3://{location.bucket}/{key}"))

    def download_manifest(self, uri: str, into: Path, share: Share = EVERYTHING) -> None:
        """The objects that a ManifestFile lists: `[{"prefix": "s3://…"}, "relative/key", …]`."""
        document = json.loads(self.read(uri))
        match document:
            case [{"prefix": str(prefix)}, *names] if all(isinstance(name, str) for name in names):
                base = Location.parse(prefix)
            case _:
                raise JobFailedError(f"ClientError: Data download failed:Failed to parse manifest {uri}")
        for name in share.of(names):
            target = _target(into, name)
            target.write_bytes(self.read(f"s3://{base.bucket}/{base.key}{name}"))

    def read(self, uri: str) -> bytes:
        location = Location.parse(uri)
        try:
            return self._s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
        except ClientError as error:
            raise JobFailedError(self._nothing_found(uri, location.bucket)) from error

    def restore(self, uri: str, into: Path) -> None:
        """What is under a prefix, if anything: the first start of a job finds no checkpoint."""
        location = Location.parse(uri)
        if any(True for _ in self._keys(location)):
            self.download_prefix(uri, into)

    def upload_tree(self, source: Path, uri: str, kms_key: str | None = None) -> None:
        """Every file below `source`, in order of name, under a prefix."""
        location = Location.parse(uri)
        for path in _files(source):
            self.upload(path.read_bytes(), location / path.relative_to(source).as_posix(), kms_key)

    def upload(self, body: bytes, to: Location, kms_key: str | None = None) -> None:
        encryption: dict[str, Any] = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        )
        try:
            self._s3.put_object(Bucket=to.bucket, Key=to.key, Body=body, **encryption)
        except ClientError as error:
            raise JobFailedError(
                f"ClientError: Artifact upload failed:Error uploading {to}: {error}"
            ) from error

    def _keys(self, location: Location) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=location.bucket, Prefix=location.key
        )
        try:
            for page in pages:
                # A key that ends in a slash is the console's folder marker, not data.
                yield from (item["Key"] for item in page.get("Contents", ()) if not item["Key"].endswith("/"))
        except ClientError as error:
            raise JobFailedError(self._nothing_found(str(location), location.bucket)) from error

    def _nothing_found(self, uri: str, bucket: str) -> str:
        return (
            f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in input data'
            f" source. Please ensure that the bucket exists in the selected region ({REGION}), that objects"
            f' exist under that S3 prefix, and that the role "{self._role}" has "s3:ListBucket" permissions'
            f' on bucket "{bucket}".'
        )


def pack(source: Path) -> bytes:
    """A directory as .tar.gz whose bytes depend on names, contents and modes alone."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in _files(source):
            entry = tarfile.TarInfo(path.relative_to(source).as_posix())
            entry.size = path.stat().st_size
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as content:
                archive.addfile(entry, content)
    return buffer.getvalue()


def unpack(archive: bytes, into: Path) -> None:
    """Extract a .tar.gz; entries that would leave `into` are refused."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as entries:
            entries.extractall(into, filter="data")
    except tarfile.TarError as error:
        raise JobFailedError(f"ClientError: the source archive cannot be extracted: {error}") from error


def _files(source: Path) -> Iterable[Path]:
    found = sorted(path for path in source.rglob("*") if path.is_file())
    for path in found:
        if path.is_symlink() and not path.resolve().is_relative_to(source.resolve()):
            raise TwinError(f"{path} links out of the job's sandbox")
    return found


def _relative(key: str, prefix: str) -> str:
    """Where an object lies below its channel: relative to the prefix's last directory."""
    if prefix.endswith("/") or key[len(prefix) :].startswith("/"):
        return key[len(prefix) :].lstrip("/")
    return key[len(prefix.rpartition("/")[0]) :].lstrip("/")


def _target(into: Path, relative: str) -> Path:
    """The file for an object, its directory made; keys that lead out of `into` are refused."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts:
        raise JobFailedError(f"ClientError: Data download failed:{relative!r} is no path below its channel")
    target = into.joinpath(*path.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target
