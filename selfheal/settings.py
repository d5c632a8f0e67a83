"""The one YAML of a workload, validated.

A settings file is read once, at synthesis or by the command line. All of its errors are reported at once,
each with its path, its value and what is expected, and incompatible choices are refused here rather than
by AWS twenty minutes into a deployment. Policies are the core's own dataclasses: what the functions run
with is what was validated here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from selfheal.bounds import PolicyError, Problem
from selfheal.diagnose.causes import Cause
from selfheal.diagnose.policy import DiagnosisPolicy
from selfheal.observe.policy import ObservePolicy
from selfheal.remediate.gate_policy import GatePolicy
from selfheal.remediate.playbook import DEFAULT_PLAYBOOK, Remedy
from selfheal.remediate.rails import Mode, Rails
from selfheal.remediate.release_policy import ReleasePolicy, Strategy
from selfheal.remediate.value_policy import ValuePolicy
from selfheal.verify.policy import RecoveryPolicy

# Guardrails (canary, linear, bake) silently fall back to all-at-once on these.
GUARDRAIL_EXCLUDED = ("ml.inf1.",)
# SageMaker trains XGBoost on these GPU families; the price and speed of each is the user's choice.
GPU_FAMILIES = ("ml.g4dn.", "ml.g5.", "ml.g6.", "ml.p3.", "ml.p4d.")

InstanceType = Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,24}[a-z0-9]$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False)


class FeatureKind(str, Enum):
    """How a column of the payload is compared with its baseline."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"


class Feature(_Section):
    """One column of the request payload, in order."""

    name: Annotated[str, Field(min_length=1)]
    kind: FeatureKind


