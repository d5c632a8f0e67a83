"""Healing: what starts it, the workflows, and the functions that decide and act."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.healing_functions import HealingFunctions
from infra.constructs.healing_triggers import HealingTriggers
from infra.constructs.incident_workflow import IncidentWorkflow
from infra.constructs.permissions import Permissions
from infra.constructs.release_workflow import ReleaseWorkflow
from infra.constructs.stage_functions import StageFunctions
from infra.constructs.stores import Stores
from infra.names import Names
from selfheal.settings import Settings


class HealingStack(Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        stores: Stores,
        serving_role: iam.IRole,
    ) -> None:
        super().__init__(
            scope, construct_id, description=f"Selfheal {settings.name}: triggers, workflows and remedies"
        )
        make = StageFunctions(self, "Functions", settings=settings, stores=stores)
        declared = HealingFunctions(
            settings=settings,
            stores=stores,
            permissions=Permissions(self, names=Names(settings.name), stores=stores),
            serving_role=serving_role,
        )
        functions = {function.name: make.add(function) for function in declared}
        incident = IncidentWorkflow(self, "Incident", settings=settings, functions=functions, key=stores.key)
        release = ReleaseWorkflow(self, "Release", settings=settings, functions=functions, key=stores.key)
        HealingTriggers(
            self,
            "Triggers",
            settings=settings,
            stores=stores,
            incident=incident.state_machine,
            release=release.state_machine,
            sweep=functions["sweep"],
        )
