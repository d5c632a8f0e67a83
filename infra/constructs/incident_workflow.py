"""The incident workflow: open, diagnose, plan, act, verify, record."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.constructs.patience import endpoint_patience, pipeline_patience
from infra.constructs.workflow import Functions, Workflow
from infra.names import Names
from selfheal.remediate.playbook import Remedy
from selfheal.settings import Settings


class IncidentWorkflow(Workflow):
    """Heals one incident. A remedy that did not work leads back to Plan, which never takes a rung twice."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        functions: Functions,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id, functions=functions)
        self._endpoint = endpoint_patience(settings.release)
        self._pipeline = pipeline_patience(settings.training)
        self.plan = self.task("Plan", "plan")
        self.verify = self.task("Verify", "verify")

        opening = self.task("Open", "open_incident")
        self.diagnose = self.task("Diagnose", "diagnose")
        attached = sfn.Succeed(self, "Attached", comment="Another incident is open; it has the signal now.")
        self.choose(opening, {"diagnose": self.diagnose, "attached": attached, "suppressed": self.record})
        self.diagnose.next(self.plan)
        remedies = self._remedies()
        self.choose(self.plan, {**remedies, "ask": self._asking(settings, remedies)})
        self._verifying()
        self.record.next(sfn.Succeed(self, "Recorded"))

        self.state_machine = self.machine(
            opening,
            name=Names(settings.name).incident_machine,
            key=key,
            comment="One incident, from alarm to record",
        )

    def _remedies(self) -> dict[str, sfn.IChainable]:
        release = self._release()
        branches: dict[Remedy, sfn.IChainable] = {
            Remedy.ROLLBACK: self._rollback(),
            Remedy.RECALIBRATE: self._recalibrate(release),
            Remedy.REACTIVATE: self._reactivate(release),
            Remedy.RETRAIN: self._retrain(release),
            Remedy.QUARANTINE: self.task("Quarantine", "quarantine").next(self.verify),
            Remedy.SCALE: self._deploying("Scale", "scale"),
            Remedy.REPLACE: self._deploying("Replace", "replace"),
            Remedy.FALL_BACK: self._deploying("FallBack", "fall_back"),
            Remedy.WATCH: self.verify,
            Remedy.ESCALATE: self.record,
        }
        missing = [remedy.value for remedy in Remedy if remedy not in branches]
        if missing:
            raise ValueError(f"the incident workflow has no branch for {', '.join(missing)}")
        return {remedy.value: branch for remedy, branch in branches.items()}

    def _asking(self, settings: Settings, remedies: Mapping[str, sfn.IChainable]) -> tasks.LambdaInvoke:
        """A remedy that waits for a person. What is rejected is passed over; what expires is escalated."""
        answered = self.task("Answered", "take_answer")
        self.choose(answered, {**remedies, "plan": self.plan})
        patience = Duration.hours(settings.rails.approval.expires_hours)
        return self.ask("AwaitApproval", "ask_approval", patience=patience, then=answered)

    def _rollback(self) -> tasks.LambdaInvoke:
        rollback = self.task("Rollback", "rollback", waits_for_endpoint=True)
        waiting = self._await_endpoint("AwaitEndpoint", "Settle")
        self.choose(rollback, {"await": waiting, "plan": self.plan})
        return rollback

    def _release(self) -> tasks.LambdaInvoke:
        """Of what a retraining or a recalibration brought."""
        release = self.task("Release", "release", waits_for_endpoint=True)
        release.next(self._await_endpoint("AwaitRelease", "SettleRelease"))
        return release

    def _recalibrate(self, release: tasks.LambdaInvoke) -> tasks.LambdaInvoke:
        recalibrate = self.task("Recalibrate", "recalibrate")
        approve = self.task("Approve", "approve_recalibration")
        self.choose(recalibrate, {"approve": approve, "plan": self.plan})
        self.choose(approve, {"release": release})
        return recalibrate

    def _retrain(self, release: tasks.LambdaInvoke) -> tasks.LambdaInvoke:
        retrain = self.task("Retrain", "retrain")
        self._await_candidate(retrain, "AwaitPipeline", "Candidate", release)
        return retrain

    def _reactivate(self, release: tasks.LambdaInvoke) -> tasks.LambdaInvoke:
        reactivate = self.task("Reactivate", "reactivate")
        self._await_candidate(reactivate, "AwaitReplay", "Replayed", release)
        return reactivate

    def _await_candidate(
        self, start: tasks.LambdaInvoke, waiting: str, looking: str, release: tasks.LambdaInvoke
    ) -> None:
        candidate = self.task(looking, "candidate")
        start.next(self.wait_for(waiting, "pipeline", patience=self._pipeline)).next(candidate)
        self.choose(candidate, {"release": release, "plan": self.plan})

    def _deploying(self, name: str, function: str) -> tasks.LambdaInvoke:
        """A remedy that is one deployment."""
        change = self.task(name, function, waits_for_endpoint=True)
        change.next(self._await_endpoint(f"Await{name}", f"Settle{name}"))
        return change

    def _await_endpoint(self, waiting: str, settling: str) -> tasks.LambdaInvoke:
        settle = self.task(settling, "settle", waits_for_endpoint=True)
        self.choose(settle, {"verify": self.verify, "plan": self.plan})
        wait = self.wait_for(waiting, "endpoint", patience=self._endpoint)
        wait.next(settle)
        return wait

    def _verifying(self) -> None:
        wait = sfn.Wait(self, "WaitVerify", time=sfn.WaitTime.seconds_path("$.wait_seconds"))
        self.choose(self.verify, {"record": self.record, "diagnose": self.diagnose, "wait": wait})
        wait.next(self.verify)