class Workload(_Section):
    """What is being served: its code, its columns and the data that the first champion learns from."""

    code: Annotated[
        str, Field(description="package with the workload's inference.py, relative to the project")
    ]
    seed: Annotated[str, Field(description="CSV of labelled history, relative to the settings file")]
    label: Annotated[str, Field(min_length=1)]
    timestamp: Annotated[str, Field(min_length=1)]
    features: Annotated[tuple[Feature, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> Workload:
        names = [feature.name for feature in self.features]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PolicyError([Problem("features", twice, "each name once")])
        return self


class Serving(_Section):
    """The endpoint's fleet."""

    instance_type: InstanceType = "ml.m5.large"
    instance_count: Annotated[int, Field(ge=1, le=100)] = 2
    max_instance_count: Annotated[int, Field(ge=1, le=1000)] = 4
    scale_step_percent: Annotated[float, Field(ge=1, le=1000)] = 50.0
    variant: Annotated[str, Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")] = "AllTraffic"


class Capture(_Section):
    """Data capture of the endpoint."""

    sampling_percent: Annotated[int, Field(ge=1, le=100)] = 100
    retention_days: Annotated[int, Field(ge=8, le=3650)] = 400


class EndpointAlarms(_Section):
    """The alarms that watch the endpoint all the time."""

    error_rate_percent: Annotated[float, Field(gt=0, le=100)] = 5.0
    latency_p95_ms: Annotated[float, Field(gt=0, le=60000)] = 200.0
    period_seconds: Annotated[int, Field(ge=60, le=3600, multiple_of=60)] = 60
    datapoints: Annotated[int, Field(ge=1, le=60)] = 5
    periods: Annotated[int, Field(ge=1, le=60)] = 5

    @model_validator(mode="after")
    def _m_of_n(self) -> EndpointAlarms:
        if self.datapoints > self.periods:
            raise PolicyError([Problem("datapoints", self.datapoints, f"at most periods ({self.periods})")])
        return self


class Training(_Section):
    """The retraining pipeline's jobs."""

    instance_type: InstanceType = "ml.g4dn.xlarge"
    processing_instance_type: InstanceType = "ml.m5.xlarge"
    volume_gb: Annotated[int, Field(ge=1, le=16384)] = 30
    max_run_minutes: Annotated[int, Field(ge=5, le=2880)] = 60
    spot: bool = True
    max_wait_minutes: Annotated[int | None, Field(ge=5, le=4320)] = None
    holdout_days: Annotated[int, Field(ge=1, le=90)] = 7
    rounds: Annotated[int, Field(ge=1, le=10000)] = 150
    hyperparameters: dict[str, str | int | float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _spot_waits(self) -> Training:
        if self.spot and self.max_wait_minutes is None:
            raise PolicyError([Problem("max_wait_minutes", None, "a number of minutes, since spot is on")])
        if self.spot and self.max_wait_minutes is not None and self.max_wait_minutes < self.max_run_minutes:
            expected = f"at least max_run_minutes ({self.max_run_minutes})"
            raise PolicyError([Problem("max_wait_minutes", self.max_wait_minutes, expected)])
        if not self.spot and self.max_wait_minutes is not None:
            raise PolicyError(
                [Problem("max_wait_minutes", self.max_wait_minutes, "nothing, since spot is off")]
            )
        return self


class Profiling(_Section):
    """The jobs that read captured traffic where `observe.volume` finds it too much for a function."""

    instance_type: InstanceType = "ml.m5.2xlarge"
    volume_gb: Annotated[int, Field(ge=1, le=16384)] = 100
    max_run_minutes: Annotated[int, Field(ge=5, le=2880)] = 50


class Notices(_Section):
    """Who hears of an incident."""

    email: Annotated[str | None, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = None


class Settings(_Section):
    """A workload's settings: one file, one endpoint, four stacks."""

    name: Name
    mode: Mode = Mode.OBSERVE
    sweep_minutes: Annotated[int, Field(ge=1, le=1440)] = 5
    workload: Workload
    serving: Serving = Field(default_factory=Serving)
    capture: Capture = Field(default_factory=Capture)
    release: ReleasePolicy = Field(default_factory=ReleasePolicy)
    alarms: EndpointAlarms = Field(default_factory=EndpointAlarms)
    observe: ObservePolicy = Field(default_factory=ObservePolicy)
    diagnosis: DiagnosisPolicy = Field(default_factory=DiagnosisPolicy)
    training: Training
    profiling: Profiling = Field(default_factory=Profiling)
    gate: GatePolicy = Field(default_factory=GatePolicy)
    playbook: Mapping[Cause, tuple[Remedy, ...]] = Field(default_factory=lambda: dict(DEFAULT_PLAYBOOK))
    rails: Rails = Field(default_factory=Rails)
    value: ValuePolicy = Field(default_factory=ValuePolicy)
    recovery: RecoveryPolicy = Field(default_factory=RecoveryPolicy)
    notices: Notices = Field(default_factory=Notices)

    @model_validator(mode="after")
    def _guardrails_fit_the_fleet(self) -> Settings:
        problems = guardrail_problems(self.serving, self.release)
        if problems:
            raise PolicyError(problems)
        return self

    @model_validator(mode="after")
    def _a_cap_on_money_needs_a_price(self) -> Settings:
        problems = price_problems(self.rails, self.value)
        if problems:
            raise PolicyError(problems)
        return self


def price_problems(rails: Rails, value: ValuePolicy) -> list[Problem]:
    """What the cap on money and the prices must agree on."""
    if rails.money_usd_per_30_days is None or value.retraining_usd > 0:
        return []
    expected = "more than 0 here or in value.rollout_usd, since rails.money_usd_per_30_days is set"
    return [Problem("value.training_usd", value.training_usd, expected)]


def guardrail_problems(serving: Serving, release: ReleasePolicy) -> list[Problem]:
    """What the fleet and its releases must agree on."""
    problems = []
    if release.strategy is not Strategy.ALL_AT_ONCE:
        if serving.instance_count < 2:
            expected = f"at least 2, since release.strategy is {release.strategy.value}"
            problems.append(Problem("serving.instance_count", serving.instance_count, expected))
        if serving.instance_type.startswith(GUARDRAIL_EXCLUDED):
            expected = "a type with deployment guardrails (Inf1 falls back to all-at-once without a bake)"
            problems.append(Problem("serving.instance_type", serving.instance_type, expected))
    if serving.max_instance_count < serving.instance_count:
        expected = f"at least serving.instance_count ({serving.instance_count})"
        problems.append(Problem("serving.max_instance_count", serving.max_instance_count, expected))
    return problems


def policy_json(policy: Any) -> str:
    """A policy as the JSON that a function's environment carries."""
    return TypeAdapter(type(policy)).dump_json(policy).decode()


def job_settings(settings: Settings) -> str:
    """What the pipeline's jobs need of the settings, as JSON that needs no pydantic to be read."""
    wanted = {"workload": True, "training": {"holdout_days"}, "gate": True, "observe": True}
    return settings.model_dump_json(include=wanted)  # type: ignore[arg-type]
