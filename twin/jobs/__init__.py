"""SageMaker training and processing jobs, run as processes under the /opt/ml contract."""

from twin.jobs.api import Jobs
from twin.jobs.lifecycle import Conditions, Durations

__all__ = ["Conditions", "Durations", "Jobs"]
