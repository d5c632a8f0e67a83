"""What is no step of a workflow is refused by every task of one."""

from __future__ import annotations

import pytest

from lambdas.runtime import UnknownEvent

WORKFLOW_STEPS = [
    "diagnose.open_incident",
    "diagnose.diagnose",
    "remediate.plan",
    "remediate.rollback",
    "remediate.retrain",
    "remediate.candidate",
    "remediate.admit",
    "remediate.release",
    "remediate.park",
    "remediate.settle",
    "verify.verify",
    "record.record",
]


@pytest.mark.parametrize("folder", WORKFLOW_STEPS)
@pytest.mark.parametrize(
    "event", [{}, [], {"detail-type": "Anything", "detail": {}}, {"at": "now", "execution": "e"}]
)
def test_what_is_no_workflow_step_is_refused_and_nothing_is_done(account, function, folder, event):
    account.champion()
    invoke = function(folder, incident_machine="arn:machine", topic="arn:topic")
    with pytest.raises(UnknownEvent, match="not a workflow step"):
        invoke(event)
    assert account.calls.made == []
