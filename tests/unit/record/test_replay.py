"""Decisions made again from the ledger: the same, another, or not to be told."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest

from selfheal.diagnose.causes import Cause
from selfheal.record.ledger import EntryKind, actions, openings
from selfheal.record.replay import replay
from selfheal.remediate.economics import unstated_value
from selfheal.remediate.plan import Controls, next_remedy
from selfheal.remediate.playbook import DEFAULT_PLAYBOOK, Remedy, ladder
from selfheal.remediate.rails import Mode, Rails, recurrences
from selfheal.remediate.value_policy import ValuePolicy
from selfheal.verdict import Verdict
from unit.record.ledgers import Writer
from unit.samples import NOW


def decide(
    writer, minutes, incident, cause=Cause.BAD_RELEASE, tried=(), mode=Mode.ACT, switch=None, changing=()
):
    """Plan as the planner does, and write it down; returns the body that was written."""
    at, history, opened = NOW + timedelta(minutes=minutes), actions(writer.entries), openings(writer.entries)
    own = next(opening for opening in opened if opening.incident == incident)
    economics = unstated_value(ValuePolicy()) if Remedy.RETRAIN in ladder(DEFAULT_PLAYBOOK, cause) else None
    plan = next_remedy(
        cause,
        tried,
        playbook=DEFAULT_PLAYBOOK,
        rails=Rails(),
        controls=Controls(mode=mode, kill_switch=switch),
        history=history,
        now=at,
        recurring=recurrences(own, opened, at),
        economics=economics,
        changing=changing,
    )
    body = {
        "remedy": plan.remedy.value,
        "reason": plan.reason,
        "stopped": list(plan.stopped),
        "cause": cause.value,
        "tried": [remedy.value for remedy in tried],
        "mode": mode.value,
        "kill_switch": switch,
        "playbook": [remedy.value for remedy in ladder(DEFAULT_PLAYBOOK, cause)],
        "rails": asdict(Rails()),
        "history": len(history),
        "recurring": recurrences(own, opened, at),
        "economics": economics.to_json() if economics else None,
        "changing": list(changing),
    }
    writer.add(minutes, incident, EntryKind.PLANNED, **body)
    return body


def verdicts(writer):
    return [decision.verdict for decision in replay(writer.entries)]


def altered(change):
    """A ledger whose one decision was written otherwise than it was made."""
    writer = Writer().opened(0, "i1")
    body = {**decide(writer, 1, "i1"), **change}
    writer.entries.pop()
    return writer.add(1, "i1", EntryKind.PLANNED, **{k: v for k, v in body.items() if v != "left out"})


def test_without_decisions_there_is_nothing_to_replay():
    assert replay([]) == ()
    assert replay(Writer().opened(0, "i1").diagnosed(1, "i1").entries) == ()


def test_a_decision_that_the_fleet_stopped_follows_from_who_was_being_changed():
    writer = Writer().opened(0, "i1")
    body = decide(writer, 1, "i1", changing=("a", "b", "c"))
    assert body["remedy"] == "escalate"
    assert "a, b, c are being changed" in body["stopped"][0]
    assert verdicts(writer) == [Verdict.PASS]


def test_decisions_follow_from_what_was_done_before_them():
    writer = Writer()
    for number, minutes in enumerate((0, 60, 120), start=1):
        incident = f"i{number}"
        writer.opened(minutes, incident, subject=f"alarm-{number}")
        decide(writer, minutes + 1, incident)
        writer.began_rollback(minutes + 2, incident).ended(minutes + 3, incident, "rollback", "rollback")
    planned = [e.body for e in writer.entries if e.kind is EntryKind.PLANNED]
    assert [body["remedy"] for body in planned] == ["rollback", "rollback", "escalate"]
    assert "budget" in planned[-1]["stopped"][0]
    assert verdicts(writer) == [Verdict.PASS] * 3


def test_what_comes_after_a_decision_does_not_change_it():
    writer = Writer().opened(0, "i1")
    decide(writer, 1, "i1")
    writer.began_rollback(2, "i1").ended(3, "i1", "rollback", succeeded=False).opened(4, "i2").opened(5, "i3")
    assert verdicts(writer) == [Verdict.PASS]


def test_flapping_is_counted_from_the_openings():
    writer = Writer()
    for number in range(3):
        writer.opened(number, f"i{number}")
    assert decide(writer, 10, "i2")["remedy"] == "escalate"
    assert verdicts(writer) == [Verdict.PASS]


@pytest.mark.parametrize(
    "how",
    [
        {"cause": Cause.CONCEPT_DRIFT},
        {"cause": Cause.HARMLESS_DRIFT},
        {"cause": Cause.UNKNOWN},
        {"tried": (Remedy.ROLLBACK,)},
        {"mode": Mode.RECOMMEND},
        {"switch": "kim: the feed is being mended"},
    ],
    ids=str,
)
def test_whatever_it_was_decided_from_is_in_the_entry(how):
    writer = Writer().opened(0, "i1")
    decide(writer, 1, "i1", **how)
    assert verdicts(writer) == [Verdict.PASS]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"remedy": "escalate"}, "remedy: 'escalate' is written, 'rollback' follows"),
        ({"reason": "it felt right"}, "reason"),
        ({"stopped": ["retrain: too dear"]}, "stopped"),
        ({"mode": "observe"}, "remedy: 'rollback' is written, 'escalate' follows"),
        ({"kill_switch": "kim"}, "remedy"),
        ({"tried": ["rollback"]}, "remedy"),
        ({"cause": "unknown", "playbook": ["escalate"]}, "remedy"),
        ({"history": 7}, "actions before it: 7 is written, 0 follows"),
        ({"recurring": 2}, "incidents of its alarm within a day: 2 is written, 1 follows"),
        ({"rails": {**asdict(Rails()), "rollbacks_per_day": 0}}, "remedy"),
    ],
    ids=str,
)
def test_a_decision_that_does_not_follow_is_found_and_named(change, name):
    (decision,) = replay(altered(change).entries)
    assert decision.verdict is Verdict.FAIL
    assert name in decision.reason
    assert (decision.seq, decision.incident) == (2, "i1")


@pytest.mark.parametrize(
    "field",
    [
        "cause",
        "tried",
        "mode",
        "kill_switch",
        "playbook",
        "rails",
        "history",
        "recurring",
        "economics",
        "changing",
    ],
)
def test_an_entry_that_lacks_what_it_was_decided_from_is_inconclusive(field):
    (decision,) = replay(altered({field: "left out"}).entries)
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert f"'{field}' is missing" in decision.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cause": "gremlins"}, "'gremlins'"),
        (
            {"rails": {"rollbacks_per_day": 2}},
            "rails differ from those of this version by approval, failures_to_open",
        ),
        ({"rails": {**asdict(Rails()), "luck": 1}}, "rails differ from those of this version by luck"),
        ({"rails": {**asdict(Rails()), "rollbacks_per_day": -1}}, "rollbacks_per_day"),
        ({"playbook": ["pray", "escalate"]}, "'pray'"),
        ({"economics": {"verdict": "PASS"}}, "missing"),
    ],
    ids=str,
)
def test_terms_of_another_version_are_inconclusive_and_never_replaced_by_a_default(change, reason):
    (decision,) = replay(altered(change).entries)
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert reason in decision.reason


def test_a_plan_for_an_incident_that_nothing_opened_is_inconclusive():
    writer = altered({})
    writer.entries.pop(0)
    (decision,) = replay(writer.entries)
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert "opened incident i1" in decision.reason


def test_a_quarantine_follows_from_the_ledger_whatever_the_rails_count():
    writer = Writer().opened(0, "i1").opened(1, "i2").opened(2, "i3")
    for n, incident in enumerate(("i1", "i2", "i3")):
        assert decide(writer, 3 + n, incident, Cause.UPSTREAM_DATA)["remedy"] == "quarantine"
        writer.add(3 + n, incident, EntryKind.INTENT, remedy="quarantine", changed=True)
        writer.ended(3 + n, incident, "quarantine", succeeded=False)
    assert decide(writer, 9, "i3", Cause.UPSTREAM_DATA, (Remedy.QUARANTINE,))["remedy"] == "escalate"
    assert decide(writer, 10, "i3", Cause.BAD_RELEASE)["history"] == 0
    assert set(verdicts(writer)) == {Verdict.PASS}
