"""From a snapshot to a cause, by ordered rules that can be read aloud.

The first rule that explains the snapshot gives the cause; every rule before it says why it does not. What
can be undone comes first, what the model cannot be blamed for comes next, and the model comes last: most
outages of machine-learning systems are not the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selfheal.diagnose.causes import Cause
from selfheal.diagnose.model_rules import (
    concept_drift,
    harmful_drift,
    harmless_drift,
    label_shift,
    stale_model,
    training_fails,
)
from selfheal.diagnose.policy import DiagnosisPolicy
from selfheal.diagnose.rule import Rule
from selfheal.diagnose.service_rules import (
    bad_release,
    infrastructure,
    labels_stopped,
    shared_cause,
    traffic_unseen,
    upstream_data,
)
from selfheal.diagnose.snapshot import Snapshot

RULES: Sequence[tuple[Cause, Rule]] = (
    (Cause.BAD_RELEASE, bad_release),
    (Cause.SHARED_CAUSE, shared_cause),
    (Cause.INFRASTRUCTURE, infrastructure),
    (Cause.MONITORING_BLIND, traffic_unseen),
    (Cause.UPSTREAM_DATA, upstream_data),
    (Cause.MONITORING_BLIND, labels_stopped),
    (Cause.TRAINING_FAILS, training_fails),
    (Cause.LABEL_SHIFT, label_shift),
    (Cause.HARMFUL_DRIFT, harmful_drift),
    (Cause.CONCEPT_DRIFT, concept_drift),
    (Cause.STALE_MODEL, stale_model),
    (Cause.HARMLESS_DRIFT, harmless_drift),
)


@dataclass(frozen=True)
class Diagnosis:
    """A cause, what speaks for it, and what was ruled out on the way (rule: reason).

    Attributes:
        blamed_release: endpoint config of the release that is to blame, where one is.
    """

    cause: Cause
    evidence: tuple[str, ...]
    ruled_out: tuple[str, ...]
    blamed_release: str | None = None


def diagnose(snapshot: Snapshot, policy: DiagnosisPolicy) -> Diagnosis:
    """The first cause that explains the snapshot; `UNKNOWN` where none does."""
    ruled_out: list[str] = []
    for cause, rule in RULES:
        finding = rule(snapshot, policy)
        if not isinstance(finding, str):
            blamed = snapshot.release if cause is Cause.BAD_RELEASE else None
            return Diagnosis(cause, finding, tuple(ruled_out), blamed.config if blamed else None)
        ruled_out.append(f"{cause.value}: {finding}")
    evidence = tuple(signal.reason for signal in snapshot.signals if signal.status.value != "OK")
    return Diagnosis(Cause.UNKNOWN, evidence, tuple(ruled_out))
