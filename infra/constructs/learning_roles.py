"""Who may do what while a model is made and served."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from infra.constructs.permissions import Permissions, grant_volume_key
from infra.constructs.stores import Stores
from infra.constructs.xgboost_image import XGBoostImage
from infra.names import Names


class SageMakerRole(iam.Role):
    """A role that SageMaker assumes to run our image: pull it, write its log and its metrics."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        image: XGBoostImage,
        logs: tuple[str, ...],
        metrics: tuple[str, ...],
    ) -> None:
        super().__init__(scope, construct_id, assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        self.may_pull(image.repository_arn)
        # Neither call knows resources; the second is narrowed to the namespaces that SageMaker writes to.
        self.may(["ecr:GetAuthorizationToken"], ["*"])
        self.may(
            ["cloudwatch:PutMetricData"], ["*"], {"StringEquals": {"cloudwatch:namespace": list(metrics)}}
        )
        groups = [
            Stack.of(self).format_arn(
                service="logs",
                resource="log-group",
                resource_name=f"{log}*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for log in logs
        ]
        self.may(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            groups,
        )

    def may_pull(self, repository_arn: str) -> None:
        self.may(
            ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
            [repository_arn],
        )

    def may(
        self, actions: list[str], resources: list[str], conditions: dict[str, object] | None = None
    ) -> None:
        self.add_to_principal_policy(
            iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)
        )


def jobs_role(
    scope: Construct,
    *,
    permissions: Permissions,
    stores: Stores,
    image: XGBoostImage,
    inputs: list[assets.Asset],
) -> iam.Role:
    """Training and processing jobs: traffic, labels and source in; models and reports out."""
    role = SageMakerRole(
        scope,
        "JobsRole",
        image=image,
        logs=("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs"),
        metrics=("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs"),
    )
    permissions.read("capture", "ground-truth", "retraining", "pipeline", "quarantine")(role)
    permissions.write("pipeline")(role)
    grant_volume_key(stores, role)
    read_assets(role, inputs)
    return role


def read_assets(role: SageMakerRole, inputs: list[assets.Asset]) -> None:
    """Let jobs read these assets; their own grant would open the whole bootstrap bucket."""
    for asset in inputs:
        bucket, key = asset.bucket, asset.s3_object_key
        role.may(["s3:GetObject"], [bucket.arn_for_objects(key)])
        role.may(["s3:ListBucket"], [bucket.bucket_arn], {"StringLike": {"s3:prefix": [f"{key}*"]}})


def serving_role(
    scope: Construct, *, permissions: Permissions, image: XGBoostImage, names: Names
) -> iam.Role:
    """The endpoint's containers: a model in, captured traffic out."""
    role = SageMakerRole(
        scope,
        "ServingRole",
        image=image,
        logs=(f"/aws/sagemaker/Endpoints/{names.endpoint}",),
        metrics=("AWS/SageMaker", "/aws/sagemaker/Endpoints"),
    )
    permissions.read("pipeline", "packages")(role)
    permissions.write("capture")(role)
    # A guardrail that cannot see its alarms does not roll back.
    permissions.describe_alarms()(role)
    return role


def pipeline_role(
    scope: Construct,
    *,
    permissions: Permissions,
    stores: Stores,
    names: Names,
    jobs: iam.IRole,
    approve: lambda_.IFunction,
) -> iam.Role:
    """The pipeline itself: starts jobs as their role, registers packages, asks for approval."""
    role = iam.Role(scope, "PipelineRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    stack = Stack.of(scope)

    def arn(kind: str, name: str) -> str:
        return stack.format_arn(service="sagemaker", resource=kind, resource_name=name)

    def may(actions: list[str], resources: list[str]) -> None:
        role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=resources))

    # A pipeline names its jobs pipelines-<execution>-<step>.
    for kind, job in (("training-job", "TrainingJob"), ("processing-job", "ProcessingJob")):
        verbs = ("Create", "Describe", "Stop")
        may([*(f"sagemaker:{verb}{job}" for verb in verbs), "sagemaker:AddTags"], [arn(kind, "pipelines-*")])
    may(
        ["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage", "sagemaker:AddTags"],
        [arn("model-package-group", names.package_group), arn("model-package", f"{names.package_group}/*")],
    )
    # Studio shows each execution as a trial of the pipeline's experiment.
    tracked = ("experiment", "experiment-trial", "experiment-trial-component")
    may(
        [
            "sagemaker:CreateExperiment",
            "sagemaker:CreateTrial",
            "sagemaker:CreateTrialComponent",
            "sagemaker:AssociateTrialComponent",
            "sagemaker:UpdateTrialComponent",
            "sagemaker:AddTags",
        ],
        [arn(kind, "*") for kind in tracked],
    )
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[jobs.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
    )
    may(["lambda:InvokeFunction"], [approve.function_arn])
    # Conditions read the property files that the jobs left; registering reads the artifact.
    permissions.read("pipeline")(role)
    grant_volume_key(stores, role)
    return role
