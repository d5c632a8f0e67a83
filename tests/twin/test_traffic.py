"""The traffic driver: order, counting, errors as answers."""

from __future__ import annotations

import aiohttp
import pytest

from tests.twin.fixtures_endpoints.account import account, model_archive
from tests.twin.fixtures_endpoints.fakes import START
from twin.endpoints import BackgroundLoop
from twin.traffic import Request, TrafficDriver


@pytest.fixture
def served(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with account(tmp_path / "state") as acc:
        acc.model("model-a", model_archive(2.0))
        acc.config("config-a", "model-a", instances=2)
        acc.serve()
        yield acc


def test_answers_come_in_the_order_of_the_requests_and_are_counted(served):
    responses = served.send(*[str(number) for number in range(100)])
    assert [float(response.body) for response in responses] == [2.0 * number for number in range(100)]
    assert [response.request.inference_id for response in responses[:2]] == ["flight-0", "flight-1"]
    served.send("1")
    assert served.traffic.invocations == 101


def test_errors_are_answers(served):
    ok, failed = served.send("1", "-1")
    assert (ok.status, ok.variant) == (200, "AllTraffic")
    assert (failed.status, failed.variant) == (424, None)
    assert b"a negative distance" in failed.body
    assert served.send("1", name="nobody")[0].status == 400


def test_nothing_to_send_is_nothing(served):
    assert served.traffic.send("flights", []) == []


def test_a_gateway_that_is_gone_is_an_error():
    loop = BackgroundLoop()
    driver = TrafficDriver("http://127.0.0.1:9", loop)
    try:
        with pytest.raises(aiohttp.ClientError):
            driver.send("flights", [Request(at=START, inference_id="a", body=b"1", content_type="text/csv")])
        assert driver.invocations == 0
    finally:
        driver.close()
        loop.close()


def test_the_loop_refuses_to_wait_for_itself():
    loop = BackgroundLoop()

    async def nothing() -> None:
        return None

    async def inner() -> None:
        loop.run(nothing())

    try:
        with pytest.raises(RuntimeError, match="wait for the loop"):
            loop.run(inner())
    finally:
        loop.close()
        assert loop.closed
