"""One page that answers: is it healthy, did the data move, is the model still good?"""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.constructs.endpoint_alarms import EndpointAlarms
from infra.names import Names
from selfheal.settings import Settings

WIDE = 12


class Dashboard(cloudwatch.Dashboard):
    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, alarms: EndpointAlarms
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            dashboard_name=Names(settings.name).endpoint,
            default_interval=Duration.days(1),
        )
        every = [alarms.errors, alarms.latency, *alarms.breaches.values()]
        self.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=every, width=2 * WIDE, height=3))
        self.add_widgets(
            cloudwatch.AlarmWidget(title="Health: share of 5xx", alarm=alarms.errors, width=WIDE),
            cloudwatch.AlarmWidget(title="Health: p95 latency, µs", alarm=alarms.latency, width=WIDE),
        )
        self.add_widgets(
            *(
                cloudwatch.AlarmWidget(title=f"{watch.value}: signals in breach", alarm=alarm, width=8)
                for watch, alarm in alarms.breaches.items()
            )
        )
