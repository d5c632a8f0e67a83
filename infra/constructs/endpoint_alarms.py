"""What watches the endpoint all the time: two alarms on its own metrics, five on what observe finds."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.constructs.runbook_alarm import Limit, RunbookAlarm
from infra.names import Names, Watch
from selfheal.settings import Settings

# No traffic is no data, and silence is not a failure of the model's.
QUIET = cloudwatch.TreatMissingData.NOT_BREACHING
MICROSECONDS_PER_MS = 1000

BREACHES = {
    Watch.DATA_DRIFT: ("DataDriftBreaches", "Features moved away from the champion's training data."),
    Watch.DATA_QUALITY: (
        "DataQualityBreaches",
        "Requests are broken: nulls, unseen categories, malformed rows.",
    ),
    Watch.PERFORMANCE: (
        "PerformanceBreaches",
        "On matured labels the champion is worse than when it was chosen.",
    ),
    Watch.LABELS: (
        "LabelBreaches",
        "Predictions of a day have matured, and too few of them have a label.",
    ),
    Watch.MODEL_AGE: (
        "ModelAgeBreaches",
        "The champion learned too long ago (observe.champion_max_age_days; no limit, no data).",
    ),
}


class EndpointAlarms(Construct):
    """The seven alarms of an endpoint; `guardrails` are those that also send a deployment back."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self._names = Names(settings.name)
        self._settings = settings
        self.errors = self._errors()
        self.latency = self._latency()
        self.breaches = {watch: self._breach(watch) for watch in BREACHES}
        self.guardrails = (Watch.ERRORS, Watch.LATENCY)

    def _errors(self) -> RunbookAlarm:
        return self._on_endpoint(
            Watch.ERRORS,
            self._endpoint_metric("Invocation5XXErrors", "Average"),
            threshold=self._settings.alarms.error_rate_percent / 100,
            unit="of the requests answered 5xx (a share from 0 to 1)",
            meaning="The endpoint answers requests with server errors.",
        )

    def _latency(self) -> RunbookAlarm:
        return self._on_endpoint(
            Watch.LATENCY,
            self._endpoint_metric("ModelLatency", "p95"),
            threshold=self._settings.alarms.latency_p95_ms * MICROSECONDS_PER_MS,
            unit="microseconds at the 95th percentile",
            meaning="The model answers slowly.",
        )

    def _on_endpoint(
        self, watch: Watch, metric: cloudwatch.Metric, *, threshold: float, unit: str, meaning: str
    ) -> RunbookAlarm:
        limit = Limit(
            threshold=threshold,
            unit=unit,
            breach_at_threshold=False,
            datapoints=self._settings.alarms.datapoints,
            periods=self._settings.alarms.periods,
            missing=QUIET,
        )
        return RunbookAlarm(self, names=self._names, watch=watch, metric=metric, limit=limit, meaning=meaning)

    def _endpoint_metric(self, name: str, statistic: str) -> cloudwatch.Metric:
        # SageMaker publishes nothing under EndpointName alone.
        dimensions = {"EndpointName": self._names.endpoint, "VariantName": self._settings.serving.variant}
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=name,
            dimensions_map=dimensions,
            statistic=statistic,
            period=Duration.seconds(self._settings.alarms.period_seconds),
        )

    def _breach(self, watch: Watch) -> RunbookAlarm:
        name, meaning = BREACHES[watch]
        metric = cloudwatch.Metric(
            namespace="Selfheal",
            metric_name=name,
            dimensions_map={"service": self._settings.name},
            statistic="Maximum",
            # Observe publishes once an hour: a shorter period would mostly see nothing and never confirm.
            period=Duration.hours(1),
        )
        limit = Limit(
            threshold=1,
            unit="signal in breach within the hour",
            breach_at_threshold=True,
            datapoints=self._settings.observe.confirmations,
            periods=self._settings.observe.confirmation_windows,
            missing=QUIET,
        )
        return RunbookAlarm(self, names=self._names, watch=watch, metric=metric, limit=limit, meaning=meaning)
