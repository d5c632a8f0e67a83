"""Physical names, and the parameters' paths: all of them follow from the workload's name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Watch(str, Enum):
    """The endpoint's alarms; the value is the last part of the alarm's name."""

    DATA_DRIFT = "data-drift"
    DATA_QUALITY = "data-quality"
    PERFORMANCE = "performance"
    LABELS = "labels"
    MODEL_AGE = "model-age"
    LATENCY = "latency"
    ERRORS = "errors"


class Trigger(str, Enum):
    """The event rules; the value is the last part of the rule's name."""

    ALARM = "alarm"
    APPROVAL = "approval"
    ENDPOINT = "endpoint"
    PIPELINE = "pipeline"
    SWEEP = "sweep"
    OBSERVE = "observe"
    PROFILE = "profile"


class Delivery(str, Enum):
    """What is started asynchronously, each with a dead-letter queue of its own."""

    INCIDENT = "incident"
    RELEASE = "release"
    SWEEP = "sweep"
    OBSERVE = "observe"


# Which rules may put undeliverable events into which queue.
TRIGGERS_OF = {
    Delivery.INCIDENT: (Trigger.ALARM,),
    Delivery.RELEASE: (Trigger.APPROVAL,),
    Delivery.SWEEP: (Trigger.ENDPOINT, Trigger.PIPELINE, Trigger.SWEEP),
    Delivery.OBSERVE: (Trigger.OBSERVE, Trigger.PROFILE),
}


@dataclass(frozen=True)
class Names:
    """What things are called in the account of one workload."""

    workload: str

    @property
    def endpoint(self) -> str:
        return self.workload

    @property
    def package_group(self) -> str:
        return self.workload

    @property
    def pipeline(self) -> str:
        return f"{self.workload}-retraining"

    @property
    def replay_pipeline(self) -> str:
        return f"{self.workload}-replay"

    @property
    def profile_jobs(self) -> str:
        """What the names of all jobs begin with that profile traffic in the function's stead."""
        return f"{self.workload}-profile-"

    @property
    def incident_machine(self) -> str:
        return f"{self.workload}-incident"

    @property
    def release_machine(self) -> str:
        return f"{self.workload}-release"

    @property
    def release_alarms(self) -> str:
        """Pattern of the alarms that a release makes for itself and that settling it removes."""
        return f"{self.workload}-release-*"

    @property
    def champion_parameter(self) -> str:
        return f"/selfheal/{self.workload}/champion/model"

    @property
    def mode_parameter(self) -> str:
        return f"/selfheal/{self.workload}/mode"

    @property
    def kill_switch_parameter(self) -> str:
        return f"/selfheal/{self.workload}/kill-switch"

    def function(self, function: str) -> str:
        return f"{self.workload}-{function.replace('_', '-')}"

    def alarm(self, watch: Watch) -> str:
        return f"{self.workload}-{watch.value}"

    def rule(self, trigger: Trigger) -> str:
        return f"{self.workload}-{trigger.value}"

    def stack(self, stack: str) -> str:
        return f"{self.workload}-{stack}"
