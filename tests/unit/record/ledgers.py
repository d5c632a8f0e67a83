"""Small ledgers, with bodies as the functions write them."""

from __future__ import annotations

from datetime import timedelta

from selfheal.observe.signals import SignalKind
from selfheal.record.incident import Trigger
from selfheal.record.ledger import Entry, EntryKind
from unit.samples import CHALLENGER, CHAMPION, NOW


class Writer:
    """Writes a chain; every entry says how many minutes after NOW it comes."""

    def __init__(self):
        self.entries = []

    def add(self, minutes, incident, kind, /, **body):
        last = self.entries[-1] if self.entries else None
        at = NOW + timedelta(minutes=minutes)
        self.entries.append(Entry.after(last, at=at, incident=incident, kind=kind, body=body))
        return self

    def opened(self, minutes, incident, kind=SignalKind.LATENCY, subject=None, onset=None):
        began = None if onset is None else NOW + timedelta(minutes=onset)
        return self._signal(minutes, incident, EntryKind.OPENED, kind, subject, "slow", began)

    def attached(self, minutes, incident, kind=SignalKind.ERRORS, reason="failing"):
        return self._signal(minutes, incident, EntryKind.ATTACHED, kind, None, reason, None)

    def _signal(self, minutes, incident, entry, kind, subject, reason, onset):
        subject = subject or f"flights-{kind.value}"
        at = NOW + timedelta(minutes=minutes)
        trigger = Trigger(kind=kind, subject=subject, at=at, reason=reason, onset=onset)
        return self.add(minutes, incident, entry, **trigger.to_json())

    def diagnosed(self, minutes, incident, cause="bad-release", evidence=("it began",), **more):
        ruled_out = ["infrastructure: a release explains it"]
        return self.add(
            minutes,
            incident,
            EntryKind.DIAGNOSED,
            **{"cause": cause, "evidence": list(evidence), "ruled_out": ruled_out, **more},
        )

    def planned(self, minutes, incident, remedy="rollback", stopped=(), **more):
        return self.add(
            minutes,
            incident,
            EntryKind.PLANNED,
            **{"remedy": remedy, "reason": "next rung", "stopped": list(stopped), **more},
        )

    def began(self, minutes, incident, remedy, **body):
        return self.add(minutes, incident, EntryKind.INTENT, **{"remedy": remedy, "changed": True, **body})

    def began_rollback(self, minutes, incident, package=CHALLENGER, changed=True):
        return self.add(
            minutes,
            incident,
            EntryKind.INTENT,
            **{"remedy": "rollback", "from": "new", "to": "old", "package": package, "changed": changed},
        )

    def began_retrain(self, minutes, incident):
        return self.add(minutes, incident, EntryKind.INTENT, remedy="retrain", champion=CHAMPION, token="t")

    def began_release(self, minutes, incident, package=CHALLENGER, config="new"):
        return self.add(
            minutes,
            incident,
            EntryKind.INTENT,
            action="release",
            kind="release",
            config=config,
            previous="old",
            model="m",
            package=package,
            released=config,
        )

    def ended(self, minutes, incident, remedy, action=None, succeeded=True, package=CHALLENGER, reason=None):
        body = {"remedy": remedy, "succeeded": succeeded}
        body["reason"] = reason or ("it serves" if succeeded else "the old one serves")
        if action is not None:
            body |= {"action": action, "released": "new", "package": package}
        return self.add(minutes, incident, EntryKind.OUTCOME, **body)

    def verified(self, minutes, incident, verdict="PASS", reasons=("no infrastructure alarm is firing",)):
        return self.add(minutes, incident, EntryKind.VERIFIED, verdict=verdict, reasons=list(reasons))

    def closed(self, minutes, incident, outcome="resolved", notes=(), **more):
        body = {"outcome": outcome, "notes": list(notes), "champion_before": CHALLENGER}
        return self.add(minutes, incident, EntryKind.CLOSED, **{**body, "champion_after": CHAMPION, **more})

    def abandoned(self, minutes, incident):
        return self.add(minutes, incident, EntryKind.ABANDONED, execution="e", status="TIMED_OUT")


def rolled_back(writer, incident="i1", start=0, package=CHALLENGER):
    """A bad release, found by its latency, rolled back and proven."""
    return (
        writer.opened(start, incident)
        .diagnosed(start + 1, incident)
        .planned(start + 2, incident)
        .began_rollback(start + 3, incident, package)
        .ended(start + 8, incident, "rollback", "rollback", package=package)
        .verified(start + 10, incident, "INCONCLUSIVE", ("quiet for less than 30 min",))
        .verified(start + 40, incident)
        .closed(start + 41, incident)
    )


