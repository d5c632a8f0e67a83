"""A small CDK app with one of everything that the loader knows; `python app.py OUTDIR` synthesizes it."""

import json
import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import custom_resources as custom

HERE = Path(__file__).parent


class Data(cdk.Stack):
    def __init__(self, scope):
        super().__init__(scope, "Data", stack_name="flights-data")
        self.key = kms.Key(self, "Key", enable_key_rotation=True, alias="alias/flights")
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            versioned=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="old",
                    prefix="capture/",
                    expiration=cdk.Duration.days(90),
                    noncurrent_version_expiration=cdk.Duration.days(30),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.INFREQUENT_ACCESS,
                            transition_after=cdk.Duration.days(30),
                        )
                    ],
                )
            ],
        )
        self.ledger = dynamodb.TableV2(
            self,
            "Ledger",
            table_name="flights-ledger",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            encryption=dynamodb.TableEncryptionV2.aws_managed_key(),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires",
        )
        self.lease = dynamodb.Table(
            self,
            "Lease",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            stream=dynamodb.StreamViewType.NEW_IMAGE,
        )
        self.pointer = ssm.StringParameter(
            self, "Pointer", parameter_name="/selfheal/flights/champion/model", string_value="model-0"
        )
        self.notices = sns.Topic(self, "Notices", master_key=self.key, enforce_ssl=True)
        self.dead = sqs.Queue(self, "Dead", encryption_master_key=self.key, enforce_ssl=True)
        self.queue = sqs.Queue(
            self,
            "Queue",
            visibility_timeout=cdk.Duration.minutes(2),
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=3, queue=self.dead),
        )
        self.notices.add_subscription(
            subscriptions.SqsSubscription(
                self.queue,
                filter_policy={"cause": sns.SubscriptionFilter.string_filter(allowlist=["drift"])},
                raw_message_delivery=True,
            )
        )


class Learning(cdk.Stack):
    def __init__(self, scope, data):
        super().__init__(scope, "flights-learning")
        seed = assets.Asset(self, "Seed", path=str(HERE / "seed" / "flights.csv"))
        layer = lambda_.LayerVersion(self, "Core", code=lambda_.Code.from_asset(str(HERE / "seed")))
        group = logs.LogGroup(
            self, "Log", log_group_name="/flights/first", retention=logs.RetentionDays.ONE_MONTH
        )
        settings = {
            "runtime": lambda_.Runtime.PYTHON_3_13,
            "code": lambda_.Code.from_asset(str(HERE / "handlers")),
            "timeout": cdk.Duration.seconds(30),
            "environment": {"BUCKET": data.bucket.bucket_name, "SEED": seed.s3_object_key},
            "architecture": lambda_.Architecture.ARM_64,
        }
        start = lambda_.Function(
            self,
            "Start",
            handler="first.on_event",
            function_name="flights-first-start",
            layers=[layer],
            log_group=group,
            dead_letter_queue=data.dead,
            tracing=lambda_.Tracing.ACTIVE,
            retry_attempts=1,
            **settings,
        )
        done = lambda_.Function(self, "Done", handler="first.is_complete", **settings)
        data.bucket.grant_read(start)
        provider = custom.Provider(
            self,
            "Provider",
            on_event_handler=start,
            is_complete_handler=done,
            query_interval=cdk.Duration.minutes(2),
            total_timeout=cdk.Duration.hours(2),
        )
        champion = cdk.CustomResource(
            self,
            "Champion",
            service_token=provider.service_token,
            resource_type="Custom::FirstChampion",
            properties={
                "Rows": 3,
                "Flag": True,
                "Bucket": seed.s3_bucket_name,
            },
        )
        role = iam.Role(
            self,
            "PipelineRole",
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy(self, "Policy", document=_read(data.bucket))],
            inline_policies={"read": _read(data.bucket)},
        )
        sagemaker.CfnModelPackageGroup(self, "Group", model_package_group_name="flights")
        body = {"Version": "2020-12-01", "Parameters": [], "Steps": []}
        sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name="flights-retrain",
            role_arn=role.role_arn,
            pipeline_definition={"PipelineDefinitionBody": json.dumps(body)},
        )
        cdk.CfnOutput(self, "Asked", value=champion.get_att_string("Asked"))
        cdk.CfnOutput(self, "Seen", value=champion.get_att_string("Seen"))
        cdk.CfnOutput(self, "ChampionId", value=champion.ref)


