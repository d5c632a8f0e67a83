"""Deployments that bring a model which has served before: all at once, under the guardrails."""

from __future__ import annotations

from datetime import datetime

from selfheal.aws.alarms import Alarms
from selfheal.aws.controls import ControlPanel
from selfheal.aws.endpoint import Endpoint
from selfheal.remediate.release import deployment_config, fleet_alarms
from selfheal.remediate.release_policy import ReleasePolicy
from selfheal.remediate.replace import at_once


class KnownModel:
    """Deploys such models to one endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        alarms: Alarms,
        controls: ControlPanel,
        *,
        variant: str,
        policy: ReleasePolicy,
    ) -> None:
        self._endpoint, self._alarms, self._controls = endpoint, alarms, controls
        self._variant, self._policy = variant, at_once(policy)

    def deploy(self, config: str, at: datetime) -> None:
        """Start the deployment of an endpoint config, with alarms that watch its fleet alone.

        Raises:
            Stopped: people do not want changes now.
        """
        name = self._endpoint.name
        alarms = fleet_alarms(name, name, self._variant, config, self._policy)
        self._alarms.create(alarm.arguments for alarm in alarms)
        # The last look before the endpoint changes: somebody may have thrown the switch meanwhile.
        self._controls.require_permission(at)
        self._endpoint.update(config, deployment_config(self._policy, [alarm.name for alarm in alarms]))
