"""The runtime API over HTTP: `POST /endpoints/{name}/invocations`, as the AWS SDKs call it.

Point a boto3 client at it with `AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME`. The header `X-Twin-Time` (epoch seconds)
dates a request; without it the virtual clock does. Every answer of a model becomes metrics, in
microseconds where SageMaker counts in microseconds, and a capture record where its fleet's config says so.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from time import perf_counter
from typing import Any

import aiohttp
from aiohttp import web

from twin.endpoints.capture import CaptureBuffer, Exchange
from twin.endpoints.loop import BackgroundLoop
from twin.endpoints.routing import Route, Target, UnknownVariantError
from twin.interfaces import ACCOUNT_ID, REGION, Clock, Metrics
from twin.model_server import LATENCY_HEADER, MAX_PAYLOAD_BYTES

NAMESPACE = "AWS/SageMaker"
TIME_HEADER = "X-Twin-Time"
VARIANT_HEADER = "x-Amzn-Invoked-Production-Variant"

_INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_TARGET_VARIANT = "X-Amzn-SageMaker-Target-Variant"
_UNSUPPORTED = (
    "X-Amzn-SageMaker-Target-Model",
    "X-Amzn-SageMaker-Target-Container-Hostname",
    "X-Amzn-SageMaker-Inference-Component",
    "X-Amzn-SageMaker-Enable-Explanations",
    "X-Amzn-SageMaker-Session-Id",
)
_MODEL_TIMEOUT_SECONDS = 60.0  # SageMaker's own limit for an answer


class ApiError(Exception):
    """An error of the runtime API: HTTP status, error code, and the shape's members."""

    def __init__(self, status: int, code: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        self.members = {"Message": message, **members}

    def response(self) -> web.Response:
        return web.Response(
            status=self.status,
            body=json.dumps(self.members).encode(),
            headers={"Content-Type": "application/json", "x-amzn-ErrorType": self.code},
        )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an instance said. Status 0 is SageMaker's for no answer at all."""

    status: int
    body: bytes
    content_type: str
    attributes: str | None = None
    latency_us: float | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Gateway:
    """Serves the routes that the control plane publishes; runs on the background loop."""

    def __init__(self, loop: BackgroundLoop, clock: Clock, metrics: Metrics, capture: CaptureBuffer) -> None:
        self._loop, self._clock, self._metrics, self._capture = loop, clock, metrics, capture
        # Endpoints by name; None while one exists that does not serve. Assigning an item is atomic, so the
        # control plane publishes from its own thread.
        self._routes: dict[str, Route | None] = {}
        self.port = loop.run(self._start())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(self, endpoint: str, route: Route | None) -> None:
        """Set an endpoint's route; None: it exists but does not serve."""
        self._routes[endpoint] = route

    def withdraw(self, endpoint: str) -> None:
        self._routes.pop(endpoint, None)

    def close(self) -> None:
        self._loop.run(self._stop())

    async def _start(self) -> int:
        loop = asyncio.get_running_loop()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=_MODEL_TIMEOUT_SECONDS),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._server = web.Server(
            self._handle,
            access_log=None,
            request_factory=lambda message, payload, protocol, writer, task: web.BaseRequest(
                message, payload, protocol, writer, task, loop, client_max_size=MAX_PAYLOAD_BYTES
            ),
        )
        self._listener = await loop.create_server(self._server, "127.0.0.1", 0, backlog=512)
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def _stop(self) -> None:
        self._listener.close()
        await self._server.shutdown(timeout=0.1)
        await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._invoke(request)
        except ApiError as fault:
            return fault.response()

    async def _invoke(self, request: web.BaseRequest) -> web.Response:
        name = _endpoint_name(request)
        body = await request.read()
        arrived = perf_counter()
        _refuse_unsupported(request)
        target = self._target(name, request.headers.get(_TARGET_VARIANT))
        at = self._time(request)
        content_type = request.headers.get("Content-Type", "application/octet-stream")
        forwarded = perf_counter()
        answer = await self._ask(target.next_port(), body, content_type, request)
        answered = perf_counter()
        self._capture_exchange(name, target, at, body, content_type, request, answer)
        response = _response(name, target, answer)
        overhead = (forwarded - arrived) + (perf_counter() - answered)
        self._measure(target, at, answer, overhead * 1e6)
        return response

    def _target(self, name: str, variant: str | None) -> Target:
        if name not in self._routes:
            raise ApiError(400, "ValidationError", f"Endpoint {name} of account {ACCOUNT_ID} not found.")
        route = self._routes[name]
        if route is None:
            raise ApiError(503, "ServiceUnavailable", f"Endpoint {name} is not in service.")
        try:
            return route.pick(variant)
        except UnknownVariantError:
            raise ApiError(
                400, "ValidationError", f"Variant {variant} not found for Request on endpoint {name}."
            ) from None

    def _time(self, request: web.BaseRequest) -> datetime:
        stamp = request.headers.get(TIME_HEADER)
        if stamp is None:
            return self._clock.now
        try:
            return datetime.fromtimestamp(float(stamp), timezone.utc)
        except (ValueError, OverflowError, OSError):
            raise ApiError(
                400, "ValidationError", f"{TIME_HEADER} must be epoch seconds: {stamp!r}"
            ) from None

    async def _ask(self, port: int, body: bytes, content_type: str, request: web.BaseRequest) -> Answer:
        headers = {"Content-Type": content_type, "Accept": request.headers.get("Accept", "*/*")}
        attributes = request.headers.get(_ATTRIBUTES)
        if attributes is not None:
            headers[_ATTRIBUTES] = attributes
        try:
            async with self._session.post(
                f"http://127.0.0.1:{port}/invocations", data=body, headers=headers
            ) as response:
                latency = response.headers.get(LATENCY_HEADER)
                return Answer(
                    status=response.status,
                    body=await response.read(),
                    content_type=response.headers.get("Content-Type", "application/octet-stream"),
                    attributes=response.headers.get(_ATTRIBUTES),
                    latency_us=None if latency is None else float(latency),
                )
        except asyncio.TimeoutError:
            reason = b"Your invocation timed out while waiting for a response from container primary."
            return Answer(
                status=0, body=reason, content_type="text/plain", latency_us=_MODEL_TIMEOUT_SECONDS * 1e6
            )
        except (aiohttp.ClientError, OSError) as error:
            return Answer(
                status=0, body=f"{type(error).__name__}: {error}".encode(), content_type="text/plain"
            )

    def _capture_exchange(
        self,
        name: str,
        target: Target,
        at: datetime,
        body: bytes,
        content_type: str,
        request: web.BaseRequest,
        answer: Answer,
    ) -> None:
        if target.capture is None:
            return
        exchange = Exchange(
            at=at,
            inference_id=request.headers.get(_INFERENCE_ID),
            body=body,
            content_type=content_type,
            output=answer.body if answer.ok else None,
            output_type=answer.content_type,
        )
        self._capture.add(name, target.variant, target.capture, exchange)

    def _measure(self, target: Target, at: datetime, answer: Answer, overhead_us: float) -> None:
        client_error = 400 <= answer.status < 500
        values = {
            "Invocations": 1.0,
            "InvocationsPerInstance": 1.0 / len(target.ports),
            "Invocation4XXErrors": float(client_error),
            "Invocation5XXErrors": float(not answer.ok and not client_error),
            "InvocationModelErrors": float(not answer.ok),
            "OverheadLatency": overhead_us,
        }
        if answer.latency_us is not None:
            values["ModelLatency"] = answer.latency_us
        put = self._metrics.put
        for dimensions in target.dimensions:
            for metric, value in values.items():
                put(NAMESPACE, metric, dimensions, value, at)


