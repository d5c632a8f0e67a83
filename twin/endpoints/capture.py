"""Data capture: SageMaker's JSONL records, buffered by hour and written to S3.

SageMaker writes a file every few minutes. Here one file per endpoint, variant and hour is written when
the virtual hour has closed, or at `flush`: readers must list an hour's files on AWS too, and a file per hour
keeps weeks of traffic cheap. A record that comes late for its hour goes into a further file of that hour.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class CaptureSettings:
    """What an endpoint config's DataCaptureConfig asks for, where capture is on."""

    bucket: str
    prefix: str
    sampling: float  # share of the requests, 0 to 1
    modes: frozenset[str]  # of INPUT, OUTPUT
    csv_types: frozenset[str]
    json_types: frozenset[str]
    kms_key_id: str | None

    @classmethod
    def parse(cls, config: Mapping[str, Any] | None) -> CaptureSettings | None:
        """None where capture is off."""
        if not config or not config.get("EnableCapture", True):
            return None
        destination = urlsplit(config["DestinationS3Uri"])
        headers = config.get("CaptureContentTypeHeader") or {}
        asked = {option["CaptureMode"] for option in config["CaptureOptions"]}
        both = "InputAndOutput" in asked
        return cls(
            bucket=destination.netloc,
            prefix=destination.path.strip("/"),
            sampling=config["InitialSamplingPercentage"] / 100,
            modes=frozenset(mode.upper() for mode in ("Input", "Output") if both or mode in asked),
            csv_types=frozenset(headers.get("CsvContentTypes", [])),
            json_types=frozenset(headers.get("JsonContentTypes", [])),
            kms_key_id=config.get("KmsKeyId"),
        )

    def side(self, mode: str, body: bytes, content_type: str) -> dict[str, str]:
        """One side of a record. Bytes that are no text are base64 whatever the header says."""
        media_type = content_type.partition(";")[0].strip()
        encoding = (
            "CSV" if media_type in self.csv_types else "JSON" if media_type in self.json_types else "BASE64"
        )
        if encoding != "BASE64":
            try:
                data = body.decode()
            except UnicodeDecodeError:
                encoding = "BASE64"
        if encoding == "BASE64":
            data = base64.b64encode(body).decode()
        return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One invocation as capture sees it; `output` is None where the model gave no prediction."""

    at: datetime
    inference_id: str | None
    body: bytes
    content_type: str
    output: bytes | None
    output_type: str


@dataclass(frozen=True)
class _File:
    endpoint: str
    variant: str
    hour: datetime
    settings: CaptureSettings


class CaptureBuffer:
    """Takes records on the gateway's thread; `write_closed_hours` and `flush` are the control plane's."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3
        self._lock = threading.Lock()
        self._files: dict[_File, list[tuple[datetime, str]]] = {}
        self._credit: dict[tuple[str, str], float] = {}

    def add(self, endpoint: str, variant: str, settings: CaptureSettings, exchange: Exchange) -> None:
        """Record an exchange if the sampling says so.

        A failed invocation (no output) is recorded with its input alone. SageMaker's guide does not say what
        it does; this is the case that a reader has to be ready for, since an error page is no prediction.
        """
        hour = exchange.at.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            if not self._sampled(endpoint, variant, settings.sampling):
                return
            record = _record(settings, exchange)
            if record is not None:
                file = _File(endpoint, variant, hour, settings)
                self._files.setdefault(file, []).append((exchange.at, record))

    def write_closed_hours(self, now: datetime) -> None:
        self._write(before=now - HOUR)

    def flush(self) -> None:
        self._write(before=None)

    def _sampled(self, endpoint: str, variant: str, share: float) -> bool:
        # Error diffusion: exactly that share of the requests, and the same ones in every run.
        credit = self._credit.get((endpoint, variant), 0.0) + share
        sampled = credit >= 1 - 1e-9
        self._credit[endpoint, variant] = credit - 1 if sampled else credit
        return sampled

    def _write(self, before: datetime | None) -> None:
        with self._lock:
            due = [file for file in self._files if before is None or file.hour <= before]
            taken = [(file, self._files.pop(file)) for file in due]
        for file, records in taken:
            records.sort(key=lambda entry: entry[0])
            self._put(file, records)

    def _put(self, file: _File, records: list[tuple[datetime, str]]) -> None:
        settings, first = file.settings, records[0][0]
        folder = f"{file.endpoint}/{file.variant}/{file.hour:%Y/%m/%d/%H}"
        name = f"{first:%M-%S}-{first.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        key = "/".join(part for part in (settings.prefix, folder, name) if part)
        body = "".join(f"{line}\n" for _, line in records).encode()
        if settings.kms_key_id is None:
            self._s3.put_object(Bucket=settings.bucket, Key=key, Body=body)
        else:
            self._s3.put_object(
                Bucket=settings.bucket,
                Key=key,
                Body=body,
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=settings.kms_key_id,
            )


def _record(settings: CaptureSettings, exchange: Exchange) -> str | None:
    data: dict[str, Any] = {}
    if "INPUT" in settings.modes:
        data["endpointInput"] = settings.side("INPUT", exchange.body, exchange.content_type)
    if "OUTPUT" in settings.modes and exchange.output is not None:
        data["endpointOutput"] = settings.side("OUTPUT", exchange.output, exchange.output_type)
    if not data:
        return None
    metadata = {"eventId": str(uuid.uuid4())}
    if exchange.inference_id is not None:
        metadata["inferenceId"] = exchange.inference_id
    metadata["inferenceTime"] = f"{exchange.at:%Y-%m-%dT%H:%M:%SZ}"
    return json.dumps(
        {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}, separators=(",", ":")
    )
