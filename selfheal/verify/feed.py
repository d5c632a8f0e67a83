"""The feed: are the signals that a quarantine was begun for clear again, look after look?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from selfheal.observe.report import Report
from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.remediate.quarantine import broken_signals, judged_hour, statuses_of
from selfheal.verify.clear import Clear

# A sensor is asked whether it stands still only while it does: once it moves, the check leaves no signal.
WHILE_BROKEN = "constant"
# How the statistics are named that are a share of the window's rows.
SHARE = "_percent"


@dataclass(frozen=True, kw_only=True)
class Feed:
    """What the last reports say of signals that were in breach.

    Attributes:
        clear: the last reports in a row in which each of these signals was judged and is as in training, and nothing
            of the input is in breach.
        sound_since: the first hour that these reports speak of; None where there are none.
    """

    clear: Clear
    sound_since: datetime | None


def feed_of(reports: Iterable[Report], broken: Sequence[Signal]) -> Feed:
    """The state of the feed.

    A warning is not clear: its window still holds more broken rows than training can explain. Of an OK alone only the
    last hour is believed, since a few broken hours hide in a long window; a window without a single bad row is sound as
    a whole.

    Args:
        reports: newest first; read no further than the row goes.
        broken: the signals that were in breach.
    """
    sound = list[datetime]()

    def doubts() -> Iterator[str | None]:
        for report in reports:
            doubt = _doubt(report, broken)
            if doubt is None:
                sound.append(_sound_since(report, broken))
            yield doubt

    clear = Clear.of(doubts(), nothing="observe left no report within 24 h")
    return Feed(clear=clear, sound_since=min(sound, default=None))


def _doubt(report: Report, broken: Sequence[Signal]) -> str | None:
    """Why a report does not say that the feed is healthy."""
    breaches = broken_signals(report)
    if breaches:
        return "; ".join(signal.reason for signal in breaches)
    statuses = dict(zip(broken, statuses_of(report, broken), strict=True))
    warned = [f"{s.subject} ({s.statistic})" for s, status in statuses.items() if status is Status.WARN]
    if warned:
        return f"not yet as in training: {', '.join(warned)}"
    judged = {s.subject for s in report.signals if _judged(s)}
    unknown = [
        f"{s.subject} ({s.statistic})"
        for s, status in statuses.items()
        if status is Status.NO_DATA and not (s.statistic == WHILE_BROKEN and s.subject in judged)
    ]
    return f"not judged lately: {', '.join(unknown)}" if unknown else None


def _sound_since(report: Report, broken: Sequence[Signal]) -> datetime:
    """The first hour of which a clear report says that it is sound."""
    names = {(signal.subject, signal.statistic) for signal in broken}
    found = [
        s for s in report.signals if s.kind is SignalKind.DATA_QUALITY and (s.subject, s.statistic) in names
    ]
    spotless = len(found) == len(names) and all(s.statistic.endswith(SHARE) and s.value == 0 for s in found)
    return report.quality_since if spotless and report.quality_since else judged_hour(report)


def _judged(signal: Signal) -> bool:
    return signal.kind is SignalKind.DATA_QUALITY and signal.status is not Status.NO_DATA
