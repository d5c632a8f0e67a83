"""Functions as they are deployed: an environment, and nothing remembered from one test to the next."""

from __future__ import annotations

import functools
import importlib
import json
import sys

import pytest

from selfheal.diagnose.policy import DiagnosisPolicy
from selfheal.observe.policy import ObservePolicy, PerformancePolicy
from selfheal.remediate.playbook import DEFAULT_PLAYBOOK
from selfheal.remediate.rails import Rails
from selfheal.remediate.release_policy import ReleasePolicy
from selfheal.remediate.value_policy import ValuePolicy
from selfheal.settings import policy_json
from selfheal.verify.policy import RecoveryPolicy
from unit.account import (
    BUCKET,
    CHAMPION_PARAMETER,
    IMAGE,
    MODE_PARAMETER,
    NAME,
    ROLE,
    SWITCH_PARAMETER,
    TABLE,
    VARIANT,
)
from unit.samples import NOW

ENVIRONMENT = {
    "SELFHEAL_ENDPOINT": NAME,
    "SELFHEAL_VARIANT": VARIANT,
    "SELFHEAL_TABLE": TABLE,
    "SELFHEAL_BUCKET": BUCKET,
    "SELFHEAL_CHAMPION_PARAMETER": CHAMPION_PARAMETER,
    "SELFHEAL_MODE_PARAMETER": MODE_PARAMETER,
    "SELFHEAL_KILL_SWITCH_PARAMETER": SWITCH_PARAMETER,
    "SELFHEAL_SERVING_ROLE": ROLE,
    "SELFHEAL_PIPELINE": "flights-retraining",
    "SELFHEAL_OBSERVE_POLICY": policy_json(
        ObservePolicy(performance=PerformancePolicy(min_labels=50, mature_hours=0))
    ),
    "SELFHEAL_PROFILE_JOB": json.dumps(
        {
            "role_arn": "arn:aws:iam::123456789012:role/profile-jobs",
            "image_uri": IMAGE,
            "spark_image_uri": "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5",
            "source_uri": "s3://assets/source.tar.gz",
            "kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/0a1b",
            "volume_kms_key_arn": None,
            "instance_type": "ml.m5.xlarge",
            "volume_gb": 30,
            "max_run_minutes": 50,
        }
    ),
    "SELFHEAL_DIAGNOSIS_POLICY": policy_json(DiagnosisPolicy()),
    "SELFHEAL_RELEASE_POLICY": policy_json(ReleasePolicy()),
    "SELFHEAL_RECOVERY_POLICY": policy_json(RecoveryPolicy(min_labels=50)),
    "SELFHEAL_PLAYBOOK": policy_json(dict(DEFAULT_PLAYBOOK)),
    "SELFHEAL_RAILS": policy_json(Rails()),
    "SELFHEAL_VALUE_POLICY": policy_json(ValuePolicy()),
    "SELFHEAL_WORSE_PERCENT": "15.0",
    "SELFHEAL_SAMPLING_PERCENT": "100",
    "SELFHEAL_MAX_INSTANCE_COUNT": "4",
    "SELFHEAL_SCALE_STEP_PERCENT": "50.0",
    "POWERTOOLS_SERVICE_NAME": NAME,
    "POWERTOOLS_METRICS_NAMESPACE": "Selfheal",
}


@pytest.fixture
def function(account, monkeypatch):
    """A function by its folder, as Lambda would call it."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def load(folder, entry="handle", **environment):
        for name, value in environment.items():
            monkeypatch.setenv(f"SELFHEAL_{name.upper()}", value)
        module = importlib.import_module(f"lambdas.{folder}.handler")
        handler = getattr(module, entry)

        def invoke(event):
            account.calls.forget()
            # Lambda hands over JSON and takes JSON.
            return json.loads(json.dumps(handler(json.loads(json.dumps(event)), None)))

        return invoke

    yield load
    for name in [name for name in sys.modules if name.startswith("lambdas.")]:
        for value in vars(sys.modules[name]).values():
            if isinstance(value, functools._lru_cache_wrapper):
                value.cache_clear()


@pytest.fixture
def step(account):
    """A task of a workflow, as the state machine sends it. An incident without a fencing token is given the lease."""

    def make(state, at=NOW, token=None, **more):
        incident = state.get("incident") if isinstance(state, dict) else None
        if incident and incident.get("fencing_token", "") is None:
            state = {**state, "incident": account.hold(incident)}
        event = {"at": at.isoformat(), "execution": "execution-1", "input": state, **more}
        return event if token is None else {**event, "token": token}

    return make
