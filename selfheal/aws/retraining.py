"""A request: the folder in S3 that tells a pipeline up to when to look at the data, and which models are compared.

retraining/<id>/request.json            who asks, the end of the data, the champion's package
retraining/<id>/champion/model.tar.gz   the champion's artifact; absent for the first champion
retraining/<id>/previous/model.tar.gz   that of the model to replay beside it; absent for a retraining
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from selfheal.aws.objects import Objects, split_uri
from selfheal.aws.registry import TRAINED_TO, Package

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


def write_request(
    s3: S3Client,
    bucket: str,
    request: str,
    *,
    incident: str,
    window_end: datetime,
    champion: Package | None,
    previous: Package | None = None,
) -> Mapping[str, str]:
    """Write the folder of a request; the answer is the pipeline's parameters."""
    folder = f"retraining/{request}"
    body: dict[str, Any] = {
        "incident": incident,
        "window_end": window_end.isoformat(),
        "champion": champion.arn if champion else None,
        "champion_trained_to": champion.metadata.get(TRAINED_TO) if champion else None,
        "previous": previous.arn if previous else None,
    }
    for name, package in (("champion", champion), ("previous", previous)):
        if package is not None:
            source, key = split_uri(package.artifact)
            copied = f"{folder}/{name}/model.tar.gz"
            s3.copy_object(Bucket=bucket, Key=copied, CopySource={"Bucket": source, "Key": key})
    Objects(s3, bucket).write_json(f"{folder}/request.json", body)
    return {"RequestUri": f"s3://{bucket}/{folder}", "Incident": incident}
