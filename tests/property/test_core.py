"""What must hold of the core whatever it is given."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import NOW

from selfheal.diagnose.causes import Cause
from selfheal.observe.performance.scoring import log_loss, roc_auc
from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Incident, Outcome, Trigger
from selfheal.record.ledger import Entry, EntryKind, broken_at
from selfheal.remediate.plan import Controls, next_remedy
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.rails import Action, Mode, Rails

moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone itself
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(timezone.utc),
)


# --- scoring


@given(
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.0, 1.0])), min_size=2, max_size=100).filter(
        lambda pairs: len({label for _, label in pairs}) == 2
    )
)
def test_scores_of_any_kind_have_finite_metrics(pairs):
    scores, labels = np.array(pairs).T
    area, loss = roc_auc(scores, labels), log_loss(scores, labels)
    assert 0 <= area.value <= 1
    assert np.isfinite(area.error)
    assert np.isfinite(loss.value)
    assert abs(roc_auc(-scores, 1 - labels).value - area.value) < 1e-12


# --- planning

actions_taken = st.lists(
    st.builds(
        Action,
        remedy=st.sampled_from([Remedy.ROLLBACK, Remedy.RETRAIN]),
        incident=st.sampled_from(["i1", "i2"]),
        at=st.integers(0, 60 * 24 * 40).map(lambda minutes: NOW - timedelta(minutes=minutes)),
        succeeded=st.sampled_from([True, False, None]),
    ),
    max_size=6,
)
playbooks = st.dictionaries(
    st.sampled_from(list(Cause)), st.lists(st.sampled_from(list(Remedy)), max_size=4).map(tuple)
)


@given(
    playbooks,
    st.sampled_from(list(Cause)),
    actions_taken,
    st.sampled_from(list(Mode)),
    st.none() | st.text(max_size=5),
)
def test_every_ladder_ends_with_a_person_and_no_rung_is_taken_twice(playbook, cause, history, mode, switch):
    tried = []
    controls = Controls(mode=mode, kill_switch=switch)
    while True:
        plan = next_remedy(
            cause, tried, playbook=playbook, rails=Rails(), controls=controls, history=history, now=NOW
        )
        if plan.remedy is Remedy.ESCALATE:
            break
        assert plan.remedy not in tried
        assert plan.remedy is Remedy.WATCH or controls.stop() is None
        tried.append(plan.remedy)
        assert len(tried) <= len(Remedy)


# --- the record

texts = st.text(max_size=12)
optional_texts = st.none() | texts
incidents = st.builds(
    Incident,
    id=texts,
    endpoint=texts,
    opened_at=moments,
    trigger=st.builds(
        Trigger, kind=st.sampled_from(list(SignalKind)), subject=texts, at=moments, reason=texts
    ),
    cause=st.none() | st.sampled_from(list(Cause)),
    evidence=st.lists(texts, max_size=2).map(tuple),
    ruled_out=st.lists(texts, max_size=2).map(tuple),
    tried=st.lists(st.sampled_from(list(Remedy)), max_size=3).map(tuple),
    champion_before=optional_texts,
    champion_after=optional_texts,
    training=optional_texts,
    candidate=optional_texts,
    deployment=st.none() | st.dictionaries(texts, texts, max_size=2),
    acted_at=st.none() | moments,
    mitigated_at=st.none() | moments,
    verified_at=st.none() | moments,
    outcome=st.none() | st.sampled_from(list(Outcome)),
    notes=st.lists(texts, max_size=2).map(tuple),
)


@given(incidents)
def test_an_incident_survives_json(incident):
    assert Incident.from_json(json.loads(json.dumps(incident.to_json()))) == incident


@given(incidents, st.text(max_size=20))
def test_an_idempotency_key_has_the_length_that_sagemaker_demands(incident, step):
    assert 32 <= len(incident.idempotency_key(step)) <= 128


bodies = st.dictionaries(
    texts,
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | texts
    | st.lists(texts, max_size=2),
    max_size=3,
)
parts = st.lists(
    st.tuples(moments, st.sampled_from(["i1", "i2"]), st.sampled_from(list(EntryKind)), bodies),
    min_size=2,
    max_size=8,
)


def build(drawn):
    chain = []
    for at, incident, kind, body in drawn:
        chain.append(
            Entry.after(chain[-1] if chain else None, at=at, incident=incident, kind=kind, body=body)
        )
    return chain


@given(parts)
def test_a_chain_is_whole_also_after_storage(drawn):
    chain = build(drawn)
    assert broken_at(chain) is None
    assert broken_at(Entry.from_json(json.loads(json.dumps(entry.to_json()))) for entry in chain) is None


@given(parts, st.data())
def test_a_missing_or_moved_entry_is_found(drawn, data):
    chain = build(drawn)
    place = data.draw(st.integers(0, len(chain) - 2))
    missing = chain[:place] + chain[place + 1 :]
    assert broken_at(missing) is not None
    order = data.draw(st.permutations(chain))
    assert (broken_at(order) is None) == (order == chain)


@given(parts, st.data())
def test_an_altered_or_relinked_entry_is_found(drawn, data):
    chain = build(drawn)
    place = data.draw(st.integers(0, len(chain) - 2))
    altered = replace(chain[place], body={**chain[place].body, "forged": True})
    assert "altered" in broken_at([*chain[:place], altered, *chain[place + 1 :]])
    forged = Entry.after(
        chain[place - 1] if place else None,
        at=altered.at,
        incident=altered.incident,
        kind=altered.kind,
        body=altered.body,
    )
    assert "does not follow" in broken_at([*chain[:place], forged, *chain[place + 1 :]])
