"""Policies and settings of jobs as a function's environment carries them: JSON that the settings validated.

The dataclasses check themselves again, so a hand-edited environment is refused with the field's name.
"""

from __future__ import annotations

import json
from typing import Any

from selfheal.aws.profile_job_arguments import JobSettings
from selfheal.diagnose.causes import Cause
from selfheal.diagnose.policy import DiagnosisPolicy
from selfheal.observe.policy import ObservePolicy
from selfheal.remediate.gate_policy import GatePolicy
from selfheal.remediate.playbook import Playbook, Remedy
from selfheal.remediate.rails import Rails
from selfheal.remediate.release_policy import ReleasePolicy, Strategy
from selfheal.remediate.value_policy import ValuePolicy
from selfheal.verify.policy import RecoveryPolicy


def observe_policy(text: str) -> ObservePolicy:
    return ObservePolicy.from_json(json.loads(text))


def job_settings(text: str) -> JobSettings:
    return JobSettings(**json.loads(text))


def diagnosis_policy(text: str) -> DiagnosisPolicy:
    return DiagnosisPolicy(**json.loads(text))


def release_policy(text: str) -> ReleasePolicy:
    body: dict[str, Any] = json.loads(text)
    return ReleasePolicy(**{**body, "strategy": Strategy(body["strategy"])})


def gate_policy(text: str) -> GatePolicy:
    return GatePolicy(**json.loads(text))


def playbook(text: str) -> Playbook:
    return {Cause(cause): tuple(Remedy(r) for r in remedies) for cause, remedies in json.loads(text).items()}


def rails(text: str) -> Rails:
    return Rails.from_json(json.loads(text))


def value_policy(text: str) -> ValuePolicy:
    return ValuePolicy(**json.loads(text))


def recovery_policy(text: str) -> RecoveryPolicy:
    return RecoveryPolicy(**json.loads(text))
