"""What every test shares: how hard Hypothesis looks."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline: the machines that run this are shared, and a slow example is not a wrong one.
settings.register_profile(
    "selfheal", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("selfheal")
