"""SageMaker endpoints that really serve: fleets, gateway and capture behind one facade."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.endpoints import guardrails
from twin.endpoints.artifact import download
from twin.endpoints.capture import CaptureBuffer
from twin.endpoints.deployment import Creation, Surroundings, Timing, Update
from twin.endpoints.errors import RefusedError
from twin.endpoints.fleet import Fleet, FleetPlan, Variant
from twin.endpoints.gateway import Gateway
from twin.endpoints.loop import BackgroundLoop
from twin.endpoints.resizing import Resizing, wanted_sizes
from twin.endpoints.state import CREATING, DELETING, FAILED, IN_SERVICE, STEADY, Endpoint
from twin.interfaces import Alarms, Appointment, Bus, Clock, Metrics, TwinError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_LONGEST_DEPLOYMENT = timedelta(hours=9)  # the API's limit of eight hours, and the work around it


@dataclass(frozen=True)
class _LockedClock:
    """The clock, with every action run under the control plane's lock: calls may come on other threads."""

    clock: Clock
    lock: threading.RLock

    @property
    def now(self) -> datetime:
        return self.clock.now

    def at(self, when: datetime, action: Callable[[], None], label: str) -> Appointment:
        def locked() -> None:
            with self.lock:
                action()

        return self.clock.at(when, locked, label)


