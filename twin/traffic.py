"""Traffic: real HTTP requests to an endpoint, dated in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import aiohttp

from twin.endpoints.gateway import TIME_HEADER, VARIANT_HEADER
from twin.endpoints.loop import BackgroundLoop


@dataclass(frozen=True, kw_only=True)
class Request:
    """One invocation, as of `at` on the virtual clock."""

    at: datetime
    inference_id: str
    body: bytes
    content_type: str


@dataclass(frozen=True, kw_only=True)
class Response:
    """What came back; `variant` is None where the endpoint answered with an error."""

    request: Request
    status: int
    body: bytes
    variant: str | None


class TrafficDriver:
    """Sends requests over kept-alive connections; `invocations` counts them over the driver's life."""

    def __init__(self, gateway_url: str, loop: BackgroundLoop, concurrency: int = 16) -> None:
        self._url, self._loop, self._concurrency = gateway_url, loop, concurrency
        self._session: aiohttp.ClientSession | None = None
        self.invocations = 0

    def send(self, endpoint: str, requests: Sequence[Request]) -> list[Response]:
        """Send all of them, up to `concurrency` at a time, and return the answers in the same order.

        Blocks. An HTTP error is an answer; a gateway that cannot be reached is an aiohttp.ClientError.
        """
        responses = self._loop.run(self._send_all(endpoint, requests))
        self.invocations += len(responses)
        return responses

    def close(self) -> None:
        if self._session is not None:
            self._loop.run(self._session.close())
            self._session = None

    async def _send_all(self, endpoint: str, requests: Sequence[Request]) -> list[Response]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
        url = f"{self._url}/endpoints/{quote(endpoint)}/invocations"
        responses: list[Response | None] = [None] * len(requests)
        queue = iter(enumerate(requests))
        workers = min(self._concurrency, len(requests))
        await asyncio.gather(*(self._work(self._session, url, queue, responses) for _ in range(workers)))
        return [response for response in responses if response is not None]

    @staticmethod
    async def _work(
        session: aiohttp.ClientSession,
        url: str,
        queue: Iterator[tuple[int, Request]],
        responses: list[Response | None],
    ) -> None:
        for index, request in queue:
            headers = {
                "Content-Type": request.content_type,
                "X-Amzn-SageMaker-Inference-Id": request.inference_id,
                TIME_HEADER: repr(request.at.timestamp()),
            }
            async with session.post(url, data=request.body, headers=headers) as answer:
                body = await answer.read()
                responses[index] = Response(
                    request=request,
                    status=answer.status,
                    body=body,
                    variant=answer.headers.get(VARIANT_HEADER),
                )
