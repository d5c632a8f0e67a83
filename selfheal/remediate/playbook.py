"""The playbook: from a cause to an ordered ladder of remedies."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from selfheal.diagnose.causes import Cause


class Remedy(str, Enum):
    """What healing can do; every remedy is one branch of the incident workflow."""

    ROLLBACK = "rollback"
    RECALIBRATE = "recalibrate"
    REACTIVATE = "reactivate"
    RETRAIN = "retrain"
    QUARANTINE = "quarantine"
    SCALE = "scale"
    REPLACE = "replace"
    FALL_BACK = "fall-back"
    WATCH = "watch"
    ESCALATE = "escalate"

    @property
    def changes_model(self) -> bool:
        """Whether it changes which model serves: what can do the most harm."""
        return self in (
            Remedy.ROLLBACK,
            Remedy.RECALIBRATE,
            Remedy.REACTIVATE,
            Remedy.RETRAIN,
            Remedy.FALL_BACK,
        )

    @property
    def changes_service(self) -> bool:
        """Whether it deploys to the endpoint, be it another model or what the model runs on: what rails judge."""
        return self.changes_model or self in (Remedy.SCALE, Remedy.REPLACE)


Playbook = Mapping[Cause, tuple[Remedy, ...]]

# Retraining appears only where the inputs are sound: a model trained on broken data is worse than none.
DEFAULT_PLAYBOOK: Playbook = {
    Cause.BAD_RELEASE: (Remedy.ROLLBACK, Remedy.ESCALATE),
    Cause.SHARED_CAUSE: (Remedy.ESCALATE,),
    # From what changes least to what changes the model, and each only where it applies (`remediate/service.py`).
    Cause.INFRASTRUCTURE: (Remedy.SCALE, Remedy.REPLACE, Remedy.FALL_BACK, Remedy.ESCALATE),
    Cause.MONITORING_BLIND: (Remedy.ESCALATE,),
    Cause.UPSTREAM_DATA: (Remedy.QUARANTINE, Remedy.ESCALATE),
    Cause.TRAINING_FAILS: (Remedy.ESCALATE,),
    # The order is right: it takes no training to say how sure to be of it.
    Cause.LABEL_SHIFT: (Remedy.RECALIBRATE, Remedy.RETRAIN, Remedy.ESCALATE),
    # The world may have turned back to what the model before knew.
    Cause.CONCEPT_DRIFT: (Remedy.REACTIVATE, Remedy.RETRAIN, Remedy.ESCALATE),
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
