"""Data: what outlives every model."""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.constructs.dead_letters import DeadLetters
from infra.constructs.stores import Stores
from infra.constructs.workload_key import WorkloadKey
from infra.names import Delivery, Names
from selfheal.settings import Capture, Settings

# What the champion pointer says until a model has been chosen. From then on the functions own it, and an
# unchanged template leaves it alone.
NO_CHAMPION = "none"


class DataStack(Stack):
    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope, construct_id, description=f"Selfheal {settings.name}: data, ledger, pointers, notices"
        )
        names = Names(settings.name)
        key = WorkloadKey(self, "Key", names=names)
        self.stores = Stores(
            key=key,
            bucket=self._bucket(settings.capture, key),
            ledger=self._ledger(key),
            notices=self._notices(settings.notices.email, key),
            dead_letters={
                delivery: DeadLetters(self, delivery=delivery, names=names, key=key) for delivery in Delivery
            },
        )
        CfnOutput(
            self, "LedgerTable", value=self.stores.ledger.table_name, description="the command line's --table"
        )
        CfnOutput(
            self, "DataBucket", value=self.stores.bucket.bucket_name, description="traffic, reports, models"
        )
        self._parameter("Champion", names.champion_parameter, NO_CHAMPION, "name of the model in service")
        self._parameter("Mode", names.mode_parameter, settings.mode.value, "how far healing may go")
        self._parameter(
            "KillSwitch",
            names.kill_switch_parameter,
            "off",
            "all but `off` stops healing: docs/runbooks/kill-switch.md",
        )

    def _bucket(self, capture: Capture, key: kms.IKey) -> s3.Bucket:
        # Its access is recorded by CloudTrail where the account has data events on; server access logs
        # would need a bucket of their own and are not part of this template yet.
        return s3.Bucket(
            self,
            "Data",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            versioned=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="capture", prefix="capture/", expiration=Duration.days(capture.retention_days)
                ),
                # What a job made of an hour is part of the hour's profile within a day.
                s3.LifecycleRule(id="profiling", prefix="profiling/", expiration=Duration.days(7)),
                s3.LifecycleRule(
                    id="leftovers",
                    noncurrent_version_expiration=Duration.days(90),
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                ),
            ],
        )

    def _ledger(self, key: kms.IKey) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "Ledger",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            time_to_live_attribute="expires_at",
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _notices(self, email: str | None, key: kms.IKey) -> sns.Topic:
        topic = sns.Topic(self, "Notices", master_key=key, enforce_ssl=True)
        if email:
            topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic

    def _parameter(self, parameter_id: str, name: str, value: str, description: str) -> None:
        ssm.StringParameter(
            self, parameter_id, parameter_name=name, string_value=value, description=description
        )
