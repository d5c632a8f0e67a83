"""Healing survives its own infrastructure: thousands of interleavings of everything that may happen to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from machine.campaign import Campaign
from machine.invocations import Fault
from machine.template import Deployed

INTERLEAVINGS = 2000
# No function answers what no branch knows; and the account of these tests holds no labelled answers to recalibrate on.
UNREACHED = {"Escalate", "Recalibrate", "RecalibrateNext", "Approve", "ApproveNext"}


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch, deployed: Deployed) -> Iterator[None]:
    monkeypatch.setattr(Campaign, "deployed", deployed, raising=False)
    yield
    Campaign.counts.clear()


def test_thousands_of_interleavings(deployed: Deployed) -> None:
    """The same ones each time; `make soak` looks for others."""
    how = settings(
        max_examples=INTERLEAVINGS,
        stateful_step_count=25,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    run_state_machine_as_test(Campaign, settings=how)
    counts = Campaign.counts
    assert counts["interleavings"] >= INTERLEAVINGS
    states = {name for machine in deployed.machines.values() for name in machine.states}
    visited = {name.removeprefix("state ") for name in counts if name.startswith("state ")}
    assert visited >= states - UNREACHED, "a state that no interleaving came to is not tested"
    for fault in Fault:
        assert counts[f"fault: {fault.name.lower().replace('_', ' ')}"] > 100
