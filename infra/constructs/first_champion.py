"""The first champion: a clean account needs no second command.

The endpoint cannot be created without a model, and there is no model before the pipeline has run. So the
deployment starts the pipeline once and waits until a package is approved and the champion pointer written.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import CustomResource, Duration, custom_resources
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IDependable

from infra.constructs.encrypted_log import FUNCTION_LOGS, EncryptedLog
from infra.constructs.permissions import Permissions
from infra.constructs.stage_functions import StageFunction, StageFunctions
from infra.constructs.stores import Stores
from infra.names import Names

# CloudFormation waits no longer than this for a custom resource.
LONGEST_WAIT = Duration.hours(1)


class FirstChampion(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: Names,
        stores: Stores,
        functions: StageFunctions,
        permissions: Permissions,
        serving_role: iam.IRole,
        after: list[IDependable],
    ) -> None:
        super().__init__(scope, construct_id)
        environment = {
            "SELFHEAL_PIPELINE": names.pipeline,
            "SELFHEAL_CHAMPION_PARAMETER": names.champion_parameter,
            "SELFHEAL_SERVING_ROLE": serving_role.role_arn,
        }
        start = functions.add(_start(permissions, environment))
        check = functions.add(_check(permissions, environment, serving_role))
        resource = CustomResource(
            self,
            "Champion",
            resource_type="Custom::FirstChampion",
            service_token=self._provider(names, stores, start, check).service_token,
            properties={"PipelineName": names.pipeline},
        )
        resource.node.add_dependency(*after)

    def _provider(
        self, names: Names, stores: Stores, start: lambda_.IFunction, check: lambda_.IFunction
    ) -> custom_resources.Provider:
        framework = names.function("first-champion-framework")
        return custom_resources.Provider(
            self,
            "Provider",
            on_event_handler=start,
            is_complete_handler=check,
            query_interval=Duration.minutes(1),
            total_timeout=LONGEST_WAIT,
            log_group=EncryptedLog(self, "FrameworkLog", name=FUNCTION_LOGS + framework, key=stores.key),
        )


def _start(may: Permissions, environment: Mapping[str, str]) -> StageFunction:
    return StageFunction(
        stage="remediate",
        name="first-champion-start",
        module="first_champion",
        entry="on_event",
        environment=environment,
        grants=[
            may.champion_read(),
            may.write("retraining", "capture", "ground-truth", "quarantine"),
            may.start_pipeline(),
        ],
    )


def _check(may: Permissions, environment: Mapping[str, str], serving_role: iam.IRole) -> StageFunction:
    return StageFunction(
        stage="remediate",
        name="first-champion-check",
        module="first_champion",
        entry="is_complete",
        timeout_seconds=300,
        memory_mb=512,
        environment=environment,
        grants=[
            may.describe_pipeline_execution(),
            may.list_pipeline_steps(),
            may.describe_package(),
            may.read("pipeline"),
            may.describe_model(),
            may.create_model(serving_role),
            may.champion_read(),
            may.champion_write(),
        ],
    )
