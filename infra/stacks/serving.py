"""Serving: the endpoint, and what watches it."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.constructs.champion_endpoint import ChampionEndpoint
from infra.constructs.dashboard import Dashboard
from infra.constructs.delivery import delivery_options
from infra.constructs.endpoint_alarms import EndpointAlarms
from infra.constructs.permissions import Permissions
from infra.constructs.profile_jobs import ProfileJobs
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
        jobs = ProfileJobs(self, "ProfileJobs", settings=settings, stores=stores, permissions=permissions)
        observe = functions.add(_observe(settings, stores, permissions, jobs))
        wake = targets.LambdaFunction(observe, **delivery_options(self, stores, Delivery.OBSERVE))
        self._hourly(wake, settings)
        jobs.when_done(wake)

    def _hourly(self, wake: events.IRuleTarget, settings: Settings) -> None:
        """Past the hour, since an hour's capture files arrive minutes late."""
        minute = settings.observe.capture_delay_minutes
        events.Rule(
            self,
            "Hourly",
            rule_name=Names(settings.name).rule(Trigger.OBSERVE),
            description="observe the hour that closed",
            schedule=events.Schedule.expression(f"cron({minute} * * * ? *)"),
            targets=[wake],
        )


def _observe(
    settings: Settings, stores: Stores, permissions: Permissions, jobs: ProfileJobs
) -> StageFunction:
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
            "SELFHEAL_PROFILE_JOB": jobs.settings_json,
        },
        grants=[
            permissions.champion_read(),
            permissions.read(
                "capture", "ground-truth", "pipeline", "packages", "profiles", "profiling", "quarantine"
            ),
            permissions.write("profiles", "profiling", "reports", "rejected"),
            permissions.describe_model(),
            permissions.describe_package(),
            permissions.run_profile_jobs(jobs.role),
        ],
    )
