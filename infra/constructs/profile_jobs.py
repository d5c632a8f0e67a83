"""The jobs that profile an hour's traffic in the function's stead: what they run on, as whom, and their end."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from infra.assets import job_source
from infra.constructs.learning_roles import SageMakerRole, read_assets
from infra.constructs.permissions import Permissions, grant_volume_key
from infra.constructs.spark_image import SparkImage
from infra.constructs.stores import Stores
from infra.constructs.xgboost_image import XGBoostImage
from infra.instances import has_local_nvme
from infra.names import Names, Trigger
from selfheal.settings import Settings, job_settings

LOG = "/aws/sagemaker/ProcessingJobs"


class ProfileJobs(Construct):
    """Nothing runs until the function starts a job: this is its role and what it is told."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        stores: Stores,
        permissions: Permissions,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names = Names(settings.name)
        staged = job_source(job_settings(settings))
        source = assets.Asset(self, "Source", path=str(staged.path), asset_hash=staged.digest)
        image, spark = XGBoostImage(self, "Image"), SparkImage(self, "Spark")
        self.role = SageMakerRole(self, "Role", image=image, logs=(LOG,), metrics=(LOG,))
        self.role.may_pull(spark.repository_arn)
        permissions.read("capture", "profiling")(self.role)
        permissions.write("profiling", "rejected")(self.role)
        grant_volume_key(stores, self.role)
        read_assets(self.role, [source])
        self.settings_json = self._told(settings, stores, source, image, spark)

    def when_done(self, target: events.IRuleTarget) -> None:
        """Wake what looks for a job's result, however the job ended."""
        events.Rule(
            self,
            "Done",
            rule_name=self._names.rule(Trigger.PROFILE),
            description="a profile job came to its end",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Processing Job State Change"],
                detail={
                    "ProcessingJobName": [{"prefix": self._names.profile_jobs}],
                    "ProcessingJobStatus": ["Completed", "Failed", "Stopped"],
                },
            ),
            targets=[target],
        )

    def _told(
        self,
        settings: Settings,
        stores: Stores,
        source: assets.Asset,
        image: XGBoostImage,
        spark: SparkImage,
    ) -> str:
        """JSON of `JobSettings`, as the function's environment carries it."""
        profiling = settings.profiling
        keyless = has_local_nvme(profiling.instance_type)
        told: dict[str, Any] = {
            "role_arn": self.role.role_arn,
            "image_uri": image.uri,
            "spark_image_uri": spark.uri,
            "source_uri": source.s3_object_url,
            "kms_key_arn": stores.key.key_arn,
            "volume_kms_key_arn": None if keyless else stores.key.key_arn,
            "instance_type": profiling.instance_type,
            "volume_gb": profiling.volume_gb,
            "max_run_minutes": profiling.max_run_minutes,
        }
        return Stack.of(self).to_json_string(told)
