"""What breaks in the account, or what people break there: each is done to a stage, at once."""

from __future__ import annotations

import json
import os
import signal
from datetime import datetime
from itertools import count
from pathlib import Path
from unittest.mock import patch

from traffic_faults import NoisyFeed, SilentFeed, WiderFeed

from demo import hand
from demo.feed import WeatherFeed
from demo.stage import ENDPOINT, Stage
from selfheal.aws.objects import split_uri
from twin.events import NEVER, TWICE

HOTFIXES = Path(__file__).parent / "hotfixes"
OTHERS = ("baggage", "crews")


def a_model_server_dies(stage: Stage) -> None:
    """One of the endpoint's two processes is gone, and nothing was released."""
    (variant,) = stage.twin.endpoints.variants(ENDPOINT).values()
    os.kill(variant.instances[0].pid, signal.SIGKILL)


def other_endpoints_in_alarm(stage: Stage) -> None:
    """What other workloads' own monitors find goes on being bad."""
    cloudwatch = stage.twin.session.client("cloudwatch")
    metric = {"Namespace": "Selfheal", "MetricName": "DataQualityBreaches"}
    for other in OTHERS:
        cloudwatch.put_metric_alarm(
            AlarmName=f"{other}-data-quality",
            **metric,
            Dimensions=[{"Name": "service", "Value": other}],
            Statistic="Maximum",
            Period=300,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
        )

    def publish(since: datetime, _until: datetime) -> None:
        data = [
            {
                "MetricName": metric["MetricName"],
                "Dimensions": [{"Name": "service", "Value": other}],
                "Timestamp": since,
                "Value": 1,
            }
            for other in OTHERS
        ]
        cloudwatch.put_metric_data(Namespace=metric["Namespace"], MetricData=data)

    stage.twin.on_tick(publish)


def capture_is_switched_off(stage: Stage) -> None:
    """A person updates the endpoint by hand, with a config that captures nothing."""
    sagemaker = stage.twin.session.client("sagemaker")
    serving = sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
    config = sagemaker.describe_endpoint_config(EndpointConfigName=serving)
    sagemaker.create_endpoint_config(
        EndpointConfigName="by-hand", ProductionVariants=config["ProductionVariants"]
    )
    sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName="by-hand")


def the_history_is_deleted(stage: Stage) -> None:
    """Somebody tidies up: the file is gone that every training begins with."""
    s3, sagemaker = stage.twin.session.client("s3"), stage.twin.session.client("sagemaker")
    pipeline = sagemaker.describe_pipeline(PipelineName=f"{ENDPOINT}-retraining")
    steps = json.loads(pipeline["PipelineDefinition"])["Steps"]
    inputs = next(step for step in steps if step["Name"] == "Assemble")["Arguments"]["ProcessingInputs"]
    bucket, key = split_uri(next(each for each in inputs if each["InputName"] == "seed")["S3Input"]["S3Uri"])
    s3.delete_object(Bucket=bucket, Key=key)


def an_alarm_is_tried_out(stage: Stage) -> None:
    """A fire drill: a person sets an alarm off, and nothing is wrong."""
    stage.twin.session.client("cloudwatch").set_alarm_state(
        AlarmName=f"{ENDPOINT}-data-quality", StateValue="ALARM", StateReason="fire drill"
    )


def events_are_unreliable(stage: Stage) -> None:
    """Every event comes twice, but each seventh not at all."""
    numbers = count(1)
    stage.twin.bus.faults = lambda _: NEVER if next(numbers) % 7 == 0 else TWICE


def nothing_is_perfect(stage: Stage) -> None:
    """What any account lives with: events twice or never, and a line that breaks off now and then."""
    events_are_unreliable(stage)
    stage.application.feed = NoisyFeed()


def the_feed_falls_silent(stage: Stage) -> None:
    stage.application.feed = SilentFeed()


def the_feed_grows_wider(stage: Stage) -> None:
    stage.application.feed = WiderFeed()


def the_feed_is_mended(stage: Stage) -> None:
    stage.application.feed = WeatherFeed()


def release(stage: Stage, hotfix: str, folder: Path = hand.HOTFIXES) -> None:
    """A person appends to the champion's serving code, and approves it."""
    with patch.object(hand, "HOTFIXES", folder):
        package = stage.person.register_hotfix(hotfix, stage.chronicle.champion_model())
    stage.person.approve(package)
