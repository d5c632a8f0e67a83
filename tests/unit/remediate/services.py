"""Services to decide on."""

from __future__ import annotations

from selfheal.observe.signals import SignalKind
from selfheal.remediate.scale import Capacity
from selfheal.remediate.service import Service


def slow_service(**more):
    """Two of four instances, slow, with a model that may be deployed and none before it."""
    there = {
        "config": "flights-new",
        "firing": (SignalKind.LATENCY,),
        "capacity": Capacity(instances=2, maximum=4, step_percent=50),
        "barred": None,
        "earlier": (),
    }
    return Service(**{**there, **more})
