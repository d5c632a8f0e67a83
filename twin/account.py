"""The account on your machine: moto, the dynamics that it lacks, and the stacks that were synthesized.

    with Twin(state=Path("build/twin"), start=start) as twin:
        twin.deploy(Path("cdk.out"))
        twin.advance_to(start + timedelta(days=56))

Time moves in ticks. Within one the order is: traffic, time and what is due, alarms, deployments, then
events and workflows until none is left. A tick ends where something is due, so that nothing is late; while
anything is restless (a deployment, the hours after one, a firing alarm) ticks are short, else long.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

import boto3
from moto import mock_aws
from moto.core.config import DefaultConfig

from twin import bucket_policies, object_listing
from twin.alarms import Alarms, Transition
from twin.api import ApiServer
from twin.asynchronous import AsyncInvocations
from twin.clock import VirtualClock
from twin.endpoints import Endpoints, install
from twin.events import EventBus
from twin.functions import Functions
from twin.interfaces import REGION
from twin.jobs import Jobs
from twin.metrics import MetricStore
from twin.patching import Patches
from twin.pipelines import Pipelines
from twin.registry import ModelRegistry
from twin.template import Account, Assembly, DeployedStack, Loader, PackagedCode
from twin.traffic import TrafficDriver
from twin.workflows import Workflows

SHORT_TICK = timedelta(minutes=1)
LONG_TICK = timedelta(minutes=30)
RESTLESS_AFTER = timedelta(hours=4)

OnTick = Callable[[datetime, datetime], None]


class Twin:
    """Context manager: an empty account at a virtual moment. Its parts are public, for those who look closer.

    Args:
        state: folder for logs, sandboxes and scratch space; what an earlier twin left there is removed.
        start: the virtual moment at which the account opens, in UTC.
    """

    def __init__(self, *, state: Path, start: datetime) -> None:
        self._state = state.resolve()
        self._start = start
        self._open = ExitStack()
        self._on_tick: list[OnTick] = []
        self._restless_until = start

    def __enter__(self) -> Twin:
        shutil.rmtree(self._state, ignore_errors=True)
        self._state.mkdir(parents=True)
        try:
            self._assemble()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _assemble(self) -> None:
        self.clock = self._open.enter_context(VirtualClock(self._start))
        # AWS's own managed policies are attached by the CDK's provider framework.
        config: DefaultConfig = {
            "stepfunctions": {"execute_state_machine": True},
            "iam": {"load_aws_managed_policies": True},
        }
        self._open.enter_context(mock_aws(config=config))
        self.patches = Patches()
        self._open.callback(self.patches.undo)
        bucket_policies.attach(self.patches)
        object_listing.attach(self.patches)
        self.session = boto3.Session(region_name=REGION)
        self.api = self._open.enter_context(ApiServer(self.session))
        self.metrics = MetricStore()
        self.code = PackagedCode()
        self.functions = Functions(
            api_url=self.api.url,
            clock=self.clock,
            metrics=self.metrics,
            state=self._state / "functions",
            code_for=self.code.of,
            credentials=self.api.credentials_for,
        )
        self._open.callback(self.functions.close)
        invocations = AsyncInvocations(self.clock, self.functions)
        self.bus = EventBus(self.clock, invocations)
        self.alarms = Alarms(self.metrics, self.bus, invocations.invoke)
        self.workflows = Workflows(self.clock, self.bus)
        for part in (self.metrics, invocations, self.bus, self.alarms, self.workflows):
            part.attach(self.patches)
        self.functions.install(self.patches, invocations.invoke)
        self.registry = ModelRegistry(self.bus, self.patches)
        self.jobs = Jobs(self.clock, self.bus, self._state, self.patches, self.session)
        self._open.callback(self.jobs.close)
        self.pipelines = Pipelines(self.clock, self.bus, self.functions, self.patches, self.session)
        self.endpoints = Endpoints(
            clock=self.clock,
            bus=self.bus,
            metrics=self.metrics,
            alarms=self.alarms,
            s3=self.session.client("s3"),
            state=self._state / "endpoints",
        )
        self._open.callback(self.endpoints.close)
        install(self.endpoints, self.patches)
        self.traffic = TrafficDriver(self.endpoints.gateway_url, self.endpoints.loop)
        self._open.callback(self.traffic.close)
        self.alarms.listen(self._note_transition)

    def deploy(self, assembly: Path, on_stack: Callable[[DeployedStack], None] = lambda _: None) -> None:
        """Deploy every stack of a cdk.out, in order; virtual time runs on while a stack waits for something."""
        account = Account(
            session=self.session,
            functions=self.functions,
            code=self.code,
            wait=lambda span: self.run_for(span),
        )
        loader = Loader(account)
        for stack in Assembly.read(assembly).stacks:
            on_stack(loader.deploy(stack))
            self._settle()

    def on_tick(self, callback: OnTick) -> None:
        """Call `callback(since, until)` at the beginning of each tick: the time for traffic."""
        self._on_tick.append(callback)

    def run_for(self, span: timedelta) -> None:
        self.advance_to(self.clock.now + span)

    def advance_to(self, when: datetime) -> None:
        """Let time run, tick by tick."""
        while self.clock.now < when:
            self._tick(when)

    def _tick(self, limit: datetime) -> None:
        now = self.clock.now
        target = min(limit, now + (SHORT_TICK if self.restless else LONG_TICK))
        due = self.clock.next_due()
        if due is not None:
            target = max(now, min(target, due))
        for callback in self._on_tick:
            callback(now, target)
        self.clock.advance_to(target)
        self.alarms.evaluate(target)
        self.endpoints.tick(target)
        if self.endpoints.busy:
            self._restless_until = target + RESTLESS_AFTER
        self._settle()

    @property
    def restless(self) -> bool:
        """Whether something is going on that needs a close look."""
        return self.clock.now < self._restless_until

    def _settle(self) -> None:
        """Deliver events and let workflows work until nothing is left to do at this moment."""
        self.workflows.settle()
        while self.bus.deliver():
            self.workflows.settle()

    def _note_transition(self, transition: Transition) -> None:
        if transition.after == "ALARM":
            self._restless_until = max(self._restless_until, transition.at + timedelta(hours=1))
