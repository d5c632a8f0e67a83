"""The endpoint. CloudFormation owns how it is served; the champion pointer owns which model (ADR 1)."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.constructs.endpoint_alarms import EndpointAlarms
from infra.constructs.stores import Stores
from infra.guardrails import deployment_config
from infra.instances import has_local_nvme
from infra.names import Names
from selfheal.settings import Settings

# Requests per minute that one instance is meant to carry; beyond it the fleet grows.
INVOCATIONS_PER_INSTANCE = 1000


class ChampionEndpoint(Construct):
    """Serves whichever model the champion pointer names.

    The config takes the model from a dynamic reference whose *text* CloudFormation compares, never its
    value: an unchanged template leaves the endpoint alone whatever healing did meanwhile, and a changed
    serving setting makes a new config with the champion of that moment.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        stores: Stores,
        alarms: EndpointAlarms,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names = Names(settings.name)
        self._settings = settings
        serving = settings.serving
        self._scales = serving.max_instance_count > serving.instance_count
        self.config = self._config(stores)
        self.endpoint = self._endpoint(alarms)
        if self._scales:
            self._autoscale()

    def _config(self, stores: Stores) -> sagemaker.CfnEndpointConfig:
        serving = self._settings.serving
        kms_key = stores.key.key_arn
        variant = sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=serving.variant,
            model_name=f"{{{{resolve:ssm:{self._names.champion_parameter}}}}}",
            instance_type=serving.instance_type,
            initial_instance_count=serving.instance_count,
            initial_variant_weight=1,
        )
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant],
            data_capture_config=self._capture(stores.bucket.bucket_name, kms_key),
            kms_key_id=None if has_local_nvme(serving.instance_type) else kms_key,
        )
        # Old configs are what a rollback returns to.
        config.apply_removal_policy(RemovalPolicy.RETAIN, apply_to_update_replace_policy=True)
        return config

    def _capture(self, bucket: str, kms_key: str) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
        both = ("Input", "Output")
        return sagemaker.CfnEndpointConfig.DataCaptureConfigProperty(
            enable_capture=True,
            initial_sampling_percentage=self._settings.capture.sampling_percent,
            # Without a trailing slash: SageMaker adds one, and a double slash is a different key.
            destination_s3_uri=f"s3://{bucket}/capture",
            kms_key_id=kms_key,
            capture_options=[
                sagemaker.CfnEndpointConfig.CaptureOptionProperty(capture_mode=mode) for mode in both
            ],
            # A content type that is not listed is captured as base64.
            capture_content_type_header=sagemaker.CfnEndpointConfig.CaptureContentTypeHeaderProperty(
                csv_content_types=["text/csv"], json_content_types=["application/json"]
            ),
        )

    def _endpoint(self, alarms: EndpointAlarms) -> sagemaker.CfnEndpoint:
        retained = sagemaker.CfnEndpoint.VariantPropertyProperty
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=self._names.endpoint,
            endpoint_config_name=self.config.attr_endpoint_config_name,
            deployment_config=deployment_config(
                self._settings.release, [self._names.alarm(watch) for watch in alarms.guardrails]
            ),
            # A rollout keeps the size that traffic made the fleet, but takes the capture's new settings.
            retain_all_variant_properties=self._scales or None,
            exclude_retained_variant_properties=(
                [retained(variant_property_type="DataCaptureConfig")] if self._scales else None
            ),
        )
        endpoint.node.add_dependency(alarms)
        return endpoint

    def _autoscale(self) -> None:
        """Scaling waits while an update runs. An update that changes the instance type is refused while the
        variant is registered here: set max_instance_count to instance_count, deploy, then change it."""
        serving = self._settings.serving
        resource = f"endpoint/{self._names.endpoint}/variant/{serving.variant}"
        dimension = "sagemaker:variant:DesiredInstanceCount"
        target = autoscaling.CfnScalableTarget(
            self,
            "Fleet",
            service_namespace="sagemaker",
            scalable_dimension=dimension,
            resource_id=resource,
            min_capacity=serving.instance_count,
            max_capacity=serving.max_instance_count,
        )
        target.add_resource_dependency(self.endpoint)
        metric = autoscaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
            predefined_metric_type="SageMakerVariantInvocationsPerInstance"
        )
        autoscaling.CfnScalingPolicy(
            self,
            "Tracking",
            policy_name=f"{self._names.workload}-invocations",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=(
                autoscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                    target_value=INVOCATIONS_PER_INSTANCE,
                    predefined_metric_specification=metric,
                    scale_in_cooldown=300,
                    scale_out_cooldown=60,
                )
            ),
        )
