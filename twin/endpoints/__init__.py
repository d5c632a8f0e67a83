"""SageMaker endpoints that really serve.

`Endpoints` keeps fleets of model-server processes behind an HTTP gateway; `install` puts it behind
moto's API.
"""

from __future__ import annotations

from twin.endpoints import api, runtime_api
from twin.endpoints.deployment import Timing
from twin.endpoints.loop import BackgroundLoop
from twin.endpoints.service import Endpoints
from twin.patching import Patches

__all__ = ["BackgroundLoop", "Endpoints", "Timing", "install"]


def install(endpoints: Endpoints, patches: Patches) -> None:
    """Answer moto's SageMaker and SageMaker runtime APIs from these endpoints."""
    api.install(endpoints, patches)
    runtime_api.install(endpoints.gateway_url, patches)
