"""What of an endpoint's traffic was not captured.

CloudWatch counts every request, and SageMaker writes the captured ones in files by the hour. Both are read from
the newest hour backwards, up to the last hour that has a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from selfheal.aws.objects import Objects
from selfheal.diagnose.snapshot import Capture

if TYPE_CHECKING:
    from types_boto3_cloudwatch.client import CloudWatchClient

HOUR = timedelta(hours=1)
LOOK_BACK_HOURS = 24
# Files of an hour come minutes after their records: until then their absence says nothing.
LATE = timedelta(minutes=30)


class CaptureGap:
    """Capture of one endpoint's variant."""

    def __init__(self, cloudwatch: CloudWatchClient, objects: Objects, endpoint: str, variant: str) -> None:
        self._cloudwatch = cloudwatch
        self._objects = objects
        self._dimensions = {"EndpointName": endpoint, "VariantName": variant}
        self._root = f"capture/{endpoint}/{variant}/"

    def look(self, config: Mapping[str, Any], now: datetime) -> Capture:
        """Requests in the closed hours since the last captured file.

        Args:
            config: the endpoint config that serves, as DescribeEndpointConfig has it.
        """
        this_hour = now.replace(minute=0, second=0, microsecond=0)
        closed = (now - LATE).replace(minute=0, second=0, microsecond=0)
        since = self._uncaptured_since(this_hour)
        return Capture(
            sampling_percent=sampling_percent(config),
            uncaptured=self._requests(since, closed) if since < closed else 0,
            since=since,
        )

    def _uncaptured_since(self, this_hour: datetime) -> datetime:
        """The end of the newest hour with a file, or of the last one that is looked at."""
        for back in range(LOOK_BACK_HOURS):
            hour = this_hour - back * HOUR
            if any(self._objects.list(f"{self._root}{hour:%Y/%m/%d/%H}/")):
                return hour + HOUR
        return this_hour - LOOK_BACK_HOURS * HOUR

    def _requests(self, since: datetime, until: datetime) -> int:
        points = self._cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocations",
            Dimensions=[{"Name": name, "Value": value} for name, value in self._dimensions.items()],
            StartTime=since,
            EndTime=until,
            Period=int(HOUR.total_seconds()),
            Statistics=["Sum"],
        )["Datapoints"]
        return round(sum(point["Sum"] for point in points))


def sampling_percent(config: Mapping[str, Any]) -> float:
    """Of requests that a config has captured; 0 where it captures nothing.

    >>> sampling_percent({"DataCaptureConfig": {"EnableCapture": False, "InitialSamplingPercentage": 50}})
    0.0
    """
    capture = config.get("DataCaptureConfig")
    if not capture or not capture.get("EnableCapture", True):
        return 0.0
    return float(capture["InitialSamplingPercentage"])
