"""Labels that stop are noticed within a day, and a few missing ones are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from selfheal.observe.performance.label_coverage import FEWEST, coverage_signal
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.performance.outcomes import Joined
from selfheal.observe.performance.realized import Realized
from selfheal.observe.policy import PerformancePolicy
from selfheal.observe.signals import SignalKind, Status

POLICY = PerformancePolicy(min_coverage_percent=50, confidence=0.99)


def judged(labelled, matured, unusable=0, policy=POLICY):
    labels = np.zeros(labelled + unusable)
    labels[labelled:] = 7
    joined = Joined(
        values=np.full(labels.size, 0.5),
        labels=labels,
        young=np.empty(0),
        matured=matured,
        kept_share=1.0,
        delay_median_hours=None,
        delay_p90_hours=None,
    )
    return coverage_signal(Realized.of(Task.BINARY, joined), policy)


@pytest.mark.parametrize(
    ("labelled", "matured", "status"),
    [
        (1000, 1000, Status.OK),
        (500, 1000, Status.OK),
        (470, 1000, Status.OK),
        (450, 1000, Status.BREACH),
        (0, 1000, Status.BREACH),
        (0, FEWEST, Status.BREACH),
        (0, FEWEST - 1, Status.NO_DATA),
        (0, 0, Status.NO_DATA),
    ],
)
def test_too_few_labels_are_a_breach_where_that_is_certain(labelled, matured, status):
    signal = judged(labelled, matured)
    assert (signal.kind, signal.status) == (SignalKind.LABELS, status)
    assert str(matured) in signal.reason


def test_the_bound_is_the_exact_binomial_one():
    signal = judged(460, 1000)
    interval = binomtest(460, 1000).proportion_ci(confidence_level=0.98, method="exact")
    assert signal.value == pytest.approx(46)
    assert signal.low == pytest.approx(100 * interval.high)


def test_labels_that_cannot_be_are_none():
    assert judged(100, 1000, unusable=900).status is Status.BREACH


def test_where_no_label_is_demanded_none_is_missed():
    assert judged(0, 1000, policy=PerformancePolicy(min_coverage_percent=0)).status is Status.OK
