"""The causes that a diagnosis can name."""

from __future__ import annotations

from enum import Enum


class Cause(str, Enum):
    """Why a service degraded; the playbook maps each to a ladder of remedies."""

    BAD_RELEASE = "bad-release"
    SHARED_CAUSE = "shared-cause"
    INFRASTRUCTURE = "infrastructure"
    MONITORING_BLIND = "monitoring-blind"
    UPSTREAM_DATA = "upstream-data"
    TRAINING_FAILS = "training-fails"
    LABEL_SHIFT = "label-shift"
    HARMFUL_DRIFT = "harmful-covariate-drift"
    CONCEPT_DRIFT = "concept-drift"
    STALE_MODEL = "stale-model"
    HARMLESS_DRIFT = "harmless-covariate-drift"
    UNKNOWN = "unknown"
