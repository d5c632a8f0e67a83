"""What the functions really write can be read: told, measured and decided again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selfheal.aws.report_store import ReportStore
from selfheal.diagnose.causes import Cause
from selfheal.observe.signals import SignalKind, Status
from selfheal.record.episode import State, episodes
from selfheal.record.explanation import explain
from selfheal.record.replay import replay
from selfheal.record.returns import measure
from selfheal.remediate.playbook import Remedy
from selfheal.verdict import Verdict
from unit.account import MODE_PARAMETER, NAME
from unit.lambdas.conftest import function, step  # noqa: F401 - fixtures
from unit.lambdas.episodes import alarm
from unit.lambdas.test_rollback_and_settle import UPDATED, released  # noqa: F401 - fixture
from unit.remediate.test_quarantine import report
from unit.samples import NOW, signal


@pytest.fixture
def through(account, function, step):  # noqa: F811
    """One function after the other, each with the answer of the one before, at minutes after NOW."""
    account.calls.answers["UpdateEndpoint"] = UPDATED
    topic, _ = account.topic()
    machine = account.state_machine()

    def run(state, *tasks):
        for minutes, folder in tasks:
            at = NOW + timedelta(minutes=minutes)
            state = function(folder, topic=topic, incident_machine=machine)(step(state, at=at))
        return state

    return run


def test_an_incident_that_was_handed_over(account, through):
    account.champion()
    account.alarm("flights-latency")
    account.set(MODE_PARAMETER, "observe")
    opened = [(0, "diagnose.open_incident"), (1, "diagnose.diagnose"), (2, "remediate.plan")]
    through(alarm(), *opened, (3, "record.record"))
    entries = list(account.table.entries())
    (episode,) = episodes(entries)
    assert (episode.state, episode.unread, episode.attempts) == (State.ESCALATED, (), ())
    assert "Decision: hand over to people." in explain(episode)
    assert [decision.verdict for decision in replay(entries)] == [Verdict.PASS]
    assert measure([episode]).auto_resolved.count == 0


def test_an_incident_that_was_healed(account, through, released):  # noqa: F811
    diagnosis = {
        "cause": Cause.BAD_RELEASE.value,
        "evidence": ["latency began"],
        "blamed_release": "flights-new",
    }
    state = through(alarm(), (0, "diagnose.open_incident"))
    state["incident"] |= diagnosis
    state = through(state, (2, "remediate.plan"), (3, "remediate.rollback"))
    account.endpoint_is(config="flights-first")
    account.calls.answers["DescribeAlarms"] = {"MetricAlarms": []}
    state = through(state, (8, "remediate.settle"), (10, "verify.verify"))
    sound = signal(SignalKind.DATA_DRIFT, Status.OK)
    ReportStore(account.objects, NAME).save(report(0, sound), {})  # ten minutes after NOW
    through(state, (40, "verify.verify"), (41, "record.record"))
    entries = list(account.table.entries())
    (episode,) = episodes(entries)
    assert (episode.state, episode.unread) == (State.RESOLVED, ())
    (attempt,) = episode.attempts
    assert (attempt.remedy, attempt.result, attempt.changed) == (Remedy.ROLLBACK, Verdict.PASS, True)
    spans = [at - NOW for at in (episode.times.acted, episode.times.mitigated, episode.times.verified)]
    assert [span / timedelta(minutes=1) for span in spans] == [3, 8, 40]
    text = explain(episode)
    assert "Began: rollback of flights/2, asking for endpoint config flights-first." in text
    assert "It needs nothing from you." in text
    assert [decision.verdict for decision in replay(entries)] == [Verdict.PASS]
    returns = measure([episode])
    assert (returns.time_to_recover.count, returns.false_actions.count) == (1, 0)
