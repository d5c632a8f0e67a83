"""Incidents told to people: everything that matters, in words, and nothing twice."""

from __future__ import annotations

import re

import pytest

from selfheal.diagnose.causes import Cause
from selfheal.observe.signals import SignalKind
from selfheal.record.episode import episodes
from selfheal.record.explanation import explain
from selfheal.record.ledger import EntryKind
from selfheal.record.vocabulary import words
from selfheal.remediate.playbook import Remedy
from unit.record.ledgers import Writer, mitigated, quarantined, recalibrated, retrained, rolled_back, watched
from unit.samples import CHAMPION


def told(writer):
    (episode,) = episodes(writer.entries)
    return explain(episode)


def test_a_healed_incident_from_its_first_signal_to_its_end():
    assert told(rolled_back(Writer())).splitlines() == [
        "Incident i1 was resolved. Cause: bad release. Done about it: rollback.",
        "",
        "2013-03-01 12:00  Opened by the alarm flights-latency.",
        "                  - slow",
        "2013-03-01 12:01  Diagnosis: bad release.",
        "                  - it began",
        "                  - not infrastructure: a release explains it",
        "2013-03-01 12:02  Decision: rollback.",
        "2013-03-01 12:03  Began: rollback of flights/2, asking for endpoint config old.",
        "2013-03-01 12:08  Took effect: rollback.",
        "                  - it serves",
        "2013-03-01 12:10  Verification: too early to tell.",
        "                  - quiet for less than 30 min",
        "2013-03-01 12:40  Verification: recovered.",
        "                  - no infrastructure alarm is firing",
        "2013-03-01 12:41  Closed as resolved. flights/1 serves.",
        "",
        "Counted from its detection (2013-03-01 12:00 UTC): diagnosed after 60 s, acted on after 3 min, "
        "mitigated after 8 min, verified after 40 min. When it began is not known.",
        "It needs nothing from you.",
    ]


@pytest.mark.parametrize(
    "writer",
    [
        rolled_back(Writer()),
        retrained(Writer()),
        retrained(Writer(), succeeded=False),
        retrained(Writer(), verdict="FAIL"),
        watched(Writer()),
        recalibrated(Writer()),
        recalibrated(Writer(), refused="900 labels are there"),
        quarantined(Writer()),
        quarantined(Writer(), mended=False),
    ],
    ids=[
        "rolled back",
        "retrained",
        "sent back",
        "not healed",
        "watched",
        "recalibrated",
        "refused",
        "quarantined",
        "not mended",
    ],
)
def test_no_fragment_of_a_machine_is_left(writer):
    text = told(writer)
    terms = [term.value for term in [*Cause, *SignalKind] if "-" in term.value]
    # Names of alarms carry a kind of signal; they are names.
    assert not [term for term in terms if re.search(rf"(?<!flights-){term}", text)]
    assert not re.search(r"arn:|[{}\[\]]|None|True|False|INCONCLUSIVE|FAIL|PASS", text)


def test_a_quarantine_is_told_with_its_hours_and_its_end():
    lines = [line[18:] for line in told(quarantined(Writer())).splitlines()]
    assert "Decision: quarantine: keep the broken hours out of training." in lines
    took = lines.index("Took effect: quarantine.")
    assert lines[took + 1] == "- hours from 2013-03-01 09:00 UTC on are kept out of training: x"
    ended = lines.index(
        "Quarantine ended by verify: hours from 2013-03-01 17:00 on may be learned from again."
    )
    assert lines[ended + 1] == "- healthy"


def test_a_recalibration_is_told_with_what_it_is_and_what_it_released():
    lines = [line[18:] for line in told(recalibrated(Writer())).splitlines()]
    assert "Decision: recalibrate: the same model and order, and how sure to be of it anew." in lines
    assert "Began: recalibrate." in lines
    assert any(line.startswith("Began: release of flights/2") for line in lines)
    assert "Took effect: release." in lines