class Endpoints:
    """Every endpoint of the account, its processes and the gateway to them.

    `tick(now)` belongs after the alarms' evaluation; `close()` ends every process and the gateway's thread.
    `state` holds each instance's log: `<endpoint>/<fleet>/<variant>/<instance>/server.log`.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        bus: Bus,
        metrics: Metrics,
        alarms: Alarms,
        s3: S3Client,
        state: Path,
        timing: Timing | None = None,
    ) -> None:
        self._state = state
        self._lock = threading.RLock()
        self._endpoints: dict[str, Endpoint] = {}
        self._work: dict[str, Creation | Update | Resizing] = {}
        self._fleet_numbers = count(1)
        self.loop = BackgroundLoop()
        self.capture = CaptureBuffer(s3)
        self._gateway = Gateway(self.loop, clock, metrics, self.capture)
        self._around = Surroundings(
            clock=_LockedClock(clock, self._lock),
            bus=bus,
            alarms=alarms,
            timing=timing or Timing(),
            read_model=lambda url: download(s3, url),
            publish=self._gateway.publish,
        )

    @property
    def gateway_url(self) -> str:
        """Base URL of the runtime API: the value for AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME."""
        return self._gateway.url

    @property
    def busy(self) -> bool:
        """Whether any endpoint is being created, updated or rolled back."""
        with self._lock:
            return any(endpoint.status not in STEADY for endpoint in self._endpoints.values())

    def tick(self, now: datetime) -> None:
        """Judge running deployments and write the capture files of the hours that have closed."""
        with self._lock:
            self._work = {name: work for name, work in self._work.items() if not work.done}
            for work in self._work.values():
                work.tick(now)
        self.capture.write_closed_hours(now)

    def wait_in_service(self, name: str, advance: Callable[[timedelta], None]) -> None:
        """Advance by minutes until the endpoint is in service; TwinError if it fails or never is."""
        for _ in range(_LONGEST_DEPLOYMENT // timedelta(minutes=1)):
            with self._lock:
                endpoint = self._endpoint(name)
                status, reason = endpoint.status, endpoint.failure_reason
            if status == IN_SERVICE:
                return
            if status == FAILED:
                raise TwinError(f"endpoint {name} failed: {reason}")
            advance(timedelta(minutes=1))
        raise TwinError(f"endpoint {name} is not in service after {_LONGEST_DEPLOYMENT}")

    def close(self) -> None:
        """End every process, the gateway and its thread; capture records not yet flushed are dropped."""
        with self._lock:
            for work in self._work.values():
                work.stop()
            for endpoint in self._endpoints.values():
                endpoint.fleet.stop()
            self._work.clear()
            self._endpoints.clear()
        if not self.loop.closed:
            self._gateway.close()
            self.loop.close()

    def describe(self, name: str) -> dict[str, Any]:
        """DescribeEndpoint's answer; RefusedError for an unknown name."""
        with self._lock:
            return self._endpoint(name).describe()

    def variants(self, name: str) -> dict[str, Variant]:
        """The serving fleet's variants by name."""
        with self._lock:
            return {variant.name: variant for variant in self._endpoint(name).fleet.variants}

    def data_capture(self, name: str) -> Mapping[str, Any] | None:
        """The serving fleet's DataCaptureConfig."""
        with self._lock:
            return self._endpoint(name).fleet.data_capture

    def user_of(self, config_name: str) -> str | None:
        """Name of an endpoint that serves the config or is deploying it."""
        with self._lock:
            for endpoint in self._endpoints.values():
                deploying = endpoint.pending.config_name if endpoint.pending else None
                if config_name in (endpoint.fleet.config_name, deploying):
                    return endpoint.name
        return None

    def create(self, record: Any, plan: FleetPlan, deployment: Mapping[str, Any] | None) -> None:
        """Start creating the endpoint of moto's `record`. RefusedError or TwinError if it cannot be."""
        guardrails.check(deployment, variant_sizes=_sizes(plan))
        with self._lock:
            now = self._around.clock.now
            endpoint = Endpoint(
                name=record.endpoint_name,
                arn=record.arn,
                record=record,
                fleet=self._fleet(record.endpoint_name, plan),
                status=CREATING,
                created=now,
                modified=now,
                deployment_config=deployment,
            )
            endpoint.enter(CREATING, now)
            self._endpoints[endpoint.name] = endpoint
            self._gateway.publish(endpoint.name, None)
            self._around.announce(endpoint)
            self._work[endpoint.name] = Creation(endpoint, self._around)

    def check_updatable(self, name: str) -> None:
        """RefusedError unless the endpoint exists and is in service."""
        with self._lock:
            endpoint = self._endpoint(name)
            if endpoint.status == FAILED:
                raise RefusedError(f'Cannot update failed endpoint "{endpoint.arn}": delete it instead.')
            if endpoint.status != IN_SERVICE:
                raise RefusedError(f'Cannot update in-progress endpoint "{endpoint.arn}".')

    def update(
        self, name: str, plan: FleetPlan, deployment: Mapping[str, Any] | None, *, retain_deployment: bool
    ) -> str:
        """Start deploying the plan; returns the ARN. RefusedError or TwinError if it cannot be."""
        with self._lock:
            self.check_updatable(name)
            endpoint = self._endpoint(name)
            if deployment and retain_deployment:
                raise RefusedError("DeploymentConfig and RetainDeploymentConfig cannot both be specified.")
            effective = endpoint.deployment_config if retain_deployment else deployment
            rollout = guardrails.check(effective, variant_sizes=_sizes(plan))
            if effective:
                old = [variant.name for variant in endpoint.fleet.variants]
                guardrails.check_same_variants(old, [variant.name for variant in plan.variants])
            self._check_alarms_exist(rollout.alarms)
            endpoint.deployment_config = effective or endpoint.deployment_config
            self._work[name] = Update(endpoint, self._fleet(name, plan), rollout, self._around)
            return endpoint.arn

    def resize(self, name: str, asked: Sequence[Mapping[str, Any]]) -> str:
        """Start changing the size of variants, each as DesiredWeightsAndCapacities has it; returns the ARN.

        RefusedError or TwinError if it cannot be.
        """
        with self._lock:
            self.check_updatable(name)
            endpoint = self._endpoint(name)
            sizes = {variant.name: variant.size for variant in endpoint.fleet.variants}
            self._work[name] = Resizing(endpoint, wanted_sizes(asked, sizes), self._around)
            return endpoint.arn

    def delete(self, name: str) -> None:
        """End the endpoint; RefusedError while it is being created or updated."""
        with self._lock:
            endpoint = self._endpoint(name)
            if endpoint.status not in STEADY:
                raise RefusedError(f'Cannot delete in-progress endpoint "{endpoint.arn}".')
            self._gateway.withdraw(name)
            endpoint.fleet.stop()
            endpoint.enter(DELETING, self._around.clock.now)
            self._around.announce(endpoint)
            self._work.pop(name, None)
            del self._endpoints[name]

    def _endpoint(self, name: str) -> Endpoint:
        if name not in self._endpoints:
            raise RefusedError(f'Could not find endpoint "{name}".')
        return self._endpoints[name]

    def _fleet(self, endpoint: str, plan: FleetPlan) -> Fleet:
        return Fleet(
            endpoint=endpoint,
            config_name=plan.config_name,
            variants=plan.variants,
            data_capture=plan.data_capture,
            directory=self._state / endpoint / f"{next(self._fleet_numbers):03d}-{plan.config_name}",
            startup_seconds=self._around.timing.startup_seconds,
        )

    def _check_alarms_exist(self, names: Sequence[str]) -> None:
        if not names:
            return
        try:
            self._around.alarms.states(names)
        except TwinError as error:  # the protocol's answer to an unknown name
            raise RefusedError(
                f"AutoRollbackConfiguration names an alarm that does not exist: {error}"
            ) from error


def _sizes(plan: FleetPlan) -> dict[str, int]:
    return {variant.name: variant.instance_count for variant in plan.variants}
