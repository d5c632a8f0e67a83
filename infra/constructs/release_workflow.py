"""The release workflow: a package that a person approved goes out, or does not, on the record."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.patience import endpoint_patience
from infra.constructs.workflow import Functions, Workflow
from infra.names import Names
from selfheal.settings import Settings


class ReleaseWorkflow(Workflow):
    """One approved package. A deployment that was rolled back starts an incident of its own, by Settle."""

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
        admit = self.task("Admit", "admit")
        release = self.task("Release", "release", waits_for_endpoint=True)
        settle = self.task("Settle", "settle", waits_for_endpoint=True)

        skipped = sfn.Succeed(self, "Skipped", comment="The model in service already, or not an approval.")
        self.choose(admit, {"release": release, "skip": skipped})
        patience = endpoint_patience(settings.release)
        release.next(self.wait_for("AwaitEndpoint", "endpoint", patience=patience)).next(settle)
        outcomes = {"verify": sfn.Succeed(self, "Released"), "plan": sfn.Succeed(self, "RolledBack")}
        self.choose(settle, outcomes)
        refused = sfn.Fail(self, "Refused", error="Refused", cause="The record of this release says why.")
        self.record.next(refused)

        self.state_machine = self.machine(
            admit,
            name=Names(settings.name).release_machine,
            key=key,
            comment="One approved package, into service",
        )
