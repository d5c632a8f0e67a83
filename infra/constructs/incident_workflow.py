"""The incident workflow: open, diagnose, plan, act, verify, record."""

from __future__ import annotations

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
        self.choose(self.plan, self._remedies())
        self._verifying()
        self.record.next(sfn.Succeed(self, "Recorded"))

        self.state_machine = self.machine(
            opening,
            name=Names(settings.name).incident_machine,
            key=key,
            comment="One incident, from alarm to record",
        )

    def _remedies(self) -> dict[str, sfn.IChainable]:
        branches: dict[Remedy, sfn.IChainable] = {
            Remedy.ROLLBACK: self._rollback(),
            Remedy.RETRAIN: self._retrain(),
            Remedy.QUARANTINE: self.task("Quarantine", "quarantine").next(self.verify),
            Remedy.WATCH: self.verify,
            Remedy.ESCALATE: self.record,
        }
        missing = [remedy.value for remedy in Remedy if remedy not in branches]
        if missing:
            raise ValueError(f"the incident workflow has no branch for {', '.join(missing)}")
        return {remedy.value: branch for remedy, branch in branches.items()}

    def _rollback(self) -> tasks.LambdaInvoke:
        rollback = self.task("Rollback", "rollback", waits_for_endpoint=True)
        self._await_endpoint(rollback, "AwaitEndpoint", "Settle")
        return rollback

    def _retrain(self) -> tasks.LambdaInvoke:
        retrain = self.task("Retrain", "retrain")
        candidate = self.task("Candidate", "candidate")
        release = self.task("Release", "release", waits_for_endpoint=True)
        retrain.next(self.wait_for("AwaitPipeline", "pipeline", patience=self._pipeline)).next(candidate)
        self.choose(candidate, {"release": release, "plan": self.plan})
        self._await_endpoint(release, "AwaitRelease", "SettleRelease")
        return retrain

    def _await_endpoint(self, change: tasks.LambdaInvoke, waiting: str, settling: str) -> None:
        settle = self.task(settling, "settle", waits_for_endpoint=True)
        change.next(self.wait_for(waiting, "endpoint", patience=self._endpoint)).next(settle)
        self.choose(settle, {"verify": self.verify, "plan": self.plan})

    def _verifying(self) -> None:
        wait = sfn.Wait(self, "WaitVerify", time=sfn.WaitTime.seconds_path("$.wait_seconds"))
        self.choose(self.verify, {"record": self.record, "diagnose": self.diagnose, "wait": wait})
        wait.next(self.verify)
