"""Is it clear, window after window? One good look may be chance; several in a row are not taken for one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from selfheal.observe.report import Report
from selfheal.observe.signals import Signal, SignalKind, Status
from selfheal.verify.finding import Finding


@dataclass(frozen=True, kw_only=True)
class Clear:
    """How many windows in a row are clear.

    Attributes:
        looks: the newest windows in a row that are.
        doubt: why the newest is not; None where it is.
    """

    looks: int
    doubt: str | None

    @classmethod
    def of(cls, doubts: Iterable[str | None], nothing: str) -> Clear:
        """
        Args:
            doubts: why each window is not clear, or None; newest first, read no further than the row goes.
            nothing: what to say where there is no window.

        >>> Clear.of([None, None, "slow", None], nothing="no window")
        Clear(looks=2, doubt=None)
        >>> Clear.of([], nothing="no window").doubt
        'no window'
        """
        looks = 0
        for doubt in doubts:
            if doubt is not None:
                return cls(looks=looks, doubt=None if looks else doubt)
            looks += 1
        return cls(looks=looks, doubt=None if looks else nothing)


def judge_clear(clear: Clear, subject: str, needed: int) -> Finding:
    """PASS from `needed` windows in a row on."""
    if clear.doubt is not None:
        return Finding.held(clear.doubt)
    if clear.looks < needed:
        return Finding.held(f"{subject} is clear in {clear.looks} of {needed} windows in a row")
    return Finding.passed(f"{subject} is clear in the last {clear.looks} windows")


def reported(reports: Iterable[Report], kind: SignalKind) -> Clear:
    """What reports, newest first, say of all signals of a kind."""
    nothing = f"observe has left no report of {kind.value} yet"
    return Clear.of((_doubt(report, kind) for report in reports), nothing)


def _doubt(report: Report, kind: SignalKind) -> str | None:
    """Why a report does not say that a kind is clear. As its alarm does, it takes a warning for clear; a signal
    below its minimum sample says nothing, and where none says anything the kind is not clear."""
    signals = [signal for signal in report.signals if signal.kind is kind]
    breaches = _reasons(signal for signal in signals if signal.status is Status.BREACH)
    if breaches:
        return breaches
    if all(signal.status is Status.NO_DATA for signal in signals):
        return _reasons(signals[:1]) or f"the last report does not judge {kind.value}"
    return None


def _reasons(signals: Iterable[Signal]) -> str:
    return "; ".join(signal.reason for signal in signals)
