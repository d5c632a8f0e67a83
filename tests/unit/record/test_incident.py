"""Incidents: identity, keys and the JSON that travels through the workflow."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from selfheal.diagnose.causes import Cause
from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Incident, Outcome, Trigger
from selfheal.record.notice import closed_notice, refused_notice
from selfheal.remediate.playbook import Remedy
from unit.samples import CHALLENGER, CHAMPION, NOW


def trigger(at=NOW, subject="flights-data-drift"):
    return Trigger(kind=SignalKind.DATA_DRIFT, subject=subject, at=at, reason="x moved")


def incident(**more):
    return Incident.open("flights", trigger(), NOW).with_(**more)


def test_an_incident_opens_without_anything_decided():
    opened = incident()
    assert (opened.cause, opened.tried, opened.outcome, opened.verified_at) == (None, (), None, None)
    assert re.fullmatch(r"flights-20130301-1200-[0-9a-f]{6}", opened.id)


def test_the_same_change_has_the_same_key_whatever_the_fraction_of_the_second():
    assert trigger().key == trigger(NOW + timedelta(milliseconds=900)).key
    assert trigger().key != trigger(NOW + timedelta(seconds=1)).key
    assert trigger().key != trigger(subject="flights-latency").key


@pytest.mark.parametrize("onset", [None, NOW - timedelta(minutes=5)])
def test_a_change_survives_json_with_its_onset(onset):
    change = replace(trigger(), onset=onset)
    assert Trigger.from_json(json.loads(json.dumps(change.to_json()))) == change


def test_a_change_written_before_there_were_onsets_has_none():
    body = trigger().to_json()
    del body["onset"]
    assert Trigger.from_json(body).onset is None


def test_changes_of_one_minute_open_different_incidents():
    other = Incident.open("flights", trigger(subject="flights-latency"), NOW)
    assert other.id != incident().id


def test_the_same_change_is_the_same_incident_whenever_it_is_opened():
    late = Incident.open("flights", trigger(), NOW + timedelta(hours=1))
    assert late.id == incident().id
    assert late.opened_at == NOW + timedelta(hours=1)
    assert Incident.open("flights", trigger(NOW + timedelta(seconds=1)), NOW).id != late.id
    assert Incident.open("flights-eu", trigger(), NOW).id != late.id


def test_a_full_incident_survives_json():
    full = incident(
        cause=Cause.HARMFUL_DRIFT,
        evidence=("worse", "moved"),
        ruled_out=("bad-release: nothing was released",),
        tried=(Remedy.RETRAIN, Remedy.ESCALATE),
        champion_before=CHAMPION,
        champion_after=CHALLENGER,
        training="arn:execution",
        candidate=CHALLENGER,
        deployment={"kind": "release", "config": "c"},
        acted_at=NOW,
        mitigated_at=NOW + timedelta(hours=1),
        verified_at=NOW + timedelta(hours=2),
        outcome=Outcome.RESOLVED,
        notes=("a", "b"),
    )
    assert Incident.from_json(json.loads(json.dumps(full.to_json()))) == full
    assert Incident.from_json(json.loads(json.dumps(incident().to_json()))) == incident()


def test_noting_adds_and_takes_nothing_away():
    assert incident(notes=("a",)).noting("b").notes == ("a", "b")


@pytest.mark.parametrize("step", ["retrain", "rollback", "r", "a-very-long-step"])
def test_an_idempotency_key_is_as_sagemaker_demands(step):
    key = incident().idempotency_key(step)
    assert 32 <= len(key) <= 128
    assert re.fullmatch(r"[A-Za-z0-9-]+", key)
    assert key == incident().idempotency_key(step)


def test_an_idempotency_key_differs_by_rung_incident_endpoint_and_step():
    other = Incident.open("flights", trigger(subject="flights-latency"), NOW)
    elsewhere = incident(endpoint="trains")
    keys = {
        incident().idempotency_key("retrain"),
        incident(tried=(Remedy.RETRAIN,)).idempotency_key("retrain"),
        incident(tried=(Remedy.RETRAIN, Remedy.ROLLBACK)).idempotency_key("retrain"),
        other.idempotency_key("retrain"),
        elsewhere.idempotency_key("retrain"),
        incident().idempotency_key("rollback"),
        incident().idempotency_key("retrain-again"),
        incident().idempotency_key("retrain-anew"),
    }
    assert len(keys) == 8


@pytest.mark.parametrize(
    "broken", [{"trigger": {}}, {"cause": "bad luck"}, {"tried": ["pray"]}, {"opened_at": None}, {"more": 1}]
)
def test_a_state_that_is_no_incident_is_refused(broken):
    body = {**incident().to_json(), **broken}
    if broken == {"opened_at": None}:
        del body["trigger"]
    with pytest.raises((KeyError, TypeError, ValueError)):
        Incident.from_json(body)


def test_the_notice_of_a_resolved_incident_asks_for_nothing():
    notice = closed_notice(
        incident(
            cause=Cause.HARMFUL_DRIFT,
            evidence=("log loss 0.7",),
            tried=(Remedy.RETRAIN,),
            outcome=Outcome.RESOLVED,
            champion_before=CHAMPION,
            champion_after=CHALLENGER,
            verified_at=NOW,
        )
    )
    assert notice.subject == "[selfheal] flights: resolved, harmful covariate drift"
    assert "It needs nothing from you." in notice.text
    assert "x moved" in notice.text
    assert "log loss 0.7" in notice.text
    assert CHALLENGER in notice.text
    assert "verified 2013-03-01 12:00 UTC" in notice.text


def test_the_notice_of_an_escalated_incident_asks_for_a_person():
    notice = closed_notice(incident(outcome=Outcome.ESCALATED, notes=("rollback: the mode is observe",)))
    assert "It needs you" in notice.text
    assert "the mode is observe" in notice.text
    assert "verified never" in notice.text
    assert "needs nothing" not in notice.text
    assert "not diagnosed" in notice.subject


def test_the_notice_of_a_mitigated_incident_says_what_is_unproven_and_who_must_look():
    notice = closed_notice(incident(outcome=Outcome.MITIGATED, unproven="quality is not proven within 96 h"))
    assert notice.subject.startswith("[selfheal] flights: mitigated, unverified")
    assert "Unproven: quality is not proven within 96 h" in notice.text
    assert "whoever owns the labels" in notice.text
    assert "needs nothing" not in notice.text


def test_a_subject_is_one_that_sns_takes():
    subject = closed_notice(incident(outcome=Outcome.ESCALATED, cause=Cause.HARMLESS_DRIFT)).subject
    assert subject.isascii()
    assert "\n" not in subject
    assert len(subject) <= 100


def test_a_refusal_says_that_nothing_was_changed():
    notice = refused_notice("flights", "the digest does not match")
    assert "Nothing was changed" in notice.text
    assert "the digest does not match" in notice.text
