"""Do labels still come? Without them nobody can say how good the model is, and nobody would notice.

Judged on the predictions of the last day that has matured, not on the longer window that quality is judged on: that
one holds labelled days long after the last label came.
"""

from __future__ import annotations

from scipy.special import betaincinv

from selfheal.observe.performance.realized import Realized
from selfheal.observe.policy import PerformancePolicy
from selfheal.observe.signals import Signal, SignalKind, Status

# Of fewer predictions an hour's chance decides.
FEWEST = 100


def coverage_signal(realized: Realized, policy: PerformancePolicy) -> Signal:
    """`BREACH` where certainly fewer of a day's matured predictions have a usable label than must have one.

    `Signal.low` is the upper bound of the share in per cent, the one that is compared with the threshold
    (C. Clopper, E. Pearson, Biometrika 26, 1934).

    Args:
        realized: of the last day that has matured.
    """
    matured, labelled, needed = realized.joined.matured, realized.rows, policy.min_coverage_percent
    coverage = realized.coverage_percent
    if coverage is None or matured < FEWEST:
        return _signal(
            Status.NO_DATA, f"{matured} predictions of a day have matured, {FEWEST} are needed", matured
        )
    most = (
        1.0 if labelled == matured else float(betaincinv(labelled + 1, matured - labelled, policy.confidence))
    )
    stopped = 100 * most < needed
    told = "labels stopped or are late" if stopped else "labels come"
    return _signal(
        Status.BREACH if stopped else Status.OK,
        f"{told}: {coverage:.1f} % of the {matured} predictions that matured within a day have one, "
        f"{needed:g} % are needed",
        matured,
        value=coverage,
        low=100 * most,
        threshold=needed,
    )


def _signal(status: Status, reason: str, sample: int, **numbers: float) -> Signal:
    return Signal(
        kind=SignalKind.LABELS,
        subject="labels",
        statistic="coverage_percent",
        status=status,
        reason=reason,
        sample=sample,
        **numbers,  # type: ignore[arg-type]
    )
