"""Rules for what the model cannot be blamed for: its release, what it runs on, what it is asked."""

from __future__ import annotations

from datetime import timedelta

from selfheal.diagnose.policy import DiagnosisPolicy
from selfheal.diagnose.rule import Explains, RuledOut, moment, reasons
from selfheal.diagnose.snapshot import ReleaseStatus, Snapshot
from selfheal.observe.signals import SignalKind


def bad_release(snapshot: Snapshot, policy: DiagnosisPolicy) -> Explains | RuledOut:
    release = snapshot.release
    if release is None:
        return "nothing was released"
    if snapshot.opened_by is SignalKind.RELEASE and release.status is ReleaseStatus.ROLLED_BACK:
        return (f"the guardrails rolled back {release.package}, released {moment(release.started_at)}",)
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
        f"{kind.value} began {moment(since)}, within probation of {release.package}, "
        f"released {moment(release.started_at)}"
        for kind, since in sorted(within.items(), key=lambda item: item[1])
    )


def shared_cause(snapshot: Snapshot, policy: DiagnosisPolicy) -> Explains | RuledOut:
    """Several endpoints went into alarm at once. That they are in alarm is not enough: drift that harms nobody
    may keep an alarm for weeks."""
    if snapshot.elsewhere is None:
        return "whether other endpoints are in alarm is not known"
    if not snapshot.firing:
        return "no alarm of this endpoint is firing"
    kind, onset = max(snapshot.firing.items(), key=lambda item: item[1])
    near = timedelta(minutes=policy.shared_within_minutes)
    at_once = [alarm for alarm in snapshot.elsewhere if abs(alarm.since - onset) <= near]
    endpoints = 1 + len({alarm.endpoint for alarm in at_once})
    if endpoints < policy.shared_endpoints:
        return (
            f"{endpoints} of the account's endpoints went into alarm within {policy.shared_within_minutes} min, "
            f"{policy.shared_endpoints} would have a cause in common"
        )
    return (
        f"{endpoints} endpoints went into alarm within {policy.shared_within_minutes} min; {kind.value} began "
        f"here {moment(onset)}",
        *(
            f"{alarm.endpoint}: {alarm.kind.value} began {moment(alarm.since)}"
            for alarm in sorted(at_once, key=lambda alarm: (alarm.since, alarm.endpoint, alarm.kind.value))
        ),
    )


def infrastructure(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    firing = sorted(kind.value for kind in snapshot.firing if kind.is_infrastructure)
    return (
        tuple(f"{kind} is firing and no release explains it" for kind in firing)
        or "no infrastructure alarm is firing"
    )


def traffic_unseen(snapshot: Snapshot, policy: DiagnosisPolicy) -> Explains | RuledOut:
    """Nobody looks at the traffic. Asked before what the traffic is like: what nobody sees looks like a feed that
    stands still."""
    unseen = (*_stale_report(snapshot, policy), *_lost_capture(snapshot, policy))
    if unseen:
        return unseen
    if snapshot.capture is None:
        return "whether traffic is captured is not known"
    return "traffic is captured and observe reports on it"


def _stale_report(snapshot: Snapshot, policy: DiagnosisPolicy) -> Explains:
    if snapshot.observed_at is None:
        return ("observe left no report within 24 h",)
    if snapshot.at - snapshot.observed_at > timedelta(hours=policy.report_hours):
        return (
            f"observe reported last at {moment(snapshot.observed_at)}, more than {policy.report_hours} h ago",
        )
    if snapshot.observe_failure is not None:
        return (f"observe could not judge anything: {snapshot.observe_failure}",)
    return ()


def _lost_capture(snapshot: Snapshot, policy: DiagnosisPolicy) -> Explains:
    capture = snapshot.capture
    if capture is None:
        return ()
    if not capture.sampling_percent > 0:
        return (f"data capture is off in {snapshot.live_config}, the config that serves",)
    if capture.missing < policy.uncaptured_requests:
        return ()
    return (
        f"{capture.uncaptured} requests since {moment(capture.since)} and no captured file, "
        f"where {capture.sampling_percent:g} % of them should be captured",
    )


def upstream_data(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    broken = reasons(snapshot.breaches(SignalKind.DATA_QUALITY))
    if broken:
        return broken
    if not snapshot.knows(SignalKind.DATA_QUALITY):
        return "whether the input is sound is not known"
    return "the input is as complete and as well-formed as in training"


def labels_stopped(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    """Nobody can say how good the model is. Asked after the input: that is seen without labels."""
    stopped = reasons(snapshot.breaches(SignalKind.LABELS))
    if stopped:
        return stopped
    return "labels come" if snapshot.knows(SignalKind.LABELS) else "whether labels come is not known"
