"""From a snapshot to a cause, by ordered rules that can be read aloud.

The first rule that explains the snapshot gives the cause; every rule before it says why it does not. What
can be undone comes first, what the model cannot be blamed for comes next, and the model comes last: most
outages of machine-learning systems are not the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from selfheal.diagnose.causes import Cause
from selfheal.diagnose.policy import DiagnosisPolicy
from selfheal.diagnose.snapshot import ReleaseStatus, Snapshot
from selfheal.observe.signals import Signal, SignalKind


@dataclass(frozen=True)
class Diagnosis:
    """A cause, what speaks for it, and what was ruled out on the way (rule: reason)."""

    cause: Cause
    evidence: tuple[str, ...]
    ruled_out: tuple[str, ...]


# A rule answers with its evidence, or with the reason why it does not apply.
Explains = tuple[str, ...]
RuledOut = str
Rule = Callable[[Snapshot, DiagnosisPolicy], "Explains | RuledOut"]


def diagnose(snapshot: Snapshot, policy: DiagnosisPolicy) -> Diagnosis:
    """The first cause that explains the snapshot; `UNKNOWN` where none does."""
    ruled_out: list[str] = []
    for cause, rule in RULES:
        finding = rule(snapshot, policy)
        if not isinstance(finding, str):
            return Diagnosis(cause, finding, tuple(ruled_out))
        ruled_out.append(f"{cause.value}: {finding}")
    evidence = tuple(signal.reason for signal in snapshot.signals if signal.status.value != "OK")
    return Diagnosis(Cause.UNKNOWN, evidence, tuple(ruled_out))


def _bad_release(snapshot: Snapshot, policy: DiagnosisPolicy) -> Explains | RuledOut:
    release = snapshot.last_release
    if release is None:
        return "nothing was released"
    if snapshot.opened_by is SignalKind.RELEASE and release.status is ReleaseStatus.ROLLED_BACK:
        return (
            f"the guardrails rolled back {release.package}, released {release.started_at:%Y-%m-%d %H:%M}",
        )
    infrastructure = {kind: since for kind, since in snapshot.firing.items() if kind.is_infrastructure}
    if not infrastructure:
        return "no infrastructure alarm is firing"
    if release.status is ReleaseStatus.RELEASING:
        # The endpoint's alarms see both fleets: they would send back the very fix for a failing champion.
        return "a release is under way, and its own alarms judge it"
    if release.status is ReleaseStatus.ROLLED_BACK or snapshot.live_config != release.config:
        return f"the last release ({release.status.value}) is not what serves"
    begun = release.ended_at or release.started_at
    end = begun + timedelta(hours=policy.probation_hours)
    within = {kind: since for kind, since in infrastructure.items() if begun <= since <= end}
    if not within:
        return f"nothing began within {policy.probation_hours} h after the last release"
    return tuple(
        f"{kind.value} began {since:%Y-%m-%d %H:%M}, within probation of {release.package}, "
        f"released {release.started_at:%Y-%m-%d %H:%M}"
        for kind, since in sorted(within.items(), key=lambda item: item[1])
    )


def _infrastructure(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    firing = sorted(kind.value for kind in snapshot.firing if kind.is_infrastructure)
    return (
        tuple(f"{kind} is firing and no release explains it" for kind in firing)
        or "no infrastructure alarm is firing"
    )


def _upstream_data(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    broken = _reasons(snapshot.breaches(SignalKind.DATA_QUALITY))
    if broken:
        return broken
    if not snapshot.knows(SignalKind.DATA_QUALITY):
        return "whether the input is sound is not known"
    return "the input is as complete and as well-formed as in training"


def _harmful_drift(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    worse, moved = snapshot.breaches(SignalKind.PERFORMANCE), snapshot.breaches(SignalKind.DATA_DRIFT)
    if not worse:
        return _unharmed(snapshot)
    if not moved:
        return "no feature moved beyond its tolerance"
    return _reasons(worse) + _reasons(moved)


def _concept_drift(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    worse = snapshot.breaches(SignalKind.PERFORMANCE)
    if not worse:
        return _unharmed(snapshot)
    if not snapshot.knows(SignalKind.DATA_DRIFT):
        return "whether the inputs moved is not known"
    return (*_reasons(worse), "no feature moved beyond its tolerance")


def _harmless_drift(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    moved = snapshot.breaches(SignalKind.DATA_DRIFT)
    if not moved:
        return "no feature moved beyond its tolerance"
    if not snapshot.knows(SignalKind.PERFORMANCE):
        return "whether quality suffers is not known"
    return (*_reasons(moved), "measured quality is intact")


RULES: Sequence[tuple[Cause, Rule]] = (
    (Cause.BAD_RELEASE, _bad_release),
    (Cause.INFRASTRUCTURE, _infrastructure),
    (Cause.UPSTREAM_DATA, _upstream_data),
    (Cause.HARMFUL_DRIFT, _harmful_drift),
    (Cause.CONCEPT_DRIFT, _concept_drift),
    (Cause.HARMLESS_DRIFT, _harmless_drift),
)


def _unharmed(snapshot: Snapshot) -> RuledOut:
    if snapshot.knows(SignalKind.PERFORMANCE):
        return "measured quality is intact"
    return "no matured labels say that quality suffers"


def _reasons(signals: Sequence[Signal]) -> tuple[str, ...]:
    return tuple(signal.reason for signal in signals)