def test_a_refused_recalibration_is_told_once_with_its_reason():
    text = told(recalibrated(Writer(), refused="900 labels are there"))
    assert "Failed: recalibrate.\n                  - 900 labels are there" in text
    assert text.count("900 labels are there") == 1
    assert "Done about it: nothing" in text


def test_a_ladder_of_what_it_runs_on_is_told_rung_by_rung():
    passed_over = "fall-back: no other config served before the one that serves"
    writer = Writer().opened(0, "i1").diagnosed(1, "i1", "infrastructure").planned(2, "i1", "scale")
    writer.began(3, "i1", "scale", variant="AllTraffic", before=2, instances=3)
    writer.planned(40, "i1", "replace")
    writer.began(41, "i1", "replace", **{"from": "first", "to": "first-again", "package": CHAMPION})
    writer.planned(80, "i1", "escalate", [passed_over])
    text = told(writer)
    assert "Decision: scale: more instances of what serves." in text
    assert "Began: scale, asking for 3 instances." in text
    assert "Decision: replace: the same model on fresh instances." in text
    assert "Began: replace of flights/1, asking for endpoint config first-again." in text
    assert "- not fall back: no other config served before the one that serves" in text


def test_falling_back_says_to_what():
    writer = Writer().opened(0, "i1").diagnosed(1, "i1", "infrastructure").planned(2, "i1", "fall-back")
    writer.began(3, "i1", "fall-back", **{"from": "new", "to": "old", "package": CHAMPION})
    assert "Began: fall back to flights/1, asking for endpoint config old." in told(writer)


def test_what_the_rails_stopped_is_told_with_the_reason_and_not_again_at_the_end():
    stopped = "rollback: the mode is observe"
    writer = Writer().opened(0, "i1").diagnosed(1, "i1").planned(2, "i1", "escalate", [stopped])
    text = told(writer.closed(3, "i1", "escalated", notes=[stopped]))
    assert "Decision: hand over to people.\n                  - not rollback: the mode is observe" in text
    assert text.count("the mode is observe") == 1
    assert "It needs you" in text
    assert "needs nothing" not in text


def test_what_only_the_end_knows_is_told_there():
    text = told(Writer().opened(0, "i1").closed(1, "i1", "escalated", notes=["the workflow stopped: E: x"]))
    assert text.count("the workflow stopped: E: x") == 1


def test_a_day_of_looks_that_could_not_tell_is_the_last_of_them():
    writer = Writer().opened(0, "i1").began_retrain(1, "i1")
    for hour in range(1, 20):
        writer.verified(60 * hour, "i1", "INCONCLUSIVE", (f"{hour} labels",))
    text = told(writer.verified(1200, "i1"))
    assert text.count("too early to tell") == 1
    assert "19 labels" in text
    assert "recovered" in text


def test_looks_with_something_between_them_are_all_told():
    writer = Writer().opened(0, "i1").verified(1, "i1", "INCONCLUSIVE").attached(2, "i1")
    assert told(writer.verified(3, "i1", "INCONCLUSIVE")).count("too early to tell") == 2


def test_a_verification_that_failed_is_told_once():
    text = told(retrained(Writer(), verdict="FAIL"))
    assert "Verification: not recovered." in text
    assert text.count("log loss as promised") == 1
    assert "mitigated" not in text


def test_a_failure_with_a_reason_of_its_own_is_told():
    text = told(retrained(Writer(), succeeded=False))
    assert "Failed: release.\n                  - the old one serves" in text
    assert "Incident i2 was handed over to people." in text


def test_a_remedy_that_found_everything_done_says_so():
    writer = (
        Writer().opened(0, "i1", SignalKind.RELEASE, subject="new").began_rollback(1, "i1", changed=False)
    )
    text = told(writer)
    assert "Opened by a release that did not hold, endpoint config new." in text
    assert "Done already: rollback. Nothing had to be changed." in text
    assert "Began" not in text


