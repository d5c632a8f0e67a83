"""The golden set of a package: where it lies, and asking an endpoint for it."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

from botocore.exceptions import ClientError, HTTPClientError

from selfheal.aws.errors import AwsError, code
from selfheal.aws.objects import Objects, split_uri
from selfheal.aws.registry import GOLDEN_DIGEST, GOLDEN_SET, Package
from selfheal.verify.golden import GoldenSet

# What the runtime says where it, or the container, gave no answer; everything else is a mistake of ours.
UNANSWERED = (
    "ModelError",
    "ModelNotReadyException",
    "InternalFailure",
    "InternalDependencyException",
    "ServiceUnavailable",
    "ThrottlingException",
)


class Unanswered(AwsError):
    """The endpoint gave no answer."""


class Answer(NamedTuple):
    """What an endpoint answered."""

    text: str
    content_type: str


def golden_set_of(objects: Objects, package: Package) -> GoldenSet | None:
    """The package's golden set; None where it was registered without one.

    Raises:
        Missing: the object is gone.
        AwsError: it is not what was registered, or no golden set.
    """
    uri = package.metadata.get(GOLDEN_SET)
    if uri is None:
        return None
    text = objects.read(split_uri(uri)[1])
    digest, registered = hashlib.sha256(text.encode()).hexdigest(), package.metadata.get(GOLDEN_DIGEST)
    if digest != registered:
        raise AwsError(
            f"{uri} is not what was registered as the golden set of {package.arn}: its SHA-256 is {digest[:12]}…, "
            f"the package says {str(registered)[:12]}…; restore the object's earlier version"
        )
    try:
        return GoldenSet.from_json(json.loads(text))
    except (ValueError, AttributeError, TypeError) as error:  # GoldenSetError and JSON's own among them
        raise AwsError(f"{uri} holds no golden set: {error}; register the model anew") from error


def ask(runtime: Any, endpoint: str, golden: GoldenSet, inference_id: str) -> Answer:
    """What the endpoint answers to all rows, asked in one request: one more among its metrics.

    Args:
        runtime: a client of sagemaker-runtime, for which no stubs are pinned.

    Raises:
        Unanswered: nothing, or an error of the container.
    """
    try:
        response = runtime.invoke_endpoint(
            EndpointName=endpoint,
            Body=golden.payload.encode(),
            ContentType="text/csv",
            Accept="application/json",
            InferenceId=inference_id,
        )
        return Answer(response["Body"].read().decode("utf-8", "replace"), response.get("ContentType", ""))
    except ClientError as error:
        if code(error) not in UNANSWERED:
            raise
        raise Unanswered(f"{endpoint} did not answer its golden set: {error}") from error
    except HTTPClientError as error:
        raise Unanswered(f"{endpoint} did not answer its golden set in time: {error}") from error
