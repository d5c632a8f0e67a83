"""The campaign: one workload, and everything that may happen to it in any order, as a Hypothesis state machine.

One example is one interleaving. What is drawn is which thing happens next and, for each function that runs, at which
of its calls to AWS it is held up, killed, throttled or answered twice. At the end the faults stop, what is on its way
is delivered, the sweep goes its rounds, and everything must come to an end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from machine.asl import Execution
from machine.invocations import Fault
from machine.properties import Violated
from machine.scene import FINDINGS, WATCHED, Scene
from machine.template import Deployed
from machine.world import AtCall, World
from selfheal.record.ledger import EntryKind
from selfheal.remediate.approval import Question

HOUR = timedelta(hours=1)
# Rounds of the sweep after which everything must have ended, and steps of a round.
ROUNDS = 60
STEPS = 400

place = st.integers(0, 5)
# At which call to AWS what happens; a function that makes fewer runs undisturbed.
fault = st.one_of(st.none(), st.tuples(st.integers(1, 20), st.sampled_from(Fault)))
# What may be wrong in the beginning: the alarm, and what observe says. Half of it is healed by a remedy.
TROUBLES = [
    ("latency", "all is well"),
    ("errors", "all is well"),
    ("performance", "harmful drift"),
    ("performance", "concept drift"),
    *((alarm, finding) for alarm in WATCHED for finding in FINDINGS),
]
ON = '{"who": "ann", "why": "audit"}'
CONTROLS = [("MODE", "act"), ("KILL_SWITCH", "off"), ("MODE", "observe"), ("KILL_SWITCH", ON)]
# What happens besides healing: AWS's alarms, observe, and people.
meanwhile = st.one_of(
    st.tuples(
        st.just("alarm"), st.tuples(st.sampled_from(WATCHED), st.sampled_from(["ALARM", "ALARM", "OK"]))
    ),
    st.tuples(st.just("observe"), st.sampled_from([*FINDINGS])),
    st.tuples(st.just("set"), st.sampled_from(CONTROLS)),
    st.tuples(st.sampled_from(["approve", "reject", "stop", "redrive"]), place),
    st.tuples(st.just("deploy"), st.none()),
    st.tuples(st.just("answer"), st.booleans()),
    st.tuples(st.just("neighbour"), st.sampled_from(["Updating", "InService"])),
)


class Campaign(RuleBasedStateMachine):
    """`deployed` is set by whoever runs it; `counts` add up over all examples."""

    deployed: ClassVar[Deployed]
    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.deployed)
        self.scene = Scene(self.world)
        self.failed = self.quiet = False

    @initialize(trouble=st.sampled_from(TROUBLES), released=st.booleans(), steps=st.integers(0, 14))
    def begins(self, trouble: tuple[str, str], released: bool, steps: int) -> None:
        """A service in trouble, with or without a release behind it, and some steps into its healing."""
        firing, finding = trouble
        with self.happens():
            if released:
                self.scene.approve(self.scene.package("PendingManualApproval"))
                self.run_on()
            self.world.pass_time(HOUR)
            self.scene.observe(finding)
            self.scene.alarm(firing, "ALARM")
            self.run_on(steps)
            self.world.tell("--- the faults begin")

    # --- what goes on by itself

    @precondition(lambda self: self.world.due())
    @rule(which=place, fault=fault, more=st.integers(0, 3))
    def a_workflow_takes_a_step(self, which: int, fault: AtCall, more: int) -> None:
        """And up to three more, undisturbed: incidents are a dozen steps long."""
        execution = _chosen(self.world.due(), which)
        with self.happens():
            self.world.step(execution, fault)
            for _ in range(more):
                if execution in self.world.due():
                    self.world.step(execution, None)

    @precondition(lambda self: self.world.events)
    @rule(which=place, fault=fault, fate=st.sampled_from(["once", "once", "once", "twice", "never"]))
    def an_event_arrives(self, which: int, fault: AtCall, fate: str) -> None:
        """Any of those on their way: so they arrive late and out of order, too."""
        told = _chosen(self.world.events, which)
        with self.happens(f"event delivered {fate}"):
            if fate != "twice":
                self.world.events.remove(told)
            if fate == "never":
                self.world.tell(f"the event {told} is lost")
            else:
                self.world.deliver(told, fault)

    @rule(fault=fault)
    def the_sweep_runs(self, fault: AtCall) -> None:
        with self.happens():
            self.sweep(fault)

    @rule(minutes=st.sampled_from([1, 10, 45, 180]))
    def time_passes(self, minutes: int) -> None:
        with self.happens():
            self.world.pass_time(timedelta(minutes=minutes))

    @precondition(lambda self: self.world.next_due() is not None and not self.world.due())
    @rule()
    def until_something_is_due(self) -> None:
        with self.happens():
            self.go_to_next_due()

    @precondition(lambda self: self.world.held)
    @rule(
        which=place, fate=st.sampled_from(["goes on", "goes on", "is killed", "exits", "its answer is lost"])
    )
    def a_function_that_is_held_up(self, which: int, fate: str) -> None:
        held = _chosen(self.world.held, which)
        with self.happens(f"held function {fate}"):
            if fate == "exits":
                self.world.die_for_good(held)
            elif fate == "its answer is lost":
                self.world.lose_answer(held)
            else:
                self.world.resume(held, kill=fate == "is killed")

    # --- what AWS does

    @precondition(lambda self: self.scene.account.sagemaker.running_deployment())
    @rule(how=st.sampled_from(["taken", "taken", "sent back", "lacks capacity", "half back"]))
    def a_deployment_ends(self, how: str) -> None:
        with self.happens(f"deployment {how}"):
            self.scene.end_deployment(how)

    @precondition(lambda self: self.running_pipelines())
    @rule(how=st.sampled_from(["approved", "approved", "refused", "fails", "stopped", "empty"]))
    def a_retraining_ends(self, how: str) -> None:
        with self.happens(f"retraining {how}"):
            self.scene.end_pipeline(self.running_pipelines()[0], how)

    # --- what else happens

    @rule(what=meanwhile)
    def meanwhile(self, what: tuple[str, Any]) -> None:
        """One rule for all of it: rules are drawn alike, and most of what happens should be healing."""
        verb, about = what
        with self.happens(f"meanwhile: {verb}"):
            getattr(self, f"_{verb}")(about)

    def _alarm(self, about: tuple[str, str]) -> None:
        self.scene.alarm(*about)

    def _observe(self, finding: str) -> None:
        self.scene.observe(finding)

    def _set(self, to: tuple[str, str]) -> None:
        self.scene.set(*to)

    def _approve(self, which: int) -> None:
        """A new package, or one that is there already, be it in service, rejected or quarantined."""
        packages = [*self.scene.account.sagemaker.packages]
        old = packages[which] if which < len(packages) else None
        self.scene.approve(old or self.scene.package("PendingManualApproval"))

    def _reject(self, which: int) -> None:
        self.scene.reject(_chosen([*self.scene.account.sagemaker.packages], which))

    def _deploy(self, _: None) -> None:
        """By hand, at the console; SageMaker refuses it while another deployment runs."""
        if self.scene.account.sagemaker.running_deployment() is None:
            self.scene.deploy_by_hand()

    def _answer(self, approved: bool) -> None:
        if questions := self.scene.unanswered():
            self.scene.answer(questions[0], approved=approved)

    def _neighbour(self, status: str) -> None:
        self.scene.neighbour(status)

    def _stop(self, which: int) -> None:
        if running := [e for e in self.world.executions if e.is_running]:
            execution = _chosen(running, which)
            self.world.tell(f"somebody stops {execution.name} in {execution.state}")
            execution.abort()

    def _redrive(self, which: int) -> None:
        if ended := [e for e in self.world.executions if e.status in ("FAILED", "ABORTED")]:
            execution = _chosen(ended, which)
            execution.redrive(self.world.now)
            self.world.tell(f"somebody redrives {execution.name} from {execution.state}")

    # --- in the end

    def teardown(self) -> None:
        """The faults stop. Everything must come to an end, and the ledger must tell it."""
        try:
            if not self.failed:
                with self.happens():
                    self.world.tell("--- the faults stop")
                    self.scene.neighbour("InService")
                    self.come_to_rest()
                    self.world.properties.at_the_end()
        finally:
            for held in list(self.world.held):
                self.world.resume(held, kill=True, quietly=True)
            self._add_up()

    def come_to_rest(self) -> None:
        for _ in range(ROUNDS):
            while self.world.held:
                self.world.resume(self.world.held[0])
            self.run_on()
            before = len(self.world.story)
            self.sweep(None)
            self.run_on()
            if self.world.next_due() is not None:
                self.go_to_next_due()
            elif len(self.world.story) == before and self.quiet:
                return  # two sweeps in a row, an hour apart, found nothing to do
            else:
                self.quiet = len(self.world.story) == before
                self.world.pass_time(HOUR)
        running = ", ".join(f"{e.name} in {e.state}" for e in self.world.executions if e.is_running)
        raise Violated(f"everything ends: after {ROUNDS} sweeps there still run {running or 'new workflows'}")

    def run_on(self, steps: int | None = None) -> None:
        """All that can happen now, without faults: events arrive, workflows step, what is awaited ends well."""
        for _ in range(STEPS if steps is None else steps):
            if self.world.events:
                self.world.deliver(self.world.events.pop(0), None)
            elif due := self.world.due():
                self.world.step(due[0], None)
            elif asked := self.open_questions():
                self.scene.answer(asked[0], approved=True)
            elif self.scene.account.sagemaker.running_deployment():
                self.scene.end_deployment("taken")
            elif running := self.running_pipelines():
                self.scene.end_pipeline(running[0], "approved")
            else:
                return
        if steps is None:
            raise Violated("everything ends: it goes on and on without time passing")

    def until(self, state: str) -> Execution:
        """Run on until a workflow is about to take a step, and return it."""
        for _ in range(STEPS):
            for execution in self.world.due():
                if execution.state == state:
                    return execution
            self.run_on(1)
        raise AssertionError(f"no workflow came to {state}")

    def go_to_next_due(self) -> None:
        moment = self.world.next_due()
        if moment is not None and moment > self.world.now:
            self.world.pass_time(moment - self.world.now)

    def sweep(self, fault: AtCall) -> None:
        told = self.world.emit("aws.events", "Scheduled Event", {})
        self.world.events.remove(told)
        self.world.invoke_later(self.world.deployed.schedules[f"{self.scene.name}-sweep"], told, fault)

    def open_questions(self) -> list[Question]:
        """Those that it is not too late to answer."""
        return [question for question in self.scene.unanswered() if self.world.now < question.expires_at]

    def running_pipelines(self) -> list[str]:
        executions = self.scene.account.sagemaker.executions
        return [arn for arn, e in executions.items() if e["PipelineExecutionStatus"] == "Executing"]

    @contextmanager
    def happens(self, what: str | None = None) -> Iterator[None]:
        """Something happens; what breaks by it is told with the whole story."""
        self.world.counts["happenings"] += 1
        if what:
            self.world.counts[what] += 1
        try:
            yield
        except BaseException as error:
            self.failed = True
            error.add_note("\nThe story:\n" + "\n".join(self.world.story))
            raise

    def _add_up(self) -> None:
        counts = self.counts
        counts.update(self.world.counts)
        counts["interleavings"] += 1
        counts.update(
            f"an incident ends: {entry.body.get('outcome', entry.kind.value)}"
            for entry in self.world.properties.ledger()
            if entry.kind in (EntryKind.CLOSED, EntryKind.ABANDONED)
        )
        for execution in self.world.executions:
            counts.update(f"state {name}" for name in execution.visited)


def _chosen(things: list[Any], which: int) -> Any:
    return things[which % len(things)]