def retrained(writer, incident="i2", start=0, succeeded=True, package=CHALLENGER, verdict="PASS"):
    """Drift that did harm, and a retraining whose release held or was sent back."""
    (
        writer.opened(start, incident, SignalKind.PERFORMANCE)
        .diagnosed(start + 1, incident, "harmful-covariate-drift")
        .planned(start + 2, incident, "retrain")
        .began_retrain(start + 3, incident)
        .began_release(start + 60, incident, package, f"config-{incident}")
        .ended(start + 80, incident, "retrain", "release", succeeded, package)
    )
    if not succeeded:
        writer.planned(start + 81, incident, "escalate", ("retrain: was tried in this incident",))
        return writer.closed(start + 82, incident, "escalated")
    writer.verified(start + 1000, incident, verdict, ("log loss as promised",))
    if verdict == "PASS":
        return writer.closed(start + 1001, incident)
    writer.ended(start + 1000, incident, "retrain", succeeded=False, reason="log loss as promised")
    return writer.closed(start + 1001, incident, "escalated")


def mitigated(writer, incident="i2", start=0, package=CHALLENGER):
    """Drift that did harm, a retraining that took effect, and labels that never came to prove it."""
    unproven = "quality since the remedy is not proven within 96 h: too few labels"
    return (
        writer.opened(start, incident, SignalKind.PERFORMANCE)
        .diagnosed(start + 1, incident, "harmful-covariate-drift")
        .planned(start + 2, incident, "retrain")
        .began_retrain(start + 3, incident)
        .began_release(start + 60, incident, package, f"config-{incident}")
        .ended(start + 80, incident, "retrain", "release", package=package)
        .verified(start + 5840, incident, "INCONCLUSIVE", ("too few labels", unproven))
        .closed(start + 5841, incident, "mitigated", unproven=unproven)
    )


def quarantined(writer, incident="i4", start=0, mended=True):
    """A broken feed, whose hours were quarantined until it was healthy, or until a person was asked."""
    reason = "hours from 2013-03-01 09:00 UTC on are kept out of training: x"
    (
        writer.opened(start, incident, SignalKind.DATA_QUALITY, onset=start - 60)
        .diagnosed(start + 1, incident, "upstream-data", ("x is empty",))
        .planned(start + 2, incident, "quarantine")
        .add(
            start + 3, incident, EntryKind.INTENT, remedy="quarantine", since="…", broken=["x"], changed=True
        )
        .ended(start + 3, incident, "quarantine", reason=reason)
        .verified(start + 4, incident, "INCONCLUSIVE", ("x is empty",))
    )
    if not mended:
        writer.verified(start + 5760, incident, "FAIL", ("x is empty", "not proven within 96 h"))
        writer.ended(
            start + 5760, incident, "quarantine", succeeded=False, reason="x is empty; not proven within 96 h"
        )
        return writer.closed(start + 5761, incident, "escalated")
    writer.verified(start + 600, incident, reasons=("the feed is healthy in the last 3 reports",))
    since, until = (NOW + timedelta(hours=hours) for hours in (-3, 5))
    body = {"by": "verify", "reason": "healthy", "since": since.isoformat(), "until": until.isoformat()}
    return writer.add(start + 600, incident, EntryKind.HOURS_RELEASED, **body).closed(start + 601, incident)


def recalibrated(writer, incident="i5", start=0, refused=None, package=CHALLENGER):
    """A base rate that moved, and a recalibration whose release held; or that was refused, and so handed over."""
    (
        writer.opened(start, incident, SignalKind.PERFORMANCE)
        .diagnosed(start + 1, incident, "label-shift")
        .planned(start + 2, incident, "recalibrate")
    )
    if refused:
        writer.ended(start + 3, incident, "recalibrate", succeeded=False, reason=refused)
        writer.planned(start + 4, incident, "escalate", ("recalibrate: was tried in this incident",))
        return writer.closed(start + 5, incident, "escalated", notes=[f"recalibrate: {refused}"])
    return (
        writer.add(start + 3, incident, EntryKind.INTENT, remedy="recalibrate", champion=CHAMPION, token="t")
        .began_release(start + 4, incident, package, f"config-{incident}")
        .ended(start + 80, incident, "recalibrate", "release", package=package)
        .verified(start + 1000, incident, reasons=("log loss as promised",))
        .closed(start + 1001, incident)
    )


def watched(writer, incident="i3", start=0):
    """Drift that did no harm."""
    return (
        writer.opened(start, incident, SignalKind.DATA_DRIFT)
        .diagnosed(start + 1, incident, "harmless-covariate-drift")
        .planned(start + 2, incident, "watch")
        .verified(start + 3, incident)
        .closed(start + 4, incident)
    )
