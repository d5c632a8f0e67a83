"""SageMaker's runtime API on moto: a client of moto's server reaches the same gateway as everyone else."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import quote, urlsplit

from moto.core.common_types import TYPE_RESPONSE
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

from twin.interfaces import TwinError
from twin.patching import Patches

_TIMEOUT_SECONDS = 70.0  # above the gateway's own limit, so that its answer comes first
_FORWARDED = ("content-type", "accept", "x-twin-time")
_FORWARDED_PREFIX = "x-amzn-sagemaker-"
_RETURNED_PREFIX = "x-amzn-"


def install(gateway_url: str, patches: Patches) -> None:
    """Send moto's InvokeEndpoint to the gateway."""
    port = urlsplit(gateway_url).port

    def invoke_endpoint(response: Any) -> TYPE_RESPONSE:
        name = response.path.split("/")[2]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(
                "POST",
                f"/endpoints/{quote(name)}/invocations",
                response.raw_body,
                _request_headers(response.headers),
            )
            answer = connection.getresponse()
            return answer.status, _response_headers(answer), answer.read()
        finally:
            connection.close()

    def invoke_endpoint_async(response: Any) -> TYPE_RESPONSE:
        raise TwinError(f"the twin has no asynchronous inference yet: {response.path}")

    # moto decodes bodies as text by default, but an invocation's may be anything.
    patches.replace(SageMakerRuntimeResponse, "use_raw_body", True)
    patches.replace(SageMakerRuntimeResponse, "invoke_endpoint", invoke_endpoint)
    patches.replace(SageMakerRuntimeResponse, "invoke_endpoint_async", invoke_endpoint_async)


def _request_headers(headers: Any) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name.lower() in _FORWARDED or name.lower().startswith(_FORWARDED_PREFIX)
    }


def _response_headers(answer: http.client.HTTPResponse) -> dict[str, Any]:
    kept = {
        name: value
        for name, value in answer.getheaders()
        if name.lower() == "content-type" or name.lower().startswith(_RETURNED_PREFIX)
    }
    # moto takes the status of a tuple from its headers.
    return {**kept, "status": answer.status}
