"""The retrainings that the ledger tells of, and which of them brought no challenger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from selfheal.diagnose.snapshot import Retraining
from selfheal.record.ledger import Entry, EntryKind
from selfheal.remediate.playbook import Remedy

NEVER_ENDED = "its end was never written"


def retrainings(entries: Iterable[Entry], current: str) -> tuple[Retraining, ...]:
    """Retrainings in order of time, since a person closed the breaker: what failed before was looked at.

    The pipeline's failure and the gate's refusal end a retraining. A challenger that went on to its release is
    none of training's failures, whatever became of it. An incident has one retraining, and one incident is open
    at a time: where an earlier one's has neither end, no challenger came of it.

    Args:
        current: the incident that is open now.
    """
    begun: dict[str, Retraining] = {}
    ended: set[str] = set()
    for entry in entries:
        incident = entry.incident
        if entry.kind is EntryKind.BREAKER_CLOSED:
            begun.clear()
        elif entry.body.get("action") == "release":
            # Before a retraining, what an incident releases is its recalibration.
            ended.update({incident} & begun.keys())
        elif entry.body.get("remedy") != Remedy.RETRAIN.value:
            continue
        elif entry.kind is EntryKind.INTENT:
            begun.setdefault(incident, Retraining(incident=incident, at=entry.at, failure=None))
        elif entry.kind is EntryKind.OUTCOME and incident in begun and incident not in ended:
            ended.add(incident)
            if entry.body["succeeded"] is not True:
                begun[incident] = replace(begun[incident], failure=str(entry.body["reason"]))
    return tuple(
        replace(each, failure=NEVER_ENDED) if each.incident not in {*ended, current} else each
        for each in begun.values()
    )
