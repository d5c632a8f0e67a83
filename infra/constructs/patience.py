"""How long a workflow waits: longer than what it waits for can take, so that the thing's own end is seen."""

from __future__ import annotations

from aws_cdk import Duration

from selfheal.remediate.release_policy import ReleasePolicy
from selfheal.settings import Training

# Beyond the deployment's own timeout: sending it back takes a fleet of its own.
ROLLBACK_MINUTES = 120
# Beyond the training job: assembling, evaluating, gating and waiting for instances.
OTHER_STEPS_MINUTES = 360


def endpoint_patience(policy: ReleasePolicy) -> Duration:
    return Duration.minutes(policy.timeout_minutes + ROLLBACK_MINUTES)


def pipeline_patience(training: Training) -> Duration:
    return Duration.minutes((training.max_wait_minutes or training.max_run_minutes) + OTHER_STEPS_MINUTES)
