"""Whatever the ledger holds: it can be told and measured, and every decision follows from it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from unit.record.ledgers import Writer
from unit.samples import NOW

from selfheal.diagnose.causes import Cause
from selfheal.observe.signals import SignalKind
from selfheal.record.episode import State, episodes
from selfheal.record.explanation import explain
from selfheal.record.incident import Outcome
from selfheal.record.ledger import EntryKind, actions, openings
from selfheal.record.replay import replay
from selfheal.record.returns import measure
from selfheal.remediate.plan import Controls, next_remedy
from selfheal.remediate.playbook import DEFAULT_PLAYBOOK, Remedy, ladder
from selfheal.remediate.rails import Mode, Rails, recurrences
from selfheal.verdict import Verdict

INCIDENTS = st.sampled_from(["i1", "i2", "i3"])
REMEDIES = st.sampled_from(list(Remedy))
PACKAGES = st.sampled_from(["p1", "p2"])

# One entry, as a function of a writer and a time: in any order, as retries and interleaved workflows make them.
ENTRIES = st.one_of(
    st.builds(lambda i, k: lambda w, t: w.opened(t, i, k), INCIDENTS, st.sampled_from(list(SignalKind))),
    st.builds(lambda i: lambda w, t: w.attached(t, i), INCIDENTS),
    st.builds(lambda i, c: lambda w, t: w.diagnosed(t, i, c.value), INCIDENTS, st.sampled_from(list(Cause))),
    st.builds(lambda i, r: lambda w, t: w.planned(t, i, r.value), INCIDENTS, REMEDIES),
    st.builds(lambda i, p, c: lambda w, t: w.began_rollback(t, i, p, c), INCIDENTS, PACKAGES, st.booleans()),
    st.builds(lambda i: lambda w, t: w.began_retrain(t, i), INCIDENTS),
    st.builds(
        lambda i, r, a, s, p: lambda w, t: w.ended(t, i, r.value, a, s, p),
        INCIDENTS,
        REMEDIES,
        st.sampled_from([None, "release", "rollback"]),
        st.booleans(),
        PACKAGES,
    ),
    st.builds(lambda i, v: lambda w, t: w.verified(t, i, v.value), INCIDENTS, st.sampled_from(list(Verdict))),
    st.builds(lambda i, o: lambda w, t: w.closed(t, i, o.value), INCIDENTS, st.sampled_from(list(Outcome))),
    st.builds(lambda i: lambda w, t: w.abandoned(t, i), INCIDENTS),
    st.builds(lambda i, k: lambda w, t: w.add(t, i, EntryKind(k)), INCIDENTS, st.text(min_size=1)),
)


def write(steps):
    writer = Writer()
    for minutes, step in enumerate(steps):
        step(writer, minutes)
    return writer


@given(st.lists(ENTRIES, max_size=30))
def test_every_ledger_can_be_told_and_measured(steps):
    writer = write(steps)
    told = episodes(writer.entries)
    opened = {entry.incident for entry in writer.entries if entry.kind is EntryKind.OPENED}
    assert {episode.id for episode in told} == opened
    assert sum(len(e.moments) for e in told) == sum(e.incident in opened for e in writer.entries)
    for episode in told:
        assert episode.id in explain(episode).splitlines()[0]
        assert (episode.times.ended is None) == (episode.state is State.OPEN)
    returns = measure(told)
    assert sum(returns.incidents.values()) == len(told)
    assert returns.time_to_recover.count >= returns.recovered_from_onset
    for share in (returns.auto_resolved, returns.false_actions, *(t.succeeded for t in returns.tracks)):
        assert share.count <= share.total
        assert (share.share is None) == (share.total == 0)
        assert share.share is None or 0 <= share.low <= share.share <= share.high <= 1


@given(
    st.lists(ENTRIES, max_size=15),
    st.sampled_from(list(Cause)),
    st.lists(REMEDIES, max_size=2),
    st.builds(
        Rails,
        rollback_cooldown_minutes=st.integers(0, 60),
        rollbacks_per_day=st.integers(0, 2),
        retrains_per_day=st.integers(0, 2),
        failures_to_open_breaker=st.integers(1, 3),
        flapping_incidents=st.integers(2, 4),
    ),
    st.builds(Controls, mode=st.sampled_from(list(Mode)), kill_switch=st.none() | st.text(min_size=1)),
    st.lists(st.text(min_size=1), max_size=4),
)
def test_a_decision_follows_from_the_ledger_whatever_came_before_and_after(
    steps, cause, tried, rails, controls, changing
):
    writer = write([lambda w, t: w.opened(t, "i1"), *steps])
    now, opened = NOW + timedelta(minutes=len(steps) + 1), openings(writer.entries)
    history, recurring = actions(writer.entries), recurrences(opened[0], opened, now)
    rungs = ladder(DEFAULT_PLAYBOOK, cause)
    plan = next_remedy(
        cause,
        tried,
        playbook=DEFAULT_PLAYBOOK,
        rails=rails,
        controls=controls,
        history=history,
        now=now,
        recurring=recurring,
        changing=changing,
    )
    body = {
        "cause": cause.value,
        "tried": [remedy.value for remedy in tried],
        "playbook": [remedy.value for remedy in rungs],
        "rails": asdict(rails),
        "mode": controls.mode.value,
        "kill_switch": controls.kill_switch,
        "history": len(history),
        "recurring": recurring,
        "economics": None,
        "changing": changing,
        "reason": plan.reason,
    }
    writer.planned(len(steps) + 1, "i1", plan.remedy.value, plan.stopped, **body)
    writer.began_retrain(len(steps) + 2, "i1")
    assert replay(writer.entries)[-1].verdict is Verdict.PASS
    wrong = next(remedy for remedy in Remedy if remedy is not plan.remedy)
    writer.planned(len(steps) + 1, "i1", wrong.value, plan.stopped, **{**body, "history": len(history)})
    assert replay(writer.entries)[-1].verdict is Verdict.FAIL
