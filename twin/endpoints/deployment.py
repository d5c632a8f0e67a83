"""Blue/green deployment on the virtual clock: create, update, shift, bake, roll back, finish.

Creating ─ready─▶ InService            Updating ─ready─▶ shift ─bake─▶ … ─bake─▶ InService (new config)
    └─unhealthy─▶ Failed                   │├─ alarm or timeout ─▶ RollingBack ─▶ InService (old config)
                                           └─ unhealthy ─▶ InService (old config, FailureReason)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from twin.endpoints.errors import ProvisioningError
from twin.endpoints.events import announce_deployment, announce_state
from twin.endpoints.fleet import Fleet
from twin.endpoints.guardrails import Rollout, Step
from twin.endpoints.routing import Route
from twin.endpoints.state import FAILED, IN_SERVICE, ROLLING_BACK, UPDATING, Endpoint, Pending
from twin.interfaces import Alarms, Appointment, Bus, Clock


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long SageMaker's own work takes, in virtual time, and what a rollback says of itself."""

    provisioning: timedelta = timedelta(minutes=4)
    rollback: timedelta = timedelta(minutes=1)
    # SageMaker often leaves FailureReason empty after a guardrail rollback; True states the cause in it.
    rollback_states_reason: bool = False
    startup_seconds: float = 120.0  # real time that an instance may take to load its model


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a deployment acts on."""

    clock: Clock
    bus: Bus
    alarms: Alarms
    timing: Timing
    read_model: Callable[[str], bytes]
    publish: Callable[[str, Route | None], None]

    def announce(self, endpoint: Endpoint) -> None:
        announce_state(self.bus, endpoint.describe(), endpoint.tags)

    def route_to_fleet(self, endpoint: Endpoint) -> None:
        """All of the endpoint's traffic to the fleet that it stands for."""
        everything = {variant.name: 1.0 for variant in endpoint.fleet.variants}
        targets = endpoint.fleet.targets(share_left=everything, step=None, by_config=endpoint.by_config)
        self.publish(endpoint.name, Route(targets))


class Creation:
    """CreateEndpoint's work after the call."""

    def __init__(self, endpoint: Endpoint, around: Surroundings) -> None:
        self._endpoint, self._around = endpoint, around
        self._appointment = around.clock.at(around.clock.now, self._launch, f"launch {endpoint.name}")

    @property
    def done(self) -> bool:
        return self._endpoint.status in {IN_SERVICE, FAILED}

    def tick(self, now: datetime) -> None:
        """Nothing to watch: a creation has no alarms and no timeout."""

    def stop(self) -> None:
        """Nothing beside the endpoint's own fleet."""

    def _launch(self) -> None:
        self._attempt(lambda: self._endpoint.fleet.launch(self._around.read_model))
        if not self.done:
            ready = self._endpoint.created + self._around.timing.provisioning
            self._around.clock.at(ready, self._open, f"open {self._endpoint.name}")

    def _open(self) -> None:
        self._attempt(self._endpoint.fleet.check_health)
        if not self.done:
            self._around.route_to_fleet(self._endpoint)
            self._settle(IN_SERVICE)

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ProvisioningError as error:
            self._endpoint.fleet.stop()
            self._endpoint.failure_reason = str(error)
            self._settle(FAILED)

    def _settle(self, status: str) -> None:
        self._endpoint.enter(status, self._around.clock.now)
        self._around.announce(self._endpoint)


