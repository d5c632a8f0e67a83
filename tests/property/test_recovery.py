"""Whatever is known of a recovery: resolved only when all of it holds, mitigated only when labels alone are missing."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from unit.samples import NOW, signal

from selfheal.observe.signals import SignalKind, Status
from selfheal.verdict import Verdict
from selfheal.verify.clear import Clear
from selfheal.verify.finding import Finding
from selfheal.verify.policy import RecoveryPolicy
from selfheal.verify.recovery import Quality, Recovery, judge_recovery

POLICY = RecoveryPolicy()
FINDINGS = st.sampled_from([Finding.passed("yes"), Finding.held("not yet"), Finding.failed("no")])
CLEAR = st.integers(0, 4).map(lambda looks: Clear(looks=looks, doubt=None if looks else "x moved"))
QUALITY = st.lists(st.sampled_from(Status), min_size=1, max_size=3).map(
    lambda statuses: Quality.of([signal(SignalKind.PERFORMANCE, status) for status in statuses])
)
# Hours since the remedy, up to and beyond the deadline.
HOURS = st.one_of(st.integers(0, 200), st.sampled_from([95, 96]))


@st.composite
def recoveries(draw):
    acted_at = NOW - timedelta(hours=draw(HOURS))
    return Recovery(
        opened_by=SignalKind.DATA_DRIFT,
        acted_at=acted_at,
        serving=draw(FINDINGS),
        golden=draw(FINDINGS),
        others=draw(FINDINGS),
        firing=draw(st.dictionaries(st.sampled_from(SignalKind), st.just(acted_at))),
        quiet_since=acted_at,
        signal=draw(CLEAR),
        quality=draw(QUALITY),
    )


def whole(recovery: Recovery) -> bool:
    """Everything but quality."""
    found = (recovery.serving, recovery.golden, recovery.others)
    quiet = not any(kind.is_infrastructure for kind in recovery.firing)
    return (
        all(each.verdict is Verdict.PASS for each in found)
        and quiet
        and recovery.signal.looks >= POLICY.clear_windows
    )


@given(recoveries())
def test_resolved_mitigated_failed_or_not_yet(recovery):
    judgement = judge_recovery(recovery, POLICY, NOW)
    verdict, late = judgement.finding.verdict, NOW - recovery.acted_at >= timedelta(hours=96)
    good = recovery.quality.clear.looks >= POLICY.clear_windows
    assert (verdict is Verdict.PASS) == (whole(recovery) and good)
    if judgement.unproven is not None:
        assert late
        assert whole(recovery)
        assert recovery.quality.unlabelled
        assert verdict is Verdict.INCONCLUSIVE
    elif late:
        assert verdict is not Verdict.INCONCLUSIVE, "nothing waits for ever"
    assert judgement.finding.reasons
