"""Recovery: is the service whole again?

Recovered only when all of it holds:

- the endpoint serves what it should, down to the model package, and answers that package's golden set as recorded
- no infrastructure alarm is firing
- what opened the incident is clear, window after window: its signal and quality since the remedy, or, where hours were
  quarantined, the feed that was broken
- no other signal is worse than before the remedy

Where one cannot be judged yet, look again; past the deadline, unproven is not recovered. Where all that is missing then
are labels, which no further look would bring, the harm has ended as far as is known: mitigated, and not recovered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.remediate.playbook import Remedy
from selfheal.verdict import Verdict
from selfheal.verify.clear import Clear, judge_clear
from selfheal.verify.feed import Feed
from selfheal.verify.finding import Finding, together
from selfheal.verify.others import DRIFT
from selfheal.verify.policy import RecoveryPolicy


def asks_quality(opened_by: SignalKind, *, quarantined: bool) -> bool:
    """Whether quality must be proven: not of infrastructure, nor of a release that was sent back, nor of a feed, whose
    outcomes say nothing of the model."""
    return not (quarantined or opened_by.is_infrastructure or opened_by is SignalKind.RELEASE)


def asks_report(opened_by: SignalKind, last: Remedy | None, *, quarantined: bool) -> bool:
    """Whether observe's reports must say that the kind which opened the incident is clear.

    Errors, latency and releases have alarms alone, quality is judged since the remedy, and drift that is watched since
    it does no harm goes on: that it does none is quality's to prove.
    """
    harmless = last is Remedy.WATCH and opened_by in DRIFT
    return (
        asks_quality(opened_by, quarantined=quarantined)
        and opened_by is not SignalKind.PERFORMANCE
        and not harmless
    )


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Quality since the remedy, in windows.

    Attributes:
        unlabelled: whether the newest window has too few labels to be judged.
    """

    clear: Clear
    unlabelled: bool

    @classmethod
    def of(cls, windows: Sequence[Signal]) -> Quality:
        """
        Args:
            windows: signals of performance, one a window, newest first; at least one.
        """
        doubts = (None if each.status in (Status.OK, Status.WARN) else each.reason for each in windows)
        clear = Clear.of(doubts, nothing="quality was not looked at")
        return cls(clear=clear, unlabelled=windows[0].status is Status.NO_DATA)


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """What is known after a remedy.

    Attributes:
        opened_by: the kind of signal that opened the incident.
        acted_at: when the remedy had taken effect.
        serving, golden, others: what was found of these (`serving.py`, `golden.py`, `others.py`).
        firing: kinds whose alarm is in ALARM, and since when.
        quiet_since: since when the others have been quiet, counted from the remedy at the earliest.
        signal: what opened the incident, in observe's reports; None where its alarm or what follows speaks for it.
        quality: None where it is not what is asked: of infrastructure, of a release that the guardrails sent back, of
            a feed.
        feed: None where no hours were quarantined.
    """

    opened_by: SignalKind
    acted_at: datetime
    serving: Finding
    golden: Finding
    others: Finding
    firing: Mapping[SignalKind, datetime]
    quiet_since: datetime
    signal: Clear | None = None
    quality: Quality | None = None
    feed: Feed | None = None


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What is to be thought of a recovery.

    Attributes:
        unproven: what nobody could prove by the deadline, where all else holds; None where that is not so. The verdict
            is INCONCLUSIVE then, and no further look will change it.
    """

    finding: Finding
    unproven: str | None = None


def judge_recovery(recovery: Recovery, policy: RecoveryPolicy, now: datetime) -> Judgement:
    """PASS, FAIL, or INCONCLUSIVE: while it is too early to tell, or for good where only labels are missing."""
    rows = {
        recovery.opened_by.value: recovery.signal,
        "the feed": recovery.feed.clear if recovery.feed else None,
    }
    checks = [
        recovery.serving,
        recovery.golden,
        _quiet(recovery, policy, now),
        recovery.others,
        *(judge_clear(row, name, policy.clear_windows) for name, row in rows.items() if row),
    ]
    quality = recovery.quality
    judged = [judge_clear(quality.clear, "quality", policy.clear_windows)] if quality else []
    finding = together([*checks, *judged])
    late = now - recovery.acted_at >= timedelta(hours=policy.deadline_hours)
    if finding.verdict is not Verdict.INCONCLUSIVE or not late:
        return Judgement(finding=finding)
    given_up = f"not proven within {policy.deadline_hours} h"
    if quality and quality.unlabelled and together(checks).verdict is Verdict.PASS:
        unproven = f"quality since the remedy is {given_up}: {quality.clear.doubt}"
        return Judgement(finding=finding, unproven=unproven)
    return Judgement(finding=Finding.failed(*finding.reasons, given_up))


def _quiet(recovery: Recovery, policy: RecoveryPolicy, now: datetime) -> Finding:
    infrastructure = {kind: since for kind, since in recovery.firing.items() if kind.is_infrastructure}
    fresh = sorted(kind.value for kind, since in infrastructure.items() if since > recovery.acted_at)
    if fresh:
        return Finding.failed(f"{' and '.join(fresh)} began after the remedy")
    firing = sorted(kind.value for kind in infrastructure)
    if firing:
        return Finding.held(f"{' and '.join(firing)} still firing")
    # Alarms are all that speaks of these: their windows are minutes, and no report has them.
    by_alarm = recovery.opened_by.is_infrastructure or recovery.opened_by is SignalKind.RELEASE
    if by_alarm and now - recovery.quiet_since < timedelta(minutes=policy.clear_minutes):
        return Finding.held(f"quiet for less than {policy.clear_minutes} min")
    return Finding.passed("no infrastructure alarm is firing")
