"""Incidents read from the ledger: what happened, when, and how it stands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selfheal.diagnose.causes import Cause
from selfheal.observe.signals import SignalKind
from selfheal.record.episode import State, UnknownIncident, episodes, find
from selfheal.record.incident import Outcome
from selfheal.record.ledger import EntryKind
from selfheal.record.moments import Signalled, Unread
from selfheal.remediate.playbook import Remedy
from selfheal.verdict import Verdict
from unit.record.ledgers import Writer, quarantined, retrained, rolled_back, watched
from unit.samples import CHALLENGER, NOW


def only(writer):
    (episode,) = episodes(writer.entries)
    return episode


def minutes(at):
    return None if at is None else (at - NOW) / timedelta(minutes=1)


def test_a_ledger_without_incidents_has_no_episodes():
    assert episodes([]) == []
    other = Writer().add(0, "execution-1", EntryKind.REFUSED, reason="rejected").began_release(1, "new")
    assert episodes(other.add(2, "breaker", EntryKind.BREAKER_CLOSED, by="kim").entries) == []


def test_an_incident_that_was_healed():
    episode = only(rolled_back(Writer()))
    assert (episode.id, episode.state, episode.cause) == ("i1", State.RESOLVED, Cause.BAD_RELEASE)
    times = episode.times
    assert times.onset is None
    assert [minutes(at) for at in (times.detected, times.diagnosed, times.acted)] == [0, 1, 3]
    assert [minutes(at) for at in (times.mitigated, times.verified, times.ended)] == [8, 40, 41]
    (attempt,) = episode.attempts
    assert (attempt.remedy, attempt.cause, attempt.result) == (
        Remedy.ROLLBACK,
        Cause.BAD_RELEASE,
        Verdict.PASS,
    )
    assert attempt.false_because is None


def test_a_broken_feed_harms_until_it_is_proven_to_be_healthy_whenever_its_hours_were_quarantined():
    episode = only(quarantined(Writer()))
    assert (episode.state, episode.cause, episode.unread) == (State.RESOLVED, Cause.UPSTREAM_DATA, ())
    times = episode.times
    assert [minutes(at) for at in (times.onset, times.acted, times.mitigated, times.verified)] == [
        -60,
        3,
        600,
        600,
    ]
    (attempt,) = episode.attempts
    assert (attempt.remedy, attempt.result, attempt.false_because) == (Remedy.QUARANTINE, Verdict.PASS, None)


def test_a_feed_that_nobody_mended_makes_its_quarantine_no_false_action():
    episode = only(quarantined(Writer(), mended=False))
    assert (episode.state, episode.times.mitigated) == (State.ESCALATED, None)
    (attempt,) = episode.attempts
    assert (attempt.result, attempt.false_because) == (Verdict.FAIL, None)


def test_incidents_that_overlap_are_kept_apart_and_come_in_order_of_opening():
    writer = Writer().opened(0, "i2").opened(1, "i1").diagnosed(2, "i2", "unknown").attached(3, "i1")
    second, first = episodes(writer.entries)
    assert (second.id, first.id) == ("i2", "i1")
    assert (second.cause, first.cause) == (Cause.UNKNOWN, None)
    assert [m.trigger.kind for m in first.moments if isinstance(m, Signalled)] == [
        SignalKind.LATENCY,
        SignalKind.ERRORS,
    ]


def test_a_signal_may_be_attached_before_the_opening_is_written():
    episode = only(Writer().attached(0, "i1").opened(1, "i1"))
    assert episode.trigger.kind is SignalKind.LATENCY
    assert minutes(episode.times.detected) == 1


def test_an_open_incident_has_no_end():
    episode = only(Writer().opened(0, "i1"))
    assert episode.state is State.OPEN
    assert (episode.times.diagnosed, episode.times.acted, episode.times.ended) == (None, None, None)


def test_every_outcome_is_a_state():
    for outcome in Outcome:
        assert only(Writer().opened(0, "i1").closed(1, "i1", outcome.value)).state.value == outcome.value


def test_an_abandoned_incident_that_is_opened_again_is_open():
    writer = Writer().opened(0, "i1").abandoned(60, "i1")
    assert only(writer).state is State.ABANDONED
    assert minutes(only(writer).times.ended) == 60
    writer.opened(65, "i1")
    assert (only(writer).state, only(writer).times.ended) == (State.OPEN, None)


def test_the_onset_of_a_release_that_was_sent_back_is_the_start_of_its_deployment():
    writer = Writer().began_release(0, "new", config="new")
    writer.opened(31, "i1", SignalKind.RELEASE, subject="new")
    assert minutes(only(writer).times.onset) == 0


def test_a_release_is_not_the_onset_of_what_an_alarm_found():
    writer = Writer().began_release(0, "new", config="new").opened(31, "i1").diagnosed(32, "i1")
    assert only(writer).times.onset is None


@pytest.mark.parametrize("kind", [SignalKind.LATENCY, SignalKind.RELEASE])
def test_the_onset_that_the_signal_tells_goes_before(kind):
    writer = Writer().began_release(-30, "new").opened(0, "i1", kind, subject="new", onset=-5)
    assert minutes(only(writer).times.onset) == -5


def test_what_was_watched_began_no_remedy():
    episode = only(watched(Writer()))
    assert (episode.attempts, episode.times.acted) == ((), None)
    assert minutes(episode.times.mitigated) == 2


class TestAttempts:
    def test_a_release_that_was_sent_back_is_a_false_action(self):
        episode = only(retrained(Writer(), succeeded=False))
        (attempt,) = episode.attempts
        assert (attempt.result, attempt.released) == (Verdict.FAIL, None)
        assert attempt.false_because == "the old one serves"
        assert episode.times.mitigated is None

    def test_a_challenger_that_the_gate_refused_is_a_failure_but_touched_nothing(self):
        writer = Writer().opened(0, "i1").diagnosed(1, "i1", "concept-drift").began_retrain(2, "i1")
        (attempt,) = only(writer.ended(3, "i1", "retrain", succeeded=False)).attempts
        assert (attempt.result, attempt.false_because) == (Verdict.FAIL, None)

    @pytest.mark.parametrize("verdict", ["FAIL", "ERROR"])
    def test_a_remedy_that_did_not_heal_is_a_false_action_though_it_took_effect(self, verdict):
        episode = only(retrained(Writer(), verdict=verdict))
        (attempt,) = episode.attempts
        assert (attempt.result, attempt.released) == (Verdict.FAIL, CHALLENGER)
        assert attempt.false_because == "log loss as promised"
        assert (episode.times.mitigated, episode.times.verified) == (None, None)

    def test_what_is_not_proven_yet_is_inconclusive(self):
        writer = Writer().opened(0, "i1").began_rollback(1, "i1").ended(2, "i1", "rollback", "rollback")
        (attempt,) = only(writer.verified(3, "i1", "INCONCLUSIVE")).attempts
        assert attempt.result is Verdict.INCONCLUSIVE

    def test_a_step_that_is_tried_again_is_one_attempt_from_when_it_began(self):
        writer = Writer().opened(0, "i1").began_rollback(1, "i1").began_rollback(2, "i1", changed=False)
        (attempt,) = only(writer).attempts
        assert (minutes(attempt.begun_at), attempt.changed) == (1, True)

    def test_each_attempt_has_the_diagnosis_it_was_taken_for(self):
        writer = Writer().opened(0, "i1").diagnosed(1, "i1", "bad-release").began_rollback(2, "i1")
        writer.ended(3, "i1", "rollback", "rollback").verified(4, "i1", "FAIL", ("errors",))
        writer.ended(4, "i1", "rollback", succeeded=False, reason="errors")
        writer.diagnosed(5, "i1", "concept-drift").began_retrain(6, "i1")
        first, second = only(writer.verified(7, "i1")).attempts
        assert (first.cause, first.result) == (Cause.BAD_RELEASE, Verdict.FAIL)
        assert (second.cause, second.result) == (Cause.CONCEPT_DRIFT, Verdict.PASS)

    def test_a_failed_remedy_gets_no_credit_for_what_passed_later(self):
        writer = Writer().opened(0, "i1").diagnosed(1, "i1").began_rollback(2, "i1")
        writer.verified(3, "i1", "FAIL", ("errors",)).planned(4, "i1", "watch").verified(5, "i1")
        (attempt,) = only(writer).attempts
        assert (attempt.result, attempt.false_because) == (Verdict.FAIL, "errors")


class TestUnread:
    def test_a_kind_of_a_later_version_is_among_the_moments(self):
        writer = Writer().opened(0, "i1").add(1, "i1", EntryKind("dreamt"), of="sheep").closed(2, "i1")
        episode = only(writer)
        assert episode.state is State.RESOLVED
        (unread,) = episode.unread
        assert (unread.kind, minutes(unread.at)) == ("dreamt", 1)
        assert "'dreamt' is no kind" in unread.reason

    @pytest.mark.parametrize(
        ("kind", "body", "reason"),
        [
            (EntryKind.PLANNED, {"remedy": "pray", "reason": "", "stopped": []}, "'pray'"),
            (EntryKind.PLANNED, {"remedy": "watch"}, "lacks 'reason'"),
            (EntryKind.DIAGNOSED, {"cause": "gremlins"}, "'gremlins'"),
            (EntryKind.VERIFIED, {"verdict": "MAYBE", "reasons": []}, "'MAYBE'"),
            (EntryKind.CLOSED, {"outcome": "forgotten"}, "'forgotten'"),
            (
                EntryKind.ATTACHED,
                {"kind": "latency", "subject": "s", "at": 5, "reason": ""},
                "not as expected",
            ),
        ],
    )
    def test_a_body_that_is_not_understood_says_why(self, kind, body, reason):
        (unread,) = only(Writer().opened(0, "i1").add(1, "i1", kind, **body)).unread
        assert isinstance(unread, Unread)
        assert unread.reason.startswith("entry 2 ")
        assert reason in unread.reason

    def test_an_opening_that_is_not_understood_leaves_the_incident_without_a_trigger(self):
        episode = only(Writer().add(0, "i1", EntryKind.OPENED, kind="smell").closed(1, "i1"))
        assert (episode.trigger, episode.times.detected) == (None, None)
        assert len(episode.unread) == 1


class TestFind:
    def told(self, *names):
        writer = Writer()
        for place, name in enumerate(names):
            writer.opened(place, name)
        return episodes(writer.entries)

    def test_by_id_or_by_its_beginning(self):
        told = self.told("flights-1a", "flights-2b")
        assert find(told, "flights-2b").id == find(told, "flights-2").id == "flights-2b"

    def test_an_id_that_another_begins_with_is_itself(self):
        assert find(self.told("flights-1", "flights-1a"), "flights-1").id == "flights-1"

    def test_an_unknown_one_lists_the_newest_first(self):
        with pytest.raises(UnknownIncident, match=r"no incident 'x'; the newest: i6, i5, i4, i3, i2$"):
            find(self.told("i1", "i2", "i3", "i4", "i5", "i6"), "x")

    def test_an_ambiguous_beginning_lists_what_it_may_mean(self):
        with pytest.raises(UnknownIncident, match=r"2 incidents begin with 'i1'.*i1b, i1a$"):
            find(self.told("i1a", "i1b", "i2"), "i1")

    def test_an_empty_ledger_is_said(self):
        with pytest.raises(UnknownIncident, match="holds none yet"):
            find([], "i1")