class Serving(cdk.Stack):
    def __init__(self, scope, data):
        super().__init__(scope, "flights-serving")
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name="live",
                    model_name=cdk.Fn.sub(
                        "{{resolve:ssm:${Pointer}}}", {"Pointer": data.pointer.parameter_name}
                    ),
                    initial_instance_count=2,
                    initial_variant_weight=1,
                    instance_type="ml.m5.large",
                )
            ],
            data_capture_config=sagemaker.CfnEndpointConfig.DataCaptureConfigProperty(
                capture_options=[{"captureMode": "Input"}, {"captureMode": "Output"}],
                destination_s3_uri=data.bucket.s3_url_for_object("capture"),
                initial_sampling_percentage=100,
                enable_capture=True,
            ),
        )
        alarm = cloudwatch.Alarm(
            self,
            "Errors",
            alarm_name="flights-5xx",
            metric=cloudwatch.Metric(
                namespace="AWS/SageMaker",
                metric_name="Invocation5XXErrors",
                dimensions_map={"EndpointName": "flights", "VariantName": "live"},
                statistic="Average",
                period=cdk.Duration.minutes(1),
            ),
            threshold=0.05,
            evaluation_periods=5,
            datapoints_to_alarm=3,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name="flights",
            endpoint_config_name=config.attr_endpoint_config_name,
            deployment_config=sagemaker.CfnEndpoint.DeploymentConfigProperty(
                blue_green_update_policy={
                    "trafficRoutingConfiguration": {"type": "ALL_AT_ONCE", "waitIntervalInSeconds": 60}
                },
                auto_rollback_configuration={"alarms": [{"alarmName": alarm.alarm_name}]},
            ),
        )
        target = scaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace="sagemaker",
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            resource_id=f"endpoint/{endpoint.attr_endpoint_name}/variant/live",
            min_capacity=2,
            max_capacity=4,
        )
        scaling.CfnScalingPolicy(
            self,
            "Scaling",
            policy_name="invocations",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration={
                "targetValue": 100,
                "predefinedMetricSpecification": {
                    "predefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                },
            },
        )
        board = cloudwatch.Dashboard(self, "Board", dashboard_name="flights")
        board.add_widgets(cloudwatch.AlarmWidget(title="errors", alarm=alarm))
        sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=role.role_arn,
            primary_container={"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/xgb:1"},
        )


class Healing(cdk.Stack):
    def __init__(self, scope):
        super().__init__(scope, "flights-healing")
        machine = sfn.StateMachine(
            self,
            "Workflow",
            state_machine_name="flights-incident",
            definition_body=sfn.DefinitionBody.from_chainable(sfn.Pass(self, "Open")),
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=logs.LogGroup(self, "Log"), level=sfn.LogLevel.ALL),
        )
        rule = events.Rule(
            self,
            "Alarms",
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch"], detail={"state": {"value": ["ALARM"]}}
            ),
        )
        rule.add_target(
            targets.SfnStateMachine(machine, dead_letter_queue=sqs.Queue(self, "Lost"), retry_attempts=2)
        )
        events.Rule(self, "Sweep", schedule=events.Schedule.rate(cdk.Duration.minutes(5)), enabled=False)


def _read(bucket):
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=[bucket.arn_for_objects("*")])
    return iam.PolicyDocument(statements=[statement])


def main(outdir):
    app = cdk.App(outdir=outdir, analytics_reporting=True)
    data = Data(app)
    learning = Learning(app, data)
    serving = Serving(app, data)
    serving.add_stack_dependency(learning)
    healing = Healing(app)
    healing.add_stack_dependency(serving)
    app.synth()


if __name__ == "__main__":
    main(sys.argv[1])
