"""The playbook: from a cause to an ordered ladder of remedies."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from selfheal.diagnose.causes import Cause


class Remedy(str, Enum):
    """What healing can do; every remedy is one branch of the incident workflow."""

    ROLLBACK = "rollback"
    RETRAIN = "retrain"
    QUARANTINE = "quarantine"
    WATCH = "watch"
    ESCALATE = "escalate"

    @property
    def changes_model(self) -> bool:
        """Whether it changes which model serves: what the rails count, and what can do harm."""
        return self in (Remedy.ROLLBACK, Remedy.RETRAIN)


Playbook = Mapping[Cause, tuple[Remedy, ...]]

# Retraining appears only where the inputs are sound: a model trained on broken data is worse than none.
DEFAULT_PLAYBOOK: Playbook = {
    Cause.BAD_RELEASE: (Remedy.ROLLBACK, Remedy.ESCALATE),
    Cause.SHARED_CAUSE: (Remedy.ESCALATE,),
    Cause.INFRASTRUCTURE: (Remedy.ESCALATE,),
    Cause.MONITORING_BLIND: (Remedy.ESCALATE,),
    Cause.UPSTREAM_DATA: (Remedy.QUARANTINE, Remedy.ESCALATE),
    Cause.TRAINING_FAILS: (Remedy.ESCALATE,),
    Cause.LABEL_SHIFT: (Remedy.RETRAIN, Remedy.ESCALATE),
    Cause.CONCEPT_DRIFT: (Remedy.RETRAIN, Remedy.ESCALATE),
    Cause.HARMFUL_DRIFT: (Remedy.RETRAIN, Remedy.ESCALATE),
    Cause.STALE_MODEL: (Remedy.RETRAIN, Remedy.ESCALATE),
    Cause.HARMLESS_DRIFT: (Remedy.WATCH,),
    Cause.UNKNOWN: (Remedy.ESCALATE,),
}


def ladder(playbook: Playbook, cause: Cause) -> tuple[Remedy, ...]:
    """The remedies for a cause, in order. A person always stands at the end of the ladder."""
    rungs = playbook.get(cause, ())
    ends = (Remedy.ESCALATE, Remedy.WATCH)
    return rungs if rungs and rungs[-1] in ends else (*rungs, Remedy.ESCALATE)
