"""Learning: the pipeline that makes models, and the first of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.assets import job_source
from infra.constructs.first_champion import FirstChampion
from infra.constructs.learning_roles import jobs_role, pipeline_role, serving_role
from infra.constructs.permissions import Permissions
from infra.constructs.stage_functions import StageFunction, StageFunctions
from infra.constructs.stores import Stores
from infra.constructs.xgboost_image import XGBoostImage
from infra.names import Names
from pipelines.definition import replay, retraining
from pipelines.definition.jobs import PipelineInputs
from selfheal.settings import Settings, job_settings


class LearningStack(Stack):
    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, stores: Stores, seed: Path
    ) -> None:
        super().__init__(
            scope, construct_id, description=f"Selfheal {settings.name}: retraining and the first champion"
        )
        names = Names(settings.name)
        permissions = Permissions(self, names=names, stores=stores)
        functions = StageFunctions(self, "Functions", settings=settings, stores=stores)
        image = XGBoostImage(self, "Image")

        group = sagemaker.CfnModelPackageGroup(
            self,
            "Packages",
            model_package_group_name=names.package_group,
            model_package_group_description=f"Every model that {names.workload} ever considered",
        )
        approve = functions.add(_approve(permissions))
        self.serving_role = serving_role(self, permissions=permissions, image=image, names=names)

        source, seeds = self._source(settings), assets.Asset(self, "Seed", path=str(seed))
        jobs = jobs_role(self, permissions=permissions, stores=stores, image=image, inputs=[source, seeds])
        orchestration = pipeline_role(
            self, permissions=permissions, stores=stores, names=names, jobs=jobs, approve=approve
        )
        inputs = PipelineInputs(
            settings=settings,
            image_uri=image.uri,
            role_arn=jobs.role_arn,
            bucket=stores.bucket.bucket_name,
            source_uri=source.s3_object_url,
            seed_uri=seeds.s3_object_url,
            package_group=names.package_group,
            approve_function_arn=approve.function_arn,
            kms_key_arn=stores.key.key_arn,
        )
        pipeline = self._pipeline("Retraining", names.pipeline, retraining.definition(inputs), orchestration)
        pipeline.node.add_dependency(group, approve, jobs)
        self._pipeline(
            "Replay", names.replay_pipeline, replay.definition(inputs), orchestration
        ).node.add_dependency(jobs)
        FirstChampion(
            self,
            "FirstChampion",
            names=names,
            stores=stores,
            functions=functions,
            permissions=permissions,
            serving_role=self.serving_role,
            after=[pipeline, self.serving_role],
        )

    def _source(self, settings: Settings) -> assets.Asset:
        staged = job_source(job_settings(settings))
        return assets.Asset(self, "Source", path=str(staged.path), asset_hash=staged.digest)

    def _pipeline(
        self, construct_id: str, name: str, definition: dict[str, Any], role: iam.IRole
    ) -> sagemaker.CfnPipeline:
        pipeline = sagemaker.CfnPipeline(
            self,
            construct_id,
            pipeline_name=name,
            pipeline_description=", ".join(step["Name"].lower() for step in definition["Steps"]),
            pipeline_definition={"PipelineDefinitionBody": self.to_json_string(definition)},
            role_arn=role.role_arn,
        )
        # The role's policy is a resource of its own, and SageMaker checks the definition against it.
        pipeline.node.add_dependency(role)
        return pipeline


def _approve(permissions: Permissions) -> StageFunction:
    return StageFunction(
        stage="remediate",
        name="approve",
        timeout_seconds=300,
        memory_mb=512,
        grants=[permissions.read("pipeline"), permissions.describe_package(), permissions.update_package()],
    )
