"""The world around one workload: its account, what runs in it, the events under way, the time, and the story so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from machine.account import Account
from machine.asl import Execution
from machine.installation import handler, here
from machine.invocations import Fault, Invocation
from machine.properties import Properties
from machine.template import Deployed

START = datetime(2013, 3, 1, 12, tzinfo=timezone.utc)
# At which call to AWS, by its number or by its name, what happens.
AtCall = tuple[int | str, Fault] | None
# An asynchronous invocation that fails is tried twice more.
TRIES = 3
NOTHING_TO_DO = {"resumed": 0, "started": 0}


@dataclass
class Held:
    """An invocation that is held up, what its end will tell whom, and when Lambda ends it."""

    invocation: Invocation
    ended: Callable[[Invocation], None]
    until: datetime


@dataclass
class Told:
    """An event on its way."""

    event: dict[str, Any]
    tries: int = 0

    def __str__(self) -> str:
        detail = self.event.get("detail", {})
        named = ("alarmName", "ModelPackageArn", "EndpointName", "currentPipelineExecutionStatus")
        about = next((str(detail[name]).rpartition(":")[2] for name in named if name in detail), "")
        return f"{self.event['detail-type']} ({about})"


class World:
    """Everything that happens goes through here, and is told in `story`."""

    def __init__(self, deployed: Deployed) -> None:
        self.deployed = deployed
        self.now = START
        self.account = Account(lambda: self.now)
        self.account.stepfunctions.start = self._start
        self.events: list[Told] = []
        self.held: list[Held] = []
        self.story: list[str] = []
        self.counts: Counter[str] = Counter()
        self.properties = Properties(self.account, deployed.environment, lambda: self.now)
        here.enter(self.account, self.properties, self.counts)

    @property
    def executions(self) -> list[Execution]:
        return list(self.account.stepfunctions.executions.values())

    def tell(self, text: str) -> None:
        self.story.append(f"{self.now:%d %H:%M:%S}  {text}")

    # --- time and events

    def pass_time(self, span: timedelta) -> None:
        """Lambda ends what ran into its timeout, before anything else happens."""
        self.now += span
        for execution in self.executions:
            execution.now = self.now
        for held in [held for held in self.held if held.until <= self.now]:
            self.counts["held function times out"] += 1
            self.resume(held, kill=True)

    def emit(self, source: str, kind: str, detail: Mapping[str, Any]) -> Told:
        told = Told(
            {"source": source, "detail-type": kind, "time": self.now.isoformat(), "detail": dict(detail)}
        )
        self.events.append(told)
        return told

    def deliver(self, told: Told, fault: AtCall) -> None:
        """Start what the rules say that the event starts."""
        for rule in self.deployed.rules:
            if rule.matches(told.event):
                self.tell(f"EventBridge delivers {told} to {rule.name}")
                if rule.target in self.deployed.machines:
                    self._start_by_event(rule.target, told)
                else:
                    self.invoke_later(rule.target, told, fault)

    def invoke_later(self, function: str, told: Told, fault: AtCall) -> None:
        """An asynchronous invocation: nobody waits for its answer, and it is tried again where it fails."""

        def ended(invocation: Invocation) -> None:
            if (invocation.error or invocation.killed) and told.tries + 1 < TRIES:
                self.events.append(Told(told.event, told.tries + 1))

        self._invoke(function, told.event, fault, None, ended)

    # --- workflows

    def due(self) -> list[Execution]:
        return [
            execution
            for execution in self.executions
            if (moment := execution.next_due()) is not None and moment <= self.now
        ]

    def next_due(self) -> datetime | None:
        moments = [moment for e in self.executions if (moment := e.next_due()) is not None]
        return min(moments) if moments else None

    def step(self, execution: Execution, fault: AtCall) -> None:
        """Let a workflow take its next step."""
        execution.now = self.now
        was = execution.state
        call = execution.go_on(self.now)
        if call is None:
            self.tell(f"{execution.name}: {was} is over, on to {execution.state}")
            return

        def ended(invocation: Invocation) -> None:
            execution.now = self.now
            if invocation.error:
                self.counts[f"{was} raised {invocation.error[0]}"] += 1
            if invocation.killed:
                execution.failed(call.attempt, "Sandbox.Timedout", "the function was killed", self.now)
            elif invocation.error:
                execution.failed(call.attempt, *invocation.error, self.now)
            else:
                execution.answered(call.attempt, invocation.answer, self.now)
            self.tell(f"{execution.name}: {was} {_end(invocation)}, on to {_where(execution)}")

        self._invoke(call.function, call.payload, fault, execution, ended)

    def lose_answer(self, held: Held) -> None:
        """Step Functions gives an invocation up that runs still, and tries again."""
        execution = self.account.stepfunctions.executions.get(held.invocation.execution or "")
        if execution is not None:
            execution.failed(
                held.invocation.known["attempt"], "Lambda.SdkClientException", "no answer", self.now
            )
            self.tell(
                f"{execution.name}: the answer of {held.invocation.function} is lost, on to {_where(execution)}"
            )

    def die_for_good(self, held: Held) -> None:
        """A function ends in a way that the workflow does not try again."""
        execution = self.account.stepfunctions.executions.get(held.invocation.execution or "")
        attempt = held.invocation.known.get("attempt", 0)
        self.resume(held, kill=True, quietly=True)
        if execution is not None:
            execution.failed(attempt, "Runtime.ExitError", "the runtime exited", self.now)
            self.tell(f"{execution.name}: {held.invocation.function} exited, on to {_where(execution)}")

    def resume(self, held: Held, *, kill: bool = False, quietly: bool = False) -> None:
        """Let an invocation go on that was held up, to its end or where it is held up again; or kill it."""
        invocation = held.invocation
        self.held.remove(held)
        before = len(invocation.made)
        if kill:
            invocation.kill()
        else:
            self.tell(f"{invocation.function} goes on with call {before}")
            invocation.run()
        if invocation.is_held:
            self.held.append(held)
        elif not quietly:
            held.ended(invocation)

    def _start(self, machine: str, arn: str, body: Any) -> Execution:
        execution = Execution(self.deployed.machines[machine], arn, body, self.now)
        self.tell(f"workflow {execution.name} starts")
        return execution

    def _start_by_event(self, machine: str, told: Told) -> None:
        sfn, number = self.account.stepfunctions, len(self.executions) + 1
        name = f"{machine.rpartition(':')[2]}-{number}"
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        sfn.executions[arn] = self._start(machine, arn, told.event)

    def _invoke(
        self,
        function: str,
        event: Any,
        fault: AtCall,
        execution: Execution | None,
        ended: Callable[[Invocation], None],
    ) -> None:
        declared = self.deployed.functions[function]
        invocation = Invocation(
            function=declared.name,
            handler=handler(declared),
            event=event,
            faults=dict([fault]) if fault else {},
            execution=execution.arn if execution else None,
        )
        if execution is not None:
            invocation.known["attempt"] = execution.attempt
        self.counts["invocations"] += 1
        self.properties.begins(invocation)
        invocation.run()
        self._tell_fault(invocation, fault)
        if invocation.is_held:
            until = self.now + timedelta(seconds=declared.timeout_seconds)
            self.held.append(Held(invocation, ended, until))
        else:
            if invocation.execution is None and (fault or invocation.answer != NOTHING_TO_DO):
                self.tell(f"{declared.name} {_end(invocation)}")
            ended(invocation)

    def _tell_fault(self, invocation: Invocation, fault: AtCall) -> None:
        place, what = fault or (0, None)
        made = invocation.made if isinstance(place, str) else invocation.made[place - 1 : place]
        call = next((each for each in made if isinstance(place, int) or each.endswith(f".{place}")), None)
        if what is not None and call is not None:
            self.counts[f"fault: {what.name.lower().replace('_', ' ')}"] += 1
            self.tell(f"{invocation.function} {what.value} {call}")


def _end(invocation: Invocation) -> str:
    if invocation.killed:
        return "was killed"
    if invocation.error:
        return f"raised {invocation.error[0]} ({invocation.error[1][:160]})"
    answer = invocation.answer
    return f"answered {answer['next']}" if "next" in answer else f"answered {answer}"


def _where(execution: Execution) -> str:
    if not execution.is_running:
        return f"its end: {execution.status}"
    when = f" at {execution.due:%d %H:%M:%S}" if execution.due and execution.due > execution.now else ""
    return f"{execution.state}{' (waits for its token)' if execution.token else ''}{when}"
