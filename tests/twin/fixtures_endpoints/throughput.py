"""How fast the gateway serves, run by hand: `python -m tests.twin.fixtures_endpoints.throughput [requests]`.

Everything is on as in the demo: frozen time, capture, and metrics under both sets of dimensions.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import time_machine

from tests.twin.fixtures_endpoints.account import CAPTURE, account, model_archive
from tests.twin.fixtures_endpoints.fakes import START
from twin.metrics import MetricStore
from twin.traffic import Request

PER_HOUR = 40


def main(total: int) -> None:
    os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing")
    with (
        time_machine.travel(START, tick=False),
        tempfile.TemporaryDirectory() as state,
        account(Path(state)) as acc,
    ):
        acc.model("model-a", model_archive())
        acc.config("config-a", "model-a", DataCaptureConfig=CAPTURE)
        acc.config("config-b", "model-a", DataCaptureConfig=CAPTURE)
        acc.serve()
        acc.sagemaker.update_endpoint(EndpointName="flights", EndpointConfigName="config-b")
        acc.endpoints.wait_in_service("flights", acc.advance)
        # The store that the twin really uses, once the endpoint is up.
        acc.endpoints._gateway._metrics = MetricStore()
        started, cpu = time.perf_counter(), time.process_time()
        for hour in range(total // PER_HOUR):
            at = START + timedelta(hours=hour, minutes=20)
            requests = [
                Request(at=at, inference_id=f"{hour}-{n}", body=b"1," * 24 + b"1", content_type="text/csv")
                for n in range(PER_HOUR)
            ]
            acc.traffic.send("flights", requests)
            acc.endpoints.tick(START + timedelta(hours=hour + 1))
        wall, busy = time.perf_counter() - started, time.process_time() - cpu
        sent = acc.traffic.invocations
        print(  # noqa: T201 - a script's output
            f"{sent} requests: {sent / wall:.0f}/s, {wall / sent * 1e6:.0f} us wall, "
            f"{busy / sent * 1e6:.0f} us of the main process each"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
