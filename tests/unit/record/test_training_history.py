"""Retrainings as the ledger tells of them."""

from __future__ import annotations

from datetime import timedelta

from selfheal.record.ledger import Entry, EntryKind
from selfheal.record.training_history import NEVER_ENDED, retrainings
from unit.samples import NOW

INTENT, OUTCOME = EntryKind.INTENT, EntryKind.OUTCOME
BEGUN = {"remedy": "retrain", "champion": None, "token": "t"}
REFUSED = {"remedy": "retrain", "succeeded": False, "reason": "the gate refused"}
RELEASING = {"action": "release", "config": "new"}
RELEASED = {"action": "release", "remedy": "retrain", "succeeded": True, "reason": "it serves"}
SENT_BACK = {**RELEASED, "succeeded": False, "reason": "the guardrails"}
NOT_HEALED = {"remedy": "retrain", "succeeded": False, "reason": "still worse"}


def history(*told, current="now"):
    """(incident, kind, body), an hour apart."""
    entries = []
    for number, (incident, kind, body) in enumerate(told):
        last = entries[-1] if entries else None
        at = NOW + timedelta(hours=number)
        entries.append(Entry.after(last, at=at, incident=incident, kind=kind, body=body))
    return [(each.incident, each.failure) for each in retrainings(entries, current)]


def test_nothing_was_retrained():
    assert history(("a", EntryKind.OPENED, {}), ("a", INTENT, {"remedy": "rollback"})) == []


def test_a_refused_challenger():
    assert history(("a", INTENT, BEGUN), ("a", OUTCOME, REFUSED)) == [("a", "the gate refused")]


def test_when_it_was_begun_and_in_which_order():
    told = (("a", INTENT, BEGUN), ("a", OUTCOME, REFUSED), ("b", INTENT, BEGUN), ("b", INTENT, BEGUN))
    entries = []
    for number, (incident, kind, body) in enumerate(told):
        last = entries[-1] if entries else None
        entries.append(
            Entry.after(last, at=NOW + timedelta(hours=number), incident=incident, kind=kind, body=body)
        )
    found = retrainings(entries, "b")
    assert [(each.incident, each.at) for each in found] == [("a", NOW), ("b", NOW + timedelta(hours=2))]


def test_a_challenger_that_was_released_is_no_failure_of_training():
    begun = (("a", INTENT, BEGUN), ("a", INTENT, RELEASING))
    assert history(*begun, ("a", OUTCOME, RELEASED)) == [("a", None)]
    assert history(*begun, ("a", OUTCOME, SENT_BACK)) == [("a", None)]
    assert history(*begun, ("a", OUTCOME, RELEASED), ("a", OUTCOME, NOT_HEALED)) == [("a", None)]


def test_a_recalibration_that_was_released_before_says_nothing_of_the_training():
    recalibrated = (("a", INTENT, {"remedy": "recalibrate"}), ("a", INTENT, RELEASING))
    assert history(*recalibrated, ("a", INTENT, BEGUN), ("a", OUTCOME, REFUSED)) == [
        ("a", "the gate refused")
    ]
    assert history(*recalibrated) == []


def test_one_that_runs_has_not_failed():
    assert history(("now", INTENT, BEGUN)) == [("now", None)]


def test_one_whose_incident_is_over_without_its_end_has():
    assert history(("a", INTENT, BEGUN), ("a", EntryKind.CLOSED, {})) == [("a", NEVER_ENDED)]


def test_a_person_who_closed_the_breaker_looked_at_what_failed():
    closed = ("by-hand", EntryKind.BREAKER_CLOSED, {"reason": "more capacity"})
    failed = (("a", INTENT, BEGUN), ("a", OUTCOME, REFUSED))
    assert history(*failed, closed) == []
    assert history(*failed, closed, ("b", INTENT, BEGUN), ("b", OUTCOME, REFUSED)) == [
        ("b", "the gate refused")
    ]


def test_an_end_after_the_breaker_was_closed_is_no_retraining_of_its_own():
    closed = ("by-hand", EntryKind.BREAKER_CLOSED, {"reason": "looked"})
    assert history(("a", INTENT, BEGUN), closed, ("a", OUTCOME, REFUSED)) == []
