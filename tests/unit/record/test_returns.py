"""The measured return: counts, times and shares, and nothing divided by nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from selfheal.diagnose.causes import Cause
from selfheal.observe.signals import SignalKind
from selfheal.record.episode import State, episodes
from selfheal.record.ledger import EntryKind
from selfheal.record.returns import Share, Spans, measure
from selfheal.remediate.playbook import Remedy
from unit.record.ledgers import Writer, mitigated, retrained, rolled_back, watched
from unit.samples import CHALLENGER


def measured(writer):
    return measure(episodes(writer.entries))


def minutes(span):
    return span / timedelta(minutes=1)


def test_without_incidents_there_is_nothing_to_measure():
    returns = measured(Writer())
    assert set(returns.incidents.values()) == {0}
    none = Spans(count=0, mean=None, median=None)
    assert (returns.time_to_detect, returns.time_to_recover, returns.time_to_verify) == (none, none, none)
    nothing = Share(count=0, total=0, share=None, low=None, high=None)
    assert (returns.auto_resolved, returns.false_actions, returns.tracks) == (nothing, nothing, ())


def test_times_to_recover_count_from_detection_where_the_onset_is_not_known():
    writer = retrained(rolled_back(Writer()), start=100, package="p2")
    returns = measured(writer)
    assert (returns.time_to_recover.count, returns.recovered_from_onset) == (2, 0)
    assert minutes(returns.time_to_recover.mean) == (8 + 80) / 2
    assert minutes(returns.time_to_verify.median) == (40 + 1000) / 2
    assert returns.time_to_detect.count == 0


def test_times_count_from_onset_where_it_is_known():
    writer = Writer().began_release(0, "new").opened(31, "i1", SignalKind.RELEASE, subject="new")
    writer.diagnosed(32, "i1").began_rollback(33, "i1").ended(38, "i1", "rollback", "rollback")
    returns = measured(writer.verified(70, "i1").closed(71, "i1"))
    assert (minutes(returns.time_to_detect.mean), returns.time_to_detect.count) == (31, 1)
    assert (minutes(returns.time_to_recover.mean), returns.recovered_from_onset) == (38, 1)


def test_what_was_only_watched_is_resolved_but_had_nothing_to_recover_from():
    returns = measured(watched(Writer()))
    assert (returns.watched, returns.auto_resolved.count) == (1, 1)
    assert (returns.time_to_recover.count, returns.tracks) == (0, ())


def test_what_was_not_proven_is_no_recovery():
    returns = measured(retrained(Writer(), verdict="FAIL"))
    assert (returns.time_to_recover.count, returns.time_to_verify.count) == (0, 0)
    assert (returns.auto_resolved.count, returns.auto_resolved.total) == (0, 1)


def test_what_is_mitigated_counts_apart():
    """Neither a success nor a failure: of the remedy, of the incident, or of the time that it took."""
    writer = rolled_back(mitigated(Writer(), incident="i2"), start=20000, package="p2")
    returns = measured(writer)
    assert (returns.auto_resolved.count, returns.auto_resolved.total) == (1, 2)
    assert (returns.mitigated.count, returns.mitigated.total) == (1, 2)
    assert (returns.time_to_recover.count, returns.time_to_verify.count) == (1, 1)
    assert (returns.time_to_mitigate.count, minutes(returns.time_to_mitigate.mean)) == (1, 80)
    retraining = next(track for track in returns.tracks if track.remedy is Remedy.RETRAIN)
    assert (retraining.begun, retraining.succeeded.total) == (1, 0)
    assert returns.false_actions.count == 0


def test_an_open_incident_is_in_no_share_and_an_abandoned_one_is():
    writer = watched(Writer()).opened(10, "i4").opened(11, "i5").abandoned(12, "i5")
    returns = measured(writer)
    there = {state: count for state, count in returns.incidents.items() if count}
    assert there == {State.OPEN: 1, State.RESOLVED: 1, State.ABANDONED: 1}
    assert (returns.auto_resolved.count, returns.auto_resolved.total) == (1, 2)


class TestFalseActions:
    @pytest.mark.parametrize(
        ("more", "false"),
        [({}, 0), ({"succeeded": False}, 1), ({"verdict": "FAIL"}, 1)],
        ids=["healed", "sent back", "not healed"],
    )
    def test_what_did_not_heal_or_was_sent_back(self, more, false):
        shares = measured(retrained(Writer(), **more)).false_actions
        assert (shares.count, shares.total) == (false, 1)

    def test_a_release_that_a_later_incident_rolled_back(self):
        writer = rolled_back(retrained(Writer()), "i9", 2000)
        assert measured(writer).false_actions.count == 1

    def test_not_one_whose_package_was_rolled_back_before(self):
        writer = retrained(rolled_back(Writer()), start=2000)
        assert measured(writer).false_actions.count == 0

    def test_not_one_whose_package_is_another(self):
        writer = rolled_back(retrained(Writer()), "i9", 2000, package=f"{CHALLENGER}0")
        assert measured(writer).false_actions.count == 0

    def test_what_is_not_known_yet_is_in_no_share(self):
        writer = Writer().opened(0, "i1").diagnosed(1, "i1").began_rollback(2, "i1")
        assert measured(writer.ended(3, "i1", "rollback", "rollback")).false_actions.total == 0

    def test_a_challenger_that_the_gate_refused_touched_nothing(self):
        writer = Writer().opened(0, "i1").began_retrain(1, "i1").ended(2, "i1", "retrain", succeeded=False)
        shares = measured(writer).false_actions
        assert (shares.count, shares.total) == (0, 1)

    def test_what_found_everything_done_was_no_action(self):
        writer = Writer().opened(0, "i1").diagnosed(1, "i1").began_rollback(2, "i1", changed=False)
        returns = measured(writer.verified(3, "i1").closed(4, "i1"))
        assert returns.false_actions.total == 0
        assert returns.tracks[0].begun == 1


def test_each_remedy_is_measured_by_the_cause_it_was_taken_for():
    writer = retrained(rolled_back(Writer()), start=100, package="p2")
    retrained(writer, "i3", 2000, verdict="FAIL", package="p3")
    writer.opened(9000, "i4").diagnosed(9001, "i4", "harmful-covariate-drift").began_retrain(9002, "i4")
    by_pair = {(track.cause, track.remedy): track for track in measured(writer).tracks}
    assert list(by_pair) == [(Cause.BAD_RELEASE, Remedy.ROLLBACK), (Cause.HARMFUL_DRIFT, Remedy.RETRAIN)]
    retrain = by_pair[Cause.HARMFUL_DRIFT, Remedy.RETRAIN]
    assert (retrain.begun, retrain.succeeded.count, retrain.succeeded.total) == (3, 1, 2)


def test_a_remedy_without_a_diagnosis_is_counted_as_such():
    (track,) = measured(Writer().opened(0, "i1").began_rollback(1, "i1")).tracks
    assert (track.cause, track.begun, track.succeeded.share) == (None, 1, None)


def test_what_cannot_be_read_is_counted():
    writer = Writer().opened(0, "i1").add(1, "i1", EntryKind("dreamt")).closed(2, "i1")
    assert measured(writer).unread == 1


def test_bounds_of_a_share_say_how_little_one_case_tells():
    share = Share.of(1, 1)
    assert (share.share, share.high) == (1.0, 1.0)
    assert share.low == pytest.approx(0.025)
    wide, narrow = Share.of(5, 10), Share.of(500, 1000)
    assert wide.low < narrow.low < 0.5 < narrow.high < wide.high
