"""Window after window: what counts as clear, and for how many."""

from __future__ import annotations

import pytest

from selfheal.observe.report import no_data
from selfheal.observe.signals import SignalKind, Status
from selfheal.verdict import Verdict
from selfheal.verify.clear import Clear, judge_clear, reported
from unit.remediate.test_quarantine import BREACH, NO_DATA, OK, WARN, quality, report, row
from unit.samples import signal

QUALITY = SignalKind.DATA_QUALITY


@pytest.mark.parametrize(
    ("statuses", "looks"),
    [
        ((OK,), 1),
        ((OK, WARN, OK, BREACH, OK), 3),
        ((BREACH, OK, OK, OK), 0),
        ((OK, NO_DATA, OK), 1),
        ((NO_DATA, OK, OK, OK), 0),
        ((), 0),
    ],
)
def test_windows_count_in_a_row_from_the_newest(statuses, looks):
    clear = reported(iter(row(*statuses)), QUALITY)
    assert clear.looks == looks
    assert (clear.doubt is None) is (looks > 0)


def test_one_feature_in_breach_is_not_clear_whatever_the_others_are():
    assert reported([report(0, quality(OK), quality(BREACH, "y"))], QUALITY).doubt == "y is BREACH"


def test_a_signal_below_its_minimum_sample_says_nothing_and_alone_it_is_not_clear():
    assert reported([report(0, quality(OK), quality(NO_DATA, "y"))], QUALITY).looks == 1
    assert reported([report(0, *no_data("no champion"))], QUALITY).doubt == "no champion"
    drift = signal(SignalKind.DATA_DRIFT, Status.OK)
    assert reported([report(0, drift)], QUALITY).doubt == "the last report does not judge data-quality"


def test_without_a_report_nothing_is_known():
    assert reported([], QUALITY).doubt == "observe has left no report of data-quality yet"


def test_no_more_is_read_than_tells():
    reports = iter(row(OK, BREACH, OK, OK))
    reported(reports, QUALITY)
    assert len(list(reports)) == 2


@pytest.mark.parametrize(
    ("clear", "verdict", "reason"),
    [
        (Clear(looks=3, doubt=None), Verdict.PASS, "drift is clear in the last 3 windows"),
        (Clear(looks=9, doubt=None), Verdict.PASS, "drift is clear in the last 9 windows"),
        (Clear(looks=2, doubt=None), Verdict.INCONCLUSIVE, "drift is clear in 2 of 3 windows in a row"),
        (Clear(looks=0, doubt="x moved"), Verdict.INCONCLUSIVE, "x moved"),
    ],
)
def test_as_many_as_the_policy_asks_for(clear, verdict, reason):
    finding = judge_clear(clear, "drift", needed=3)
    assert (finding.verdict, finding.reasons) == (verdict, (reason,))