def test_whether_a_retraining_pays_is_told_where_one_was_chosen():
    economics = {"reason": "a retraining pays: it would lose 9 USD"}
    chosen = Writer().opened(0, "i1").planned(1, "i1", "retrain", economics=economics)
    assert "a retraining pays: it would lose 9 USD" in told(chosen)
    other = Writer().opened(0, "i1").planned(1, "i1", "rollback", economics=economics)
    assert "a retraining pays" not in told(other)
    assert "Decision: retrain." in told(Writer().opened(0, "i1").planned(1, "i1", "retrain", economics=None))


def test_an_unknown_cause_is_said_in_words():
    assert "Diagnosis: none of those that are known." in told(
        Writer().opened(0, "i1").diagnosed(1, "i1", "unknown")
    )


def test_a_known_onset_is_what_times_are_counted_from():
    writer = Writer().began_release(-31, "new").opened(0, "i1", SignalKind.RELEASE, subject="new")
    text = told(writer)
    assert "Counted from its onset (2013-03-01 11:29 UTC): detected after 31 min." in text
    assert "not known" not in text


def test_an_open_incident_promises_nothing():
    text = told(Writer().opened(0, "i1"))
    assert text.startswith("Incident i1 is open. Cause: not diagnosed yet. Done about it: nothing.")
    assert text.endswith("nothing happened yet. When it began is not known.\nHealing is at work.")


def test_a_mitigated_incident_says_what_is_unproven_and_who_must_look():
    text = told(mitigated(Writer()))
    assert text.startswith("Incident i2 was mitigated, and not verified.")
    assert "Closed as mitigated." in text
    assert text.count("quality since the remedy is not proven within 96 h: too few labels") == 1
    assert text.endswith("See docs/runbooks/labels.md.")
    assert "whoever owns the labels" in text


def test_an_abandoned_incident_needs_people():
    text = told(Writer().opened(0, "i1").abandoned(60, "i1"))
    assert "Abandoned: the workflow ended as timed out." in text
    assert "It needs you" in text


def test_an_entry_that_is_not_understood_is_told_as_such():
    text = told(Writer().opened(0, "i1").add(1, "i1", EntryKind("dreamt"), of="sheep"))
    assert "An entry that this version cannot read (dreamt): entry 2 " in text


def test_an_opening_that_is_not_understood_is_told_as_such():
    text = told(Writer().add(0, "i1", EntryKind.OPENED, kind="smell"))
    assert "How long it took is not known" in text


def test_a_reason_that_only_looks_like_a_subject_stays_as_it_is():
    writer = Writer().opened(0, "i1").planned(1, "i1", "watch", ["Retrain: later", "no colon"])
    assert "- not Retrain: later" in told(writer)
    assert "- not no colon" in told(writer)


@pytest.mark.parametrize("term", [*Cause, *Remedy, *SignalKind], ids=lambda term: term.value)
def test_every_term_has_words(term):
    assert re.fullmatch(r"[a-z]+( [a-z]+)*", words(term))


@pytest.mark.parametrize(
    ("kind", "body", "lines"),
    [
        (EntryKind.APPROVED, {"by": "ann", "reason": None}, ["Approved: rollback.", "- approved by ann"]),
        (
            EntryKind.REJECTED,
            {"by": "ann", "reason": "the audit"},
            ["Rejected: rollback.", "- rejected by ann: the audit"],
        ),
        (EntryKind.EXPIRED, {"reason": "nobody answered"}, ["Not answered: rollback.", "- nobody answered"]),
    ],
    ids=["approved", "rejected", "expired"],
)
def test_what_people_were_asked_and_what_they_said(kind, body, lines):
    writer = Writer().opened(0, "i1").diagnosed(1, "i1").planned(2, "i1")
    writer.add(3, "i1", EntryKind.ASKED, remedy="rollback", until="2013-03-02T12:03:00+00:00")
    text = told(writer.add(9, "i1", kind, remedy="rollback", answered="2013-03-01T12:08:00+00:00", **body))
    assert "12:03  Asked people for rollback: an answer is due by 2013-03-02 12:03." in text
    first, second = text.partition("2013-03-01 12:09  ")[2].splitlines()[:2]
    assert [first, second.strip()] == lines
