"""Ranking, read from what observe measures."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from selfheal.diagnose.ranking import METRICS, Ranking
from selfheal.observe.performance.metrics import names
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.performance.outcomes import Joined
from selfheal.observe.performance.realized import Realized, performance_report
from selfheal.observe.policy import PerformancePolicy
from unit.diagnose.snapshots import RANKING

POLICY = PerformancePolicy(min_labels=500, mature_hours=0)
PROMISED = {"auc": 0.7, "log_loss": 0.5}


def realized(rows=2000, matured=None):
    generator = np.random.default_rng(7)
    scores = generator.uniform(0.01, 0.99, rows)
    labels = (generator.uniform(size=rows) < scores).astype(float)
    joined = Joined(
        values=scores,
        labels=labels,
        matured=rows if matured is None else matured,
        young=np.array([]),
        kept_share=1.0,
        delay_median_hours=1.0,
        delay_p90_hours=2.0,
    )
    return Realized.of(Task.BINARY, joined)


def test_it_is_what_observe_reports():
    found = Ranking.of(performance_report(Task.BINARY, realized(), PROMISED, POLICY, None))
    assert (found.metric, found.promised, found.rows) == ("auc", 0.7, 2000)
    assert 0.7 < found.low < found.value < 1


@pytest.mark.parametrize("promised", [{"log_loss": 0.5}, {"auc": math.nan}])
def test_without_a_promise_there_is_none(promised):
    assert Ranking.of(performance_report(Task.BINARY, realized(), promised, POLICY, None)) is None


def test_without_a_bound_there_is_none():
    assert Ranking.of(performance_report(Task.BINARY, realized(rows=1), PROMISED, POLICY, None)) is None
    assert Ranking.of({}) is None


def test_the_metrics_are_observes_own():
    assert set(METRICS) <= set(names.KNOWN_METRICS) - names.LOWER_IS_BETTER


@pytest.mark.parametrize(
    ("low", "intact"), [(0.7, True), (0.665, True), (0.6649, False), (0.5, False), (math.nan, False)]
)
def test_it_is_intact_where_that_is_certain(low, intact):
    assert replace(RANKING, low=low).is_intact(5) is intact


def test_a_promise_that_is_no_number_is_never_kept():
    assert not replace(RANKING, promised=math.nan).is_intact(5)
