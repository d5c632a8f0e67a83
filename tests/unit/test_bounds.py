"""Policies name every field that cannot be, and NaN is nowhere inside."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from selfheal.bounds import PolicyError, Problem, at_least, between, require
from selfheal.observe.policy import DriftPolicy, ObservePolicy, PerformancePolicy, QualityPolicy
from selfheal.remediate.gate_policy import GatePolicy
from selfheal.remediate.rails import Rails
from selfheal.remediate.release_policy import ReleasePolicy, Strategy
from selfheal.verdict import Verdict, worst
from selfheal.verify.policy import RecoveryPolicy

POLICIES = [
    DriftPolicy,
    QualityPolicy,
    PerformancePolicy,
    ObservePolicy,
    GatePolicy,
    Rails,
    ReleasePolicy,
    RecoveryPolicy,
]


@dataclass(frozen=True)
class Pair:
    low: float
    high: float

    def __post_init__(self):
        require(self, low=between(0, 1), high=at_least(2))


def test_within_bounds_is_silence():
    Pair(0, 2)
    Pair(1, 1e9)


def test_every_field_out_of_bounds_is_named_at_once():
    with pytest.raises(PolicyError) as caught:
        Pair(-1, 1)
    assert caught.value.problems == (
        Problem("low", -1, "a number from 0 to 1"),
        Problem("high", 1, "a number of at least 2"),
    )
    assert str(caught.value) == (
        "low = -1: expected a number from 0 to 1; high = 1: expected a number of at least 2"
    )


def test_nan_is_never_inside():
    with pytest.raises(PolicyError) as caught:
        Pair(math.nan, math.nan)
    assert [problem.field for problem in caught.value.problems] == ["low", "high"]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)
def test_the_defaults_are_within_their_own_bounds(policy):
    policy()


def number_fields():
    for policy in POLICIES:
        for name, value in vars(policy()).items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                yield pytest.param(policy, name, id=f"{policy.__name__}.{name}")


@pytest.mark.parametrize(("policy", "name"), list(number_fields()))
@pytest.mark.parametrize("value", [math.nan, -1])
def test_no_number_of_a_policy_may_be_nan_or_negative(policy, name, value):
    with pytest.raises(PolicyError) as caught:
        policy(**{name: value})
    assert name in [problem.field for problem in caught.value.problems]


@pytest.mark.parametrize("seconds", [0, 7, 59, 90, -60])
def test_an_alarm_period_that_cloudwatch_refuses_is_refused(seconds):
    with pytest.raises(PolicyError, match="alarm_period_seconds"):
        ReleasePolicy(alarm_period_seconds=seconds)


@pytest.mark.parametrize("seconds", [10, 30, 60, 300])
def test_an_alarm_period_that_cloudwatch_takes_is_taken(seconds):
    assert ReleasePolicy(alarm_period_seconds=seconds).alarm_period_seconds == seconds


def test_a_timeout_must_exceed_the_waits():
    ReleasePolicy(bake_minutes=20, termination_wait_minutes=9, timeout_minutes=30)
    with pytest.raises(PolicyError, match="more than the 30 min"):
        ReleasePolicy(bake_minutes=20, termination_wait_minutes=10, timeout_minutes=30)


def test_the_waits_of_a_linear_release_are_those_of_all_its_steps():
    policy = ReleasePolicy(
        strategy=Strategy.LINEAR, canary_percent=30, bake_minutes=10, termination_wait_minutes=5
    )
    assert policy.waits_minutes == 4 * 10 + 5
    with pytest.raises(PolicyError, match="45 min"):
        ReleasePolicy(
            strategy=Strategy.LINEAR,
            canary_percent=30,
            bake_minutes=10,
            termination_wait_minutes=5,
            timeout_minutes=45,
        )


def test_a_linear_step_below_a_tenth_is_refused():
    ReleasePolicy(canary_percent=5)
    with pytest.raises(PolicyError, match="10 to 50 for a linear release"):
        ReleasePolicy(strategy=Strategy.LINEAR, canary_percent=5, bake_minutes=1)


def test_more_datapoints_than_periods_are_refused():
    with pytest.raises(PolicyError, match="alarm_datapoints"):
        ReleasePolicy(alarm_datapoints=3, alarm_periods=2)
    with pytest.raises(PolicyError, match="confirmations"):
        ObservePolicy(confirmations=3, confirmation_windows=2)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], Verdict.INCONCLUSIVE),
        ([Verdict.PASS], Verdict.PASS),
        ([Verdict.PASS, Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE),
        ([Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS], Verdict.FAIL),
        ([Verdict.FAIL, Verdict.ERROR, Verdict.PASS], Verdict.ERROR),
    ],
)
def test_the_worst_verdict_wins_and_none_is_inconclusive(verdicts, expected):
    assert worst(verdicts) is expected
