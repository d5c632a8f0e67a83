"""More instances: how many, and when not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.bounds import PolicyError
from selfheal.observe.signals import SignalKind
from selfheal.remediate.scale import Capacity, capacity_request


def capacity(instances=2, maximum=4, step_percent=50.0):
    return Capacity(instances=instances, maximum=maximum, step_percent=step_percent)


@pytest.mark.parametrize(
    ("instances", "maximum", "step_percent", "raised"),
    [
        (1, 4, 50, 2),  # half of an instance is one
        (2, 4, 50, 3),
        (3, 4, 50, 4),  # never beyond the maximum
        (10, 100, 1, 11),
        (10, 100, 300, 40),
        (4, 4, 50, 4),
        (9, 4, 50, 9),  # somebody went beyond it: scaling never takes instances away
        (0, 4, 50, 1),
    ],
)
def test_one_step(instances, maximum, step_percent, raised):
    assert capacity(instances, maximum, step_percent).raised == raised


@given(st.integers(0, 2000), st.integers(1, 1000), st.floats(1, 1000))
def test_a_step_never_leaves_the_maximum_and_never_shrinks_the_fleet(instances, maximum, step_percent):
    found = capacity(instances, maximum, step_percent)
    assert instances <= found.raised <= max(instances, maximum)
    assert (found.obstacle([SignalKind.LATENCY]) is None) == (found.raised > instances)


@pytest.mark.parametrize("kind", [kind for kind in SignalKind if kind is not SignalKind.LATENCY])
def test_only_what_is_slow_is_scaled(kind):
    assert "no alarm on latency is firing" in capacity().obstacle([kind])
    assert capacity().obstacle([kind, SignalKind.LATENCY]) is None


def test_nothing_firing_is_no_reason():
    assert capacity().obstacle([]) is not None


def test_at_the_maximum_there_is_no_step():
    assert capacity(4).obstacle([SignalKind.LATENCY]) == "4 instances are asked for, and 4 is the maximum"


@pytest.mark.parametrize(
    ("field", "value"), [("instances", -1), ("maximum", 0), ("step_percent", 0), ("step_percent", math.nan)]
)
def test_a_size_that_cannot_be_is_refused_by_name(field, value):
    with pytest.raises(PolicyError, match=field):
        capacity(**{field: value})


def test_the_request_names_one_variant_and_leaves_its_weight():
    assert capacity_request("flights", "AllTraffic", 3) == {
        "EndpointName": "flights",
        "DesiredWeightsAndCapacities": [{"VariantName": "AllTraffic", "DesiredInstanceCount": 3}],
    }
