"""Recovery: is the service whole again?

Recovered only when all of it holds: what serves is what was asked for, no infrastructure alarm is firing,
and the signal that opened the incident is clear: quality since the remedy, or, where hours were quarantined, the feed
that was broken. Where one cannot be judged yet, look again; past the
deadline, unproven is not recovered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.verdict import Verdict, worst
from selfheal.verify.feed import Feed
from selfheal.verify.policy import RecoveryPolicy


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """What is known after a remedy.

    Attributes:
        opened_by: the kind of signal that opened the incident.
        acted_at: when the remedy had taken effect.
        asked_config: the endpoint config that should serve, or None where the remedy asked for none.
        live_config: the one that does.
        firing: kinds whose alarm is in ALARM, and since when.
        judged: quality since the remedy, on the new champion's own answers; where hours were quarantined, the
            feed that was broken.
    """

    opened_by: SignalKind
    acted_at: datetime
    asked_config: str | None
    live_config: str
    firing: Mapping[SignalKind, datetime]
    judged: Signal | Feed


@dataclass(frozen=True)
class Finding:
    """A verdict on recovery, with the reasons for it."""

    verdict: Verdict
    reasons: tuple[str, ...]


def judge_recovery(recovery: Recovery, policy: RecoveryPolicy, now: datetime) -> Finding:
    """PASS, FAIL, or INCONCLUSIVE while it is too early to tell."""
    findings = [_serves(recovery), _quiet(recovery, policy, now)]
    if isinstance(recovery.judged, Feed):
        # What outcomes say of the model is another question: its own alarm asks it.
        findings.append(_fed(recovery.judged, policy))
    elif not recovery.opened_by.is_infrastructure and recovery.opened_by is not SignalKind.RELEASE:
        findings.append(_quality(recovery.judged))
    verdict = worst(finding.verdict for finding in findings)
    reasons = tuple(reason for finding in findings for reason in finding.reasons)
    if verdict is Verdict.INCONCLUSIVE and now - recovery.acted_at >= timedelta(hours=policy.deadline_hours):
        return Finding(Verdict.FAIL, (*reasons, f"not proven within {policy.deadline_hours} h"))
    return Finding(verdict, reasons)


def _serves(recovery: Recovery) -> Finding:
    if recovery.asked_config is None or recovery.asked_config == recovery.live_config:
        return Finding(Verdict.PASS, (f"{recovery.live_config} serves",))
    return Finding(Verdict.FAIL, (f"{recovery.live_config} serves where {recovery.asked_config} should",))


def _quiet(recovery: Recovery, policy: RecoveryPolicy, now: datetime) -> Finding:
    infrastructure = {kind: since for kind, since in recovery.firing.items() if kind.is_infrastructure}
    fresh = sorted(kind.value for kind, since in infrastructure.items() if since > recovery.acted_at)
    if fresh:
        return Finding(Verdict.FAIL, (f"{' and '.join(fresh)} began after the remedy",))
    firing = sorted(kind.value for kind in infrastructure)
    if firing:
        return Finding(Verdict.INCONCLUSIVE, (f"{' and '.join(firing)} still firing",))
    if recovery.opened_by.is_infrastructure and now - recovery.acted_at < timedelta(
        minutes=policy.clear_minutes
    ):
        return Finding(Verdict.INCONCLUSIVE, (f"quiet for less than {policy.clear_minutes} min",))
    return Finding(Verdict.PASS, ("no infrastructure alarm is firing",))


def _quality(performance: Signal) -> Finding:
    # Even a certain breach waits for the deadline: the outcomes of one bad day are no independent sample.
    verdict = Verdict.PASS if performance.status in (Status.OK, Status.WARN) else Verdict.INCONCLUSIVE
    return Finding(verdict, (performance.reason,))


def _fed(feed: Feed, policy: RecoveryPolicy) -> Finding:
    if feed.doubt is not None:
        return Finding(Verdict.INCONCLUSIVE, (feed.doubt,))
    if feed.looks < policy.clear_windows:
        return Finding(
            Verdict.INCONCLUSIVE,
            (f"the feed is healthy in {feed.looks} of {policy.clear_windows} reports in a row",),
        )
    return Finding(Verdict.PASS, (f"the feed is healthy in the last {feed.looks} reports",))
