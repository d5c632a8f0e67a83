"""What a rule is, and what several rules say alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from selfheal.diagnose.policy import DiagnosisPolicy
from selfheal.diagnose.snapshot import Snapshot
from selfheal.observe.signals import Signal

# A rule answers with its evidence, or with the reason why it does not apply.
Explains = tuple[str, ...]
RuledOut = str
Rule = Callable[[Snapshot, DiagnosisPolicy], "Explains | RuledOut"]


def reasons(signals: Sequence[Signal]) -> Explains:
    return tuple(signal.reason for signal in signals)


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
