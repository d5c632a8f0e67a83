"""Did a remedy harm what it was not for? Other signals, before it and since."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from selfheal.observe.report import Report
from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.verify.finding import Finding

# What speaks of the service. Labels say what can be known of it, and its age is the calendar's doing; errors and
# latency have alarms that are looked at more often than reports come.
COMPARED = frozenset(
    {SignalKind.DATA_DRIFT, SignalKind.PREDICTION_DRIFT, SignalKind.DATA_QUALITY, SignalKind.PERFORMANCE}
)
DRIFT = frozenset({SignalKind.DATA_DRIFT, SignalKind.PREDICTION_DRIFT})
Key = tuple[SignalKind, str, str]


def others(opened_by: SignalKind, *, quality_judged: bool, quarantined: bool) -> frozenset[SignalKind]:
    """The kinds that are neither what opened the incident nor judged by themselves. Where hours were quarantined, the
    windows of drift hold them for days after the feed is sound: drift speaks of the feed then."""
    judged = {opened_by, *([SignalKind.PERFORMANCE] if quality_judged else [])}
    return COMPARED - judged - (DRIFT if quarantined else frozenset())


def judge_others(
    before: Report | None, since: Sequence[Report], kinds: Collection[SignalKind], needed: int
) -> Finding:
    """FAIL where a signal that was not in breach before the remedy is in breach in report after report.

    What was in breach before already is no worse, and what was not judged before is not known to be worse. A breach of
    fewer than `needed` reports in a row may pass: INCONCLUSIVE, as where there is no report since the remedy.

    Args:
        before: the last report before the remedy; None where there was none.
        since: reports since the remedy, newest first.
        kinds: of the signals that are compared.
    """
    if not since:
        return Finding.held("observe has left no report since the remedy: what else it did is not known")
    if before is None:
        return Finding.passed("observe left no report before the remedy that others could be compared with")
    sound = {_key(s) for s in before.signals if s.kind in kinds and s.status in (Status.OK, Status.WARN)}
    worse = {_key(s): s.reason for s in _breaches(since[0]) if _key(s) in sound}
    if not worse:
        return Finding.passed("no other signal is worse than before the remedy")
    row = since[:needed]
    lasting = [
        reason
        for key, reason in worse.items()
        if len(row) == needed and all(key in map(_key, _breaches(report)) for report in row)
    ]
    if lasting:
        return Finding.failed(
            f"worse than before the remedy in {needed} reports in a row: {'; '.join(lasting)}"
        )
    return Finding.held(f"worse than before the remedy: {'; '.join(worse.values())}")


def _breaches(report: Report) -> list[Signal]:
    return [signal for signal in report.signals if signal.status is Status.BREACH]


def _key(signal: Signal) -> Key:
    return signal.kind, signal.subject, signal.statistic
