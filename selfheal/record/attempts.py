"""Attempts: the remedies that an incident began, and what came of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from selfheal.diagnose.causes import Cause
from selfheal.record.moments import RELEASE, Begun, Diagnosed, Ended, Moment, Verified
from selfheal.remediate.playbook import Remedy
from selfheal.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One remedy that was begun. Watching and escalating begin nothing, so they are none.

    Attributes:
        cause: the diagnosis that it was taken for.
        changed: False where it found everything done already.
        released: the model package that it brought into service.
        result: `PASS` where the verification after it passed, `FAIL` where that failed or the remedy did,
            `INCONCLUSIVE` as long as neither is known.
        false_because: why it was a false action: what it did was undone, or did not heal. A remedy that failed
            before it touched the service is none, nor is a quarantine: that the feed stayed broken speaks for it.
    """

    remedy: Remedy
    cause: Cause | None
    begun_at: datetime
    changed: bool = True
    released: str | None = None
    result: Verdict = Verdict.INCONCLUSIVE
    false_because: str | None = None


def attempts(moments: Iterable[Moment]) -> tuple[Attempt, ...]:
    """The attempts of one incident, in the order in which they began.

    A step that is tried again writes its intent again; it is one attempt, which began the first time. A
    verification speaks of the attempt before it.
    """
    found: dict[Remedy, Attempt] = {}
    cause: Cause | None = None
    for moment in moments:
        if isinstance(moment, Diagnosed):
            cause = moment.cause
        elif isinstance(moment, Begun) and moment.remedy is not None:
            fresh = Attempt(remedy=moment.remedy, cause=cause, begun_at=moment.at, changed=moment.changed)
            found.setdefault(moment.remedy, fresh)
        elif isinstance(moment, Ended) and moment.remedy in found:
            found[moment.remedy] = _ended(found[moment.remedy], moment)
        elif isinstance(moment, Verified) and found:
            last = next(reversed(found))
            found[last] = _verified(found[last], moment)
    return tuple(found.values())


def _ended(attempt: Attempt, ended: Ended) -> Attempt:
    if ended.succeeded:
        return replace(attempt, released=ended.package if ended.action == RELEASE else attempt.released)
    undone = ended.reason if ended.action == RELEASE else None
    return replace(attempt, result=Verdict.FAIL, false_because=attempt.false_because or undone)


def _verified(attempt: Attempt, verified: Verified) -> Attempt:
    if verified.verdict is Verdict.INCONCLUSIVE or attempt.result is Verdict.FAIL:
        return attempt  # what passes after a failure was healed by something else
    if verified.verdict is Verdict.PASS:
        return replace(attempt, result=Verdict.PASS)
    in_vain = None if attempt.remedy is Remedy.QUARANTINE else "; ".join(verified.reasons)
    return replace(attempt, result=Verdict.FAIL, false_because=in_vain)
