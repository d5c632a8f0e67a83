"""The chain: whole, or broken at a place that it names; and what was done, read from it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from selfheal.record.ledger import GENESIS, Entry, EntryKind, actions, broken_at, openings
from selfheal.remediate.playbook import Remedy
from unit.samples import NOW


def chain(*parts):
    """Entries of (kind, incident, body), an hour apart."""
    entries = []
    for number, (kind, incident, body) in enumerate(parts):
        last = entries[-1] if entries else None
        at = NOW + timedelta(hours=number)
        entries.append(Entry.after(last, at=at, incident=incident, kind=kind, body=body))
    return entries


def five():
    return chain(*[(EntryKind.PLANNED, "i1", {"number": number}) for number in range(5)])


def test_a_chain_is_whole():
    entries = five()
    assert broken_at(entries) is None
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[0].previous == GENESIS
    assert all(later.previous == earlier.hash for earlier, later in pairwise(entries))


def test_an_empty_chain_is_whole():
    assert broken_at([]) is None


def test_an_entry_survives_json_with_its_hash():
    entries = chain(
        (EntryKind.INTENT, "i1", {"remedy": "rollback", "n": 1.5, "none": None, "ü": "ß"}),
        *[(EntryKind.OUTCOME, "i1", {"list": [1, {"a": True}]})],
    )
    restored = [Entry.from_json(json.loads(json.dumps(entry.to_json()))) for entry in entries]
    assert restored == entries
    assert broken_at(restored) is None


def test_a_kind_of_a_later_version_is_kept_and_its_hash_checked():
    entries = chain((EntryKind.OPENED, "i1", {}), (EntryKind("dreamt"), "i1", {"of": "sheep"}))
    restored = [Entry.from_json(json.loads(json.dumps(entry.to_json()))) for entry in entries]
    assert broken_at(restored) is None
    assert restored[1].kind.value == "dreamt"
    assert restored[1].kind not in list(EntryKind)
    assert broken_at([restored[0], replace(restored[1], kind=EntryKind("slept"))]) is not None


@pytest.mark.parametrize("value", [None, 5, ["opened"]])
def test_what_is_no_word_is_no_kind(value):
    with pytest.raises(ValueError, match="is not a valid EntryKind"):
        EntryKind(value)


@pytest.mark.parametrize(
    "change",
    [
        {"body": {"number": 99}},
        {"at": NOW - timedelta(days=1)},
        {"incident": "i2"},
        {"kind": EntryKind.CLOSED},
        {"hash": "f" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("place", range(5))
def test_an_altered_entry_is_found(change, place):
    entries = five()
    entries[place] = replace(entries[place], **change)
    assert broken_at(entries) == f"entry {place + 1} was altered: its content does not have its hash"


@pytest.mark.parametrize("place", range(4))
def test_a_missing_entry_is_found(place):
    entries = five()
    del entries[place]
    assert broken_at(entries).startswith(f"entry {place + 2} stands where entry {place + 1} should")


def test_entries_out_of_order_are_found():
    entries = five()
    entries[1], entries[2] = entries[2], entries[1]
    assert broken_at(entries).startswith("entry 3 stands where entry 2 should")


def test_an_entry_written_twice_is_found():
    entries = five()
    assert broken_at([*entries[:2], entries[1], *entries[2:]]).startswith("entry 2 stands where entry 3")


@pytest.mark.parametrize("place", range(4))
def test_an_entry_altered_and_hashed_anew_breaks_the_link_after_it(place):
    entries = five()
    before = entries[place - 1] if place else None
    entries[place] = Entry.after(
        before, at=entries[place].at, incident="i1", kind=EntryKind.PLANNED, body={"number": 99}
    )
    assert broken_at(entries) == f"entry {place + 2} does not follow entry {place + 1}: its link is another"


def intent(remedy, incident="i1", **more):
    return (EntryKind.INTENT, incident, {"remedy": remedy, **more})


def outcome(remedy, succeeded, incident="i1"):
    return (EntryKind.OUTCOME, incident, {"remedy": remedy, "succeeded": succeeded})


def summary(*parts):
    return [(action.remedy, action.incident, action.succeeded) for action in actions(chain(*parts))]


def test_intents_are_paired_with_their_outcomes():
    assert summary(
        intent("rollback"), outcome("rollback", False), intent("retrain"), outcome("retrain", True)
    ) == [(Remedy.ROLLBACK, "i1", False), (Remedy.RETRAIN, "i1", True)]


def test_an_intent_without_an_outcome_still_runs():
    assert summary(intent("retrain")) == [(Remedy.RETRAIN, "i1", None)]


def test_an_action_is_dated_by_its_intent():
    entries = chain(intent("retrain"), outcome("retrain", True))
    assert [action.at for action in actions(entries)] == [NOW]


def test_a_person_who_closes_the_breaker_forgives_failures_and_spends_nothing():
    closed = (EntryKind.BREAKER_CLOSED, "breaker", {"by": "kim", "reason": "the feed is mended"})
    assert summary(intent("rollback"), outcome("rollback", False), closed, intent("retrain", "i2")) == [
        (Remedy.ROLLBACK, "i1", None),
        (Remedy.RETRAIN, "i2", None),
    ]


@pytest.mark.parametrize("succeeded", [True, False])
def test_a_remedy_that_found_everything_done_spends_nothing(succeeded):
    assert summary(intent("rollback", changed=False), outcome("rollback", succeeded)) == []


def test_a_remedy_that_changed_something_spends_its_budget():
    assert summary(intent("rollback", changed=True), outcome("rollback", True)) == [
        (Remedy.ROLLBACK, "i1", True)
    ]


def test_a_step_that_is_tried_again_and_finds_its_own_change_counts_once_and_when_it_began():
    entries = chain(
        intent("rollback", changed=True), intent("rollback", changed=False), outcome("rollback", False)
    )
    (action,) = actions(entries)
    assert (action.at, action.succeeded) == (NOW, False)


@pytest.mark.parametrize(("succeeded", "known"), [(True, None), (False, False)])
def test_what_is_mitigated_neither_ends_nor_lengthens_a_row_of_failures(succeeded, known):
    parts = (intent("rollback", "i1"), outcome("rollback", True, "i1"))
    unproven = (intent("retrain", "i2"), outcome("retrain", succeeded, "i2"))
    closed = (EntryKind.CLOSED, "i2", {"outcome": "mitigated"})
    assert summary(*parts, *unproven, closed) == [
        (Remedy.ROLLBACK, "i1", True),
        (Remedy.RETRAIN, "i2", known),
    ]


def test_incidents_are_kept_apart():
    assert summary(intent("rollback", "i1"), intent("rollback", "i2"), outcome("rollback", True, "i2")) == [
        (Remedy.ROLLBACK, "i1", None),
        (Remedy.ROLLBACK, "i2", True),
    ]


@pytest.mark.parametrize("succeeded", [True, False])
def test_a_quarantine_changes_no_model_and_counts_for_no_rail(succeeded):
    parts = (intent("rollback"), outcome("rollback", False), intent("quarantine", "i2"))
    assert summary(*parts, outcome("quarantine", succeeded, "i2")) == [(Remedy.ROLLBACK, "i1", False)]


def test_what_is_no_remedy_of_healing_counts_for_no_budget():
    assert (
        summary(
            (EntryKind.PLANNED, "i1", {"remedy": "rollback"}),
            (EntryKind.INTENT, "flights-new", {"action": "release"}),
            (EntryKind.OUTCOME, "flights-new", {"action": "release", "succeeded": False}),
            outcome("rollback", True),
            (EntryKind.CLOSED, "i1", {"remedy": "rollback"}),
        )
        == []
    )


def test_openings_are_what_opened_incidents_and_nothing_else():
    body = {"kind": "latency", "subject": "flights-latency", "at": NOW.isoformat(), "reason": "slow"}
    entries = chain(
        (EntryKind.OPENED, "i1", body), (EntryKind.ATTACHED, "i1", body), (EntryKind.CLOSED, "i1", {})
    )
    (opening,) = openings(entries)
    assert (opening.incident, opening.at, opening.subject) == ("i1", NOW, "flights-latency")


def test_every_kind_of_entry_is_documented_and_none_that_is_not_there():
    text = (Path(__file__).resolve().parents[3] / "docs" / "ledger.md").read_text(encoding="utf-8")
    table = text.partition("| `kind` | written by |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, flags=re.MULTILINE)) == {k.value for k in EntryKind}
