"""The measured return: how fast healing was, how often it was right, and which remedies work against which causes.

What is measured:

- time to detect: from onset to detection, of incidents whose onset is known
- time to recover: of incidents that a remedy resolved, to its mitigation; from onset where that is known, else from
  detection. What was never proven is no recovery; what was only watched had nothing to recover from
- auto-resolved share: resolved among those that ended, abandoned ones included. What was mitigated and not verified
  counts apart, with a share and a time of its own: it is no failure, and no proven success
- false-action share: among remedies that were begun and whose end is known, those that did not heal (a later
  verification failed) or were undone (the guardrails sent the release back, or a later rollback took its package
  away). What found everything done already was no action

A share comes with Clopper-Pearson's exact bounds at 95 %, so that one success of one is not taken for certainty.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from selfheal.diagnose.causes import Cause
from selfheal.observe.quality.checks.proportion import lower_share, upper_share
from selfheal.record.attempts import Attempt
from selfheal.record.episode import Episode, State
from selfheal.record.moments import ROLLBACK, Ended
from selfheal.remediate.playbook import Remedy
from selfheal.verdict import Verdict

TAIL = 0.025  # on either side of the 95 % between the bounds


@dataclass(frozen=True, kw_only=True)
class Spans:
    """Times of `count` incidents; `mean` and `median` are None where there are none."""

    count: int
    mean: timedelta | None
    median: timedelta | None

    @classmethod
    def of(cls, spans: Sequence[timedelta]) -> Spans:
        """
        >>> Spans.of([timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=9)]).mean
        datetime.timedelta(seconds=240)
        """
        if not spans:
            return cls(count=0, mean=None, median=None)
        seconds = [span.total_seconds() for span in spans]
        return cls(
            count=len(seconds),
            mean=timedelta(seconds=statistics.fmean(seconds)),
            median=timedelta(seconds=statistics.median(seconds)),
        )


@dataclass(frozen=True, kw_only=True)
class Share:
    """`count` of `total`. `share`, `low` and `high` are fractions; None where there is nothing to count."""

    count: int
    total: int
    share: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, count: int, total: int) -> Share:
        if not total:
            return cls(count=0, total=0, share=None, low=None, high=None)
        low, high = lower_share(count, total, TAIL), upper_share(count, total, TAIL)
        return cls(count=count, total=total, share=count / total, low=low, high=high)


@dataclass(frozen=True, kw_only=True)
class Track:
    """How one remedy did against one cause; None is a remedy that was taken without a diagnosis.

    `succeeded` counts what verification proved, among the attempts of which it is known.
    """

    cause: Cause | None
    remedy: Remedy
    begun: int
    succeeded: Share


@dataclass(frozen=True, kw_only=True)
class Returns:
    """The measured return over all incidents.

    Attributes:
        incidents: by the state in which they stand.
        watched: incidents that were resolved without a remedy, since nothing was harmed.
        time_to_mitigate: of incidents that were mitigated and not verified; `time_to_recover` has none of them.
        recovered_from_onset: how many of `time_to_recover` count from onset; the others count from detection.
        unread: entries of incidents that this version cannot read, and that nothing here counts.
    """

    incidents: dict[State, int]
    watched: int
    time_to_detect: Spans
    time_to_recover: Spans
    recovered_from_onset: int
    time_to_verify: Spans
    time_to_mitigate: Spans
    auto_resolved: Share
    mitigated: Share
    false_actions: Share
    tracks: tuple[Track, ...]
    unread: int


def measure(told: Sequence[Episode]) -> Returns:
    """The return of all incidents; with none, counts of zero and nothing that would be divided by them."""
    incidents = {state: sum(episode.state is state for episode in told) for state in State}
    ended = len(told) - incidents[State.OPEN]
    resolved = [episode for episode in told if episode.state is State.RESOLVED]
    mitigated = [episode for episode in told if episode.state is State.MITIGATED]
    healed = [episode for episode in resolved if episode.attempts]
    taken = _judged(told)
    known = [attempt for attempt in taken if attempt.changed and _is_known(attempt)]
    return Returns(
        incidents=incidents,
        watched=len(resolved) - len(healed),
        time_to_detect=_spans((e.times.onset, e.times.detected) for e in told),
        time_to_recover=_spans((_start(e), e.times.mitigated) for e in healed),
        recovered_from_onset=sum(bool(e.times.onset and e.times.mitigated) for e in healed),
        time_to_verify=_spans((_start(e), e.times.verified) for e in healed),
        time_to_mitigate=_spans((_start(e), e.times.mitigated) for e in mitigated),
        auto_resolved=Share.of(len(resolved), ended),
        mitigated=Share.of(len(mitigated), ended),
        false_actions=Share.of(sum(a.false_because is not None for a in known), len(known)),
        tracks=_tracks(taken),
        unread=sum(len(episode.unread) for episode in told),
    )


def _judged(told: Sequence[Episode]) -> list[Attempt]:
    """The attempts of all incidents, with what later ones say of them: a package that a later rollback took away
    was released in vain.
    """
    rolled_back = {
        m.package: (episode.id, m.at)
        for episode in told
        for m in episode.moments
        if isinstance(m, Ended) and m.action == ROLLBACK and m.succeeded and m.package is not None
    }
    return [_undone(attempt, rolled_back) for episode in told for attempt in episode.attempts]


def _undone(attempt: Attempt, rolled_back: dict[str, tuple[str, datetime]]) -> Attempt:
    if attempt.released is None or attempt.released not in rolled_back or attempt.false_because is not None:
        return attempt
    incident, at = rolled_back[attempt.released]
    if at < attempt.begun_at:
        return attempt
    return replace(attempt, false_because=f"{attempt.released} was rolled back in incident {incident}")


def _is_known(attempt: Attempt) -> bool:
    return attempt.result is not Verdict.INCONCLUSIVE or attempt.false_because is not None


def _start(episode: Episode) -> datetime | None:
    return episode.times.onset or episode.times.detected


def _spans(pairs: Iterable[tuple[datetime | None, datetime | None]]) -> Spans:
    return Spans.of([end - start for start, end in pairs if start is not None and end is not None])


def _tracks(taken: Sequence[Attempt]) -> tuple[Track, ...]:
    pairs = sorted({(a.cause, a.remedy) for a in taken}, key=lambda pair: (pair[0] or "", pair[1]))
    return tuple(_track(cause, remedy, taken) for cause, remedy in pairs)


def _track(cause: Cause | None, remedy: Remedy, taken: Sequence[Attempt]) -> Track:
    results = [a.result for a in taken if a.cause is cause and a.remedy is remedy]
    passed, failed = results.count(Verdict.PASS), results.count(Verdict.FAIL)
    return Track(cause=cause, remedy=remedy, begun=len(results), succeeded=Share.of(passed, passed + failed))
