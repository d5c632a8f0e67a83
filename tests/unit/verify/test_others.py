"""What a remedy made worse, and what it did not."""

from __future__ import annotations

import pytest

from selfheal.observe.signals import SignalKind, Status
from selfheal.verdict import Verdict
from selfheal.verify.others import COMPARED, judge_others, others
from unit.remediate.test_quarantine import report
from unit.samples import signal

OK, WARN, BREACH, NO_DATA = Status.OK, Status.WARN, Status.BREACH, Status.NO_DATA
PASS, WAIT, FAIL = Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL
DRIFT, QUALITY = SignalKind.DATA_DRIFT, SignalKind.DATA_QUALITY


def reports(*statuses, kind=DRIFT, subject="x"):
    return [report(ago, signal(kind, status, subject)) for ago, status in enumerate(statuses)]


def found(before, since, kinds=COMPARED):
    (earlier,) = reports(before)
    return judge_others(earlier, since, kinds, needed=3)


@pytest.mark.parametrize(
    ("before", "since", "verdict"),
    [
        (OK, (OK,), PASS),
        (OK, (WARN, OK), PASS),
        (OK, (BREACH,), WAIT),
        (OK, (BREACH, BREACH, OK), WAIT),
        (OK, (BREACH, BREACH, BREACH), FAIL),
        (WARN, (BREACH, BREACH, BREACH), FAIL),
        (OK, (OK, BREACH, BREACH), PASS),
        (BREACH, (BREACH, BREACH, BREACH), PASS),
        (NO_DATA, (BREACH, BREACH, BREACH), PASS),
        (OK, (NO_DATA,), PASS),
    ],
)
def test_worse_is_what_was_sound_and_is_in_breach_report_after_report(before, since, verdict):
    assert found(before, reports(*since)).verdict is verdict


def test_another_feature_or_statistic_is_another_signal():
    assert found(OK, reports(BREACH, BREACH, BREACH, subject="y")).verdict is PASS
    assert found(OK, reports(BREACH, BREACH, BREACH, kind=QUALITY)).verdict is PASS


def test_a_breach_that_wanders_from_feature_to_feature_does_not_last():
    before = report(9, signal(DRIFT, OK, "x"), signal(DRIFT, OK, "y"))
    since = [report(ago, signal(DRIFT, BREACH, "xyx"[ago])) for ago in range(3)]
    assert judge_others(before, since, COMPARED, needed=3).verdict is WAIT


def test_what_is_judged_by_itself_is_not_compared():
    assert found(OK, reports(BREACH, BREACH, BREACH), kinds=COMPARED - {DRIFT}).verdict is PASS


def test_without_a_report_since_the_remedy_nobody_can_tell():
    assert found(OK, []).verdict is WAIT


def test_without_one_before_it_there_is_nothing_to_compare_with_and_that_is_said():
    finding = judge_others(None, reports(BREACH, BREACH, BREACH), COMPARED, needed=3)
    assert finding.verdict is PASS
    assert "no report before the remedy" in finding.reasons[0]


def test_the_reason_names_what_became_worse():
    assert "x is BREACH" in found(OK, reports(BREACH)).reasons[0]
    assert "in 3 reports in a row" in found(OK, reports(BREACH, BREACH, BREACH)).reasons[0]


def test_what_is_compared():
    assert others(SignalKind.LATENCY, quality_judged=False, quarantined=False) == COMPARED
    assert others(DRIFT, quality_judged=True, quarantined=False) == {SignalKind.PREDICTION_DRIFT, QUALITY}
    assert others(QUALITY, quality_judged=False, quarantined=True) == {SignalKind.PERFORMANCE}
    assert SignalKind.LABELS not in COMPARED
    assert SignalKind.MODEL_AGE not in COMPARED
