"""What must hold of the core whatever it is given."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from unit.samples import CHAMPION, NOW, baseline, capture_record

from selfheal.diagnose.causes import Cause
from selfheal.observe.baseline import Column, Feature, NumericBins, merge
from selfheal.observe.capture import read_capture, read_outcomes
from selfheal.observe.hours import observe_hour
from selfheal.observe.kolmogorov_smirnov import ks_distance
from selfheal.observe.scoring import log_loss, roc_auc
from selfheal.observe.signals import SignalKind
from selfheal.observe.stability_index import align_categories, group_bins, stability_index
from selfheal.record.incident import Incident, Outcome, Trigger
from selfheal.record.ledger import Entry, EntryKind, broken_at
from selfheal.remediate.plan import Controls, next_remedy
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.rails import Action, Mode, Rails

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
any_float = st.floats(width=32)
moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone itself
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(timezone.utc),
)
scalars = st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=20)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "captureData",
                    "eventMetadata",
                    "endpointInput",
                    "endpointOutput",
                    "data",
                    "encoding",
                    "eventId",
                    "inferenceTime",
                    "groundTruthData",
                    "predictions",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


# --- profiles


@st.composite
def numeric_columns(draw, count):
    bins = NumericBins.of(np.array(draw(st.lists(finite, min_size=1, max_size=30))))
    feature = Feature("x", bins)
    samples = [np.array(draw(st.lists(any_float, max_size=30)), dtype=float) for _ in range(count)]
    return feature, samples, [feature.count(values) for values in samples]


def same(one, other):
    return one.missing == other.missing and np.array_equal(one.counts, other.counts)


@given(numeric_columns(3))
def test_numeric_columns_add_up_whatever_the_order(drawn):
    feature, samples, (a, b, c) = drawn
    assert same((a + b) + c, a + (b + c))
    assert same(a + b, b + a)
    assert same(a + b + c, feature.count(np.concatenate(samples)))


@given(st.lists(st.lists(st.none() | st.sampled_from("abcd"), max_size=20), min_size=3, max_size=3))
def test_categorical_columns_add_up_whatever_the_order(samples):
    feature = Feature("c", None)
    a, b, c = (feature.count(values) for values in samples)
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + b + c == feature.count([value for values in samples for value in values])


@given(numeric_columns(4), st.permutations(range(4)))
def test_profiles_merge_in_any_order_to_the_same_bits(drawn, order):
    _, _, columns = drawn
    profiles = [{"x": column} for column in columns]
    straight, shuffled = merge(profiles), merge([profiles[place] for place in order])
    assert json.dumps(straight["x"].to_json()) == json.dumps(shuffled["x"].to_json())


@given(numeric_columns(1))
def test_no_row_is_lost_between_bins(drawn):
    _, (values,), (column,) = drawn
    assert column.rows == values.size
    assert column.missing == np.count_nonzero(~np.isfinite(values))
    assert same(Column.from_json(json.loads(json.dumps(column.to_json()))), column)


# --- statistics


@given(st.lists(st.integers(0, 12), min_size=1, max_size=200), st.data())
def test_on_few_distinct_values_the_distance_is_scipys(reference, data):
    # A window of values that training had, or that lie beyond all of them: no bin hides anything.
    values = st.sampled_from([-1, 99, *reference])
    window = np.array(data.draw(st.lists(values, min_size=1, max_size=200)), dtype=float)
    training = np.array(reference, dtype=float)
    bins = NumericBins.of(training)
    distance, low = ks_distance(bins.count(training), bins.count(window), alpha=0.05)
    assert abs(distance - ks_2samp(training, window).statistic) < 1e-12
    assert 0 <= low <= distance <= 1


counts = st.lists(st.integers(0, 500), min_size=2, max_size=40)


@given(st.data(), st.floats(1e-9, 0.999))
def test_the_bound_is_never_above_the_distance(data, alpha):
    reference = np.array(data.draw(counts.filter(any)))
    window = np.array(
        data.draw(st.lists(st.integers(0, 500), min_size=len(reference), max_size=len(reference)).filter(any))
    )
    distance, low = ks_distance(reference, window, alpha)
    assert 0 <= low <= distance <= 1 + 1e-12
    value, bound = stability_index(reference, window, z=2.0)
    assert value >= -1e-12
    assert 0 <= bound <= max(value, 0)
    grouped = group_bins(reference, window)
    assert grouped[0].sum() == reference.sum()
    assert grouped[1].sum() == window.sum()
    assert len(grouped[0]) <= 10
    assert stability_index(*grouped, z=2.0)[0] >= -1e-12


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=1),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=1),
)
def test_the_index_of_categories_does_not_depend_on_their_order(reference, window):
    straight = stability_index(*align_categories(reference, window), z=1.0)
    turned = stability_index(
        *align_categories(dict(reversed(reference.items())), dict(reversed(window.items()))), z=1.0
    )
    assert straight == turned


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


# --- capture: nothing that can be written makes reading fail, and nothing is lost


def physical_lines(text):
    return [line for line in text.split("\n") if line.strip()]


@given(st.lists(documents, max_size=5))
def test_any_json_is_read_or_refused(bodies):
    text = "\n".join(json.dumps(body) for body in bodies)
    inferences, rejected = read_capture(text, "a.jsonl", 2)
    assert len(inferences) + len(rejected) >= len(physical_lines(text))
    outcomes, bad = read_outcomes(text, "b.jsonl")
    assert len(outcomes) + len(bad) == len(physical_lines(text))
    observe_hour(NOW, inferences, rejected, baseline(rows=50), CHAMPION)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    inferences, rejected = read_capture(text, "a.jsonl", 2)
    assert inferences == []
    assert len(rejected) == len(physical_lines(text))


@given(documents, st.sampled_from(["endpointInput", "endpointOutput", "eventMetadata"]), st.text(max_size=12))
def test_a_record_of_which_any_part_is_anything_is_read_or_refused(anything, part, key):
    record = capture_record(output='{"model_package": "p", "predictions": [{"score": 0.5}]}')
    holder = record["eventMetadata"] if part == "eventMetadata" else record["captureData"][part]
    for name in list(holder):
        changed = json.loads(json.dumps(record))
        (changed["eventMetadata"] if part == "eventMetadata" else changed["captureData"][part])[name] = (
            anything
        )
        inferences, rejected = read_capture(json.dumps(changed), "a.jsonl", 2)
        assert bool(inferences) != bool(rejected)
        observe_hour(NOW, inferences, rejected, baseline(rows=50), CHAMPION)


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