def _endpoint_name(request: web.BaseRequest) -> str:
    match request.path.split("/"):
        case ["", "endpoints", name, "invocations"] if request.method == "POST":
            return name
    raise ApiError(404, "UnknownOperationException", f"{request.method} {request.path} is not in the twin")


def _refuse_unsupported(request: web.BaseRequest) -> None:
    for header in _UNSUPPORTED:
        if header in request.headers:
            raise ApiError(501, "TwinError", f"the twin's runtime API does not support {header}")
    inference_id = request.headers.get(_INFERENCE_ID)
    if inference_id is not None and not 1 <= len(inference_id) <= 64:
        raise ApiError(400, "ValidationError", "InferenceId must be 1 to 64 characters long.")
    if len(request.headers.get(_ATTRIBUTES, "")) > 1024:
        raise ApiError(400, "ValidationError", "CustomAttributes must be at most 1024 characters long.")


def _response(name: str, target: Target, answer: Answer) -> web.Response:
    if not answer.ok:
        return _model_error(name, answer).response()
    headers = {"Content-Type": answer.content_type, VARIANT_HEADER: target.variant}
    if answer.attributes is not None:
        headers[_ATTRIBUTES] = answer.attributes
    return web.Response(status=200, body=answer.body, headers=headers)


def _model_error(name: str, answer: Answer) -> ApiError:
    group = f"/aws/sagemaker/Endpoints/{name}"
    message = answer.body.decode(errors="replace")
    side = "client" if 400 <= answer.status < 500 else "server"
    console = f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}"
    return ApiError(
        424,
        "ModelError",
        f'Received {side} error ({answer.status}) from primary with message "{message}". '
        f"See {console}#logEventViewer:group={group} in account {ACCOUNT_ID} for more information.",
        OriginalStatusCode=answer.status,
        OriginalMessage=message,
        LogStreamArn=f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{group}",
    )
