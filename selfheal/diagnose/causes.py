"""The causes that a diagnosis can name."""

from __future__ import annotations

from enum import Enum


class Cause(str, Enum):
    """Why a service degraded; the playbook maps each to a ladder of remedies."""

    BAD_RELEASE = "bad-release"
    INFRASTRUCTURE = "infrastructure"
    UPSTREAM_DATA = "upstream-data"
    CONCEPT_DRIFT = "concept-drift"
    HARMFUL_DRIFT = "harmful-covariate-drift"
    HARMLESS_DRIFT = "harmless-covariate-drift"
    UNKNOWN = "unknown"
