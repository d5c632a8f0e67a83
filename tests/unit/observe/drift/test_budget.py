"""The budget of false warnings: what everything that may warn has, adds up to what the policy says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.observe.drift.budget import bound_alpha, evidence_limit, rows_alpha
from selfheal.observe.policy import DriftPolicy

LOOKS, DAYS = 720, 30


@given(st.floats(0.01, 50), st.integers(1, 500))
def test_what_a_month_of_looks_may_see_falsely_adds_up_to_the_policys_rate(percent, features):
    policy = DriftPolicy(false_alarms_percent=percent)
    watch = LOOKS / evidence_limit(policy)
    bounds = bound_alpha(policy, features) * features * LOOKS
    rows = rows_alpha(policy) * DAYS
    assert watch + bounds + rows == pytest.approx(percent / 100)
    assert min(watch, bounds, rows) > 0