class Update:
    """UpdateEndpoint's work after the call: `green` replaces the endpoint's fleet, or does not."""

    def __init__(self, endpoint: Endpoint, green: Fleet, rollout: Rollout, around: Surroundings) -> None:
        self._endpoint, self._green, self._rollout, self._around = endpoint, green, rollout, around
        self._started = around.clock.now
        self._step = -1
        self._next: Appointment | None = None
        endpoint.failure_reason = None
        endpoint.enter(UPDATING, self._started)
        around.announce(endpoint)
        self._progress(None, "Creating", "Launching {} instance(s).")
        self._at(self._started, self._launch, "launch")

    @property
    def done(self) -> bool:
        return self._endpoint.status == IN_SERVICE

    def tick(self, now: datetime) -> None:
        """Watch the alarms and the clock; called once a tick, after the alarms were evaluated."""
        if self._endpoint.status != UPDATING or self._rolled_back_by_alarm():
            return
        if self._rollout.timeout is not None and now - self._started > self._rollout.timeout:
            self._roll_back("the deployment exceeded MaximumExecutionTimeoutInSeconds")

    def stop(self) -> None:
        """End the new fleet's processes."""
        self._green.stop()

    def _rolled_back_by_alarm(self) -> bool:
        if not self._rollout.alarms:
            return False
        states = self._around.alarms.states(self._rollout.alarms)
        tripped = [name for name, state in states.items() if state == "ALARM"]
        if tripped:
            self._roll_back(f"the following alarms are in ALARM: {', '.join(tripped)}")
        return bool(tripped)

    def _launch(self) -> None:
        if self._provisioned(lambda: self._green.launch(self._around.read_model)):
            self._at(self._started + self._around.timing.provisioning, self._admit, "admit")

    def _admit(self) -> None:
        if self._provisioned(self._green.check_health):
            self._endpoint.by_config = True
            self._shift()

    def _provisioned(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except ProvisioningError as error:
            self._endpoint.failure_reason = str(error)
            self._back_to_old()
            return False
        return True

    def _shift(self) -> None:
        # Appointments come before the tick's look at the alarms: no step may outrun an alarm.
        if self._rolled_back_by_alarm():
            return
        self._step += 1
        step = self._rollout.steps[self._step]
        self._progress(
            step, "ActivatingTraffic", f"Activating traffic on {self._capacity()} of {{}} instance(s)."
        )
        self._route(step)
        if step.bake:
            seconds = f"{step.bake.total_seconds():.0f} seconds ({step.wait_name})"
            text = f"Baking for {seconds} with traffic enabled on {self._capacity()} of {{}} instance(s)."
            self._progress(step, "Baking", text)
        last = self._step == len(self._rollout.steps) - 1
        self._at(self._around.clock.now + step.bake, self._finish if last else self._shift, "after the bake")

    def _capacity(self) -> str:
        if self._step == len(self._rollout.steps) - 1:
            return "full capacity"
        return "canary capacity" if len(self._rollout.steps) == 2 else f"step {self._step + 1} capacity"

    def _route(self, step: Step) -> None:
        green = {v.name: step.instances(v.instance_count) / v.instance_count for v in self._green.variants}
        blue = {v.name: 1.0 - green.get(v.name, 1.0) for v in self._endpoint.fleet.variants}
        targets = [
            *self._endpoint.fleet.targets(share_left=blue, step=None, by_config=True),
            *self._green.targets(share_left=green, step=step, by_config=True),
        ]
        self._around.publish(self._endpoint.name, Route(targets))

    def _finish(self) -> None:
        if self._rolled_back_by_alarm():
            return
        old, self._endpoint.fleet = self._endpoint.fleet, self._green
        self._settle(stop=old)

    def _roll_back(self, reason: str) -> None:
        if self._next is not None:
            self._next.cancel()
        self._endpoint.enter(ROLLING_BACK, self._around.clock.now)
        self._around.announce(self._endpoint)
        self._around.route_to_fleet(self._endpoint)
        self._progress(None, "Deleting", "Terminating {} instance(s).")
        if self._around.timing.rollback_states_reason:
            self._endpoint.failure_reason = f"Deployment was rolled back because {reason}."
        self._at(self._around.clock.now + self._around.timing.rollback, self._back_to_old, "end rollback")

    def _back_to_old(self) -> None:
        self._settle(stop=self._green)

    def _settle(self, stop: Fleet) -> None:
        self._endpoint.pending = None
        self._around.route_to_fleet(self._endpoint)
        stop.stop()
        self._endpoint.enter(IN_SERVICE, self._around.clock.now)
        self._around.announce(self._endpoint)

    def _at(self, when: datetime, action: Callable[[], None], what: str) -> None:
        self._next = self._around.clock.at(when, action, f"{what}: {self._endpoint.name}")

    def _progress(self, step: Step | None, status: str, message: str) -> None:
        """Record and announce where the new fleet stands; `step` None: before or after it takes traffic."""
        now = self._around.clock.now
        variants: list[dict[str, Any]] = []
        for variant in self._green.variants:
            taking = 0 if step is None else step.instances(variant.instance_count)
            shown = variant.instance_count if step is None else taking
            variants.append(
                {
                    **variant.summary(),
                    "CurrentInstanceCount": taking,
                    "VariantStatus": [
                        {"Status": status, "StatusMessage": message.format(shown), "StartTime": now}
                    ],
                }
            )
        self._endpoint.pending = Pending(
            config_name=self._green.config_name, started=self._started, variants=variants
        )
        announce_deployment(self._around.bus, self._endpoint.describe(), self._endpoint.tags)
