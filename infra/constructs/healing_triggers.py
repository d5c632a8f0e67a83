"""What starts healing: alarms, approvals, changes of the endpoint and the pipeline, and the sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.delivery import delivery_options
from infra.constructs.stores import Stores
from infra.names import Delivery, Names, Trigger, Watch
from selfheal.settings import Settings

SAGEMAKER = ["aws.sagemaker"]


class HealingTriggers(Construct):
    """Events are best effort: each wakes something that looks for itself, and the sweep looks anyway."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        stores: Stores,
        incident: sfn.IStateMachine,
        release: sfn.IStateMachine,
        sweep: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names = Names(settings.name)
        start_incident = targets.SfnStateMachine(
            incident, **delivery_options(self, stores, Delivery.INCIDENT)
        )
        start_release = targets.SfnStateMachine(release, **delivery_options(self, stores, Delivery.RELEASE))
        start_sweep = targets.LambdaFunction(sweep, **delivery_options(self, stores, Delivery.SWEEP))

        self._on(Trigger.ALARM, "an alarm of the endpoint goes off", self._alarm(), start_incident)
        self._on(Trigger.APPROVAL, "a package is approved", self._approval(), start_release)
        self._on(Trigger.ENDPOINT, "the endpoint or its deployment changes", self._endpoint(), start_sweep)
        self._on(Trigger.PIPELINE, "a retraining changes status", self._pipeline(), start_sweep)
        events.Rule(
            self,
            "Sweep",
            rule_name=self._names.rule(Trigger.SWEEP),
            description="look at everything that an event may not have told",
            schedule=events.Schedule.rate(Duration.minutes(settings.sweep_minutes)),
            targets=[start_sweep],
        )

    def _on(
        self, trigger: Trigger, description: str, pattern: events.EventPattern, target: events.IRuleTarget
    ) -> None:
        events.Rule(
            self,
            trigger.value.capitalize(),
            rule_name=self._names.rule(trigger),
            description=description,
            event_pattern=pattern,
            targets=[target],
        )

    def _alarm(self) -> events.EventPattern:
        return events.EventPattern(
            source=["aws.cloudwatch"],
            detail_type=["CloudWatch Alarm State Change"],
            detail={
                "alarmName": [self._names.alarm(watch) for watch in Watch],
                "state": {"value": ["ALARM"]},
            },
        )

    def _approval(self) -> events.EventPattern:
        detail = {"ModelPackageGroupName": [self._names.package_group], "ModelApprovalStatus": ["Approved"]}
        return _sagemaker(["SageMaker Model Package State Change"], detail)

    def _endpoint(self) -> events.EventPattern:
        kinds = ["SageMaker Endpoint State Change", "SageMaker Endpoint Deployment State Change"]
        return _sagemaker(kinds, {"EndpointName": [self._names.endpoint]})

    def _pipeline(self) -> events.EventPattern:
        arns = [
            Stack.of(self).format_arn(service="sagemaker", resource="pipeline", resource_name=name)
            for name in (self._names.pipeline, self._names.replay_pipeline)
        ]
        kinds = ["SageMaker Model Building Pipeline Execution Status Change"]
        return _sagemaker(kinds, {"pipelineArn": arns})


def _sagemaker(kinds: list[str], detail: Mapping[str, Any]) -> events.EventPattern:
    return events.EventPattern(source=SAGEMAKER, detail_type=kinds, detail=detail)
