"""Serving: the endpoint, and what watches it."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.champion_endpoint import ChampionEndpoint
from infra.constructs.dashboard import Dashboard
from infra.constructs.delivery import delivery_options
from infra.constructs.endpoint_alarms import EndpointAlarms
from infra.constructs.permissions import Permissions
from infra.constructs.stage_functions import StageFunction, StageFunctions
from infra.constructs.stores import Stores
from infra.names import Delivery, Names, Trigger
from selfheal.settings import Settings, policy_json


class ServingStack(Stack):
    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, stores: Stores) -> None:
        super().__init__(
            scope, construct_id, description=f"Selfheal {settings.name}: endpoint, alarms and monitor"
        )
        alarms = EndpointAlarms(self, "Alarms", settings=settings)
        ChampionEndpoint(self, "Champion", settings=settings, stores=stores, alarms=alarms)
        Dashboard(self, "Dashboard", settings=settings, alarms=alarms)

        functions = StageFunctions(self, "Functions", settings=settings, stores=stores)
        permissions = Permissions(self, names=Names(settings.name), stores=stores)
        self._hourly(functions.add(_observe(settings, stores, permissions)), settings, stores)

    def _hourly(self, observe: lambda_.Function, settings: Settings, stores: Stores) -> None:
        """Past the hour, since an hour's capture files arrive minutes late."""
        minute = settings.observe.capture_delay_minutes
        events.Rule(
            self,
            "Hourly",
            rule_name=Names(settings.name).rule(Trigger.OBSERVE),
            description="observe the hour that closed",
            schedule=events.Schedule.expression(f"cron({minute} * * * ? *)"),
            targets=[targets.LambdaFunction(observe, **delivery_options(self, stores, Delivery.OBSERVE))],
        )


def _observe(settings: Settings, stores: Stores, permissions: Permissions) -> StageFunction:
    return StageFunction(
        stage="observe",
        name="observe",
        timeout_seconds=300,
        memory_mb=1024,
        science=True,
        dead_letters=stores.dead_letters[Delivery.OBSERVE],
        environment={
            "SELFHEAL_CHAMPION_PARAMETER": Names(settings.name).champion_parameter,
            "SELFHEAL_OBSERVE_POLICY": policy_json(settings.observe),
        },
        grants=[
            permissions.champion_read(),
            permissions.read("capture", "ground-truth", "pipeline", "packages", "profiles"),
            permissions.write("profiles", "reports", "rejected"),
            permissions.describe_model(),
            permissions.describe_package(),
        ],
    )
